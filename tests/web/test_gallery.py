"""The gallery, the map of the sky and the list as a table: what everybody sees, and nothing more."""

from __future__ import annotations

import csv
import io

import pytest

from hven.accounts.actor import ANYONE, Actor


def text_of(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode() if not answer.streaming else b"".join(answer.streaming_content).decode()


@pytest.fixture
def sky(user, other_user, make_frame):
    """A public and a private frame of each of two people, all at one place."""
    from hven.archive.services import set_machine_tags

    made = {
        (who.username, visibility): make_frame(who, visibility=visibility, name=f"{visibility}-of-{who.username}.fits")
        for who in (user, other_user)
        for visibility in ("public", "private")
    }
    for (name, visibility), one in made.items():
        set_machine_tags(one.reduction.data_file, ["M 42", f"secret of {name}" if visibility == "private" else "shown"])
    return made


def test_visitors_see_public_frames_of_everybody_with_what_is_on_them(anyone, user, other_user, sky) -> None:
    page = text_of(anyone, "/gallery/")
    for who in (user, other_user):
        assert f"public-of-{who.username}.fits" in page
        assert f"by {who.username}" in page
    assert "84.000 -1.500" in page
    assert "M 42, shown" in page
    assert 'name="frames"' not in page
    assert "2 frames" in page


def test_the_gallery_is_the_same_for_those_who_are_signed_in(client_for, user, sky) -> None:
    page = text_of(client_for(user), "/gallery/")
    assert f"private-of-{user.username}" not in page
    assert "2 frames" in page


QUERIES = ["", "?q=private", "?q=secret", "?q=tag:secret", "?near=84+-1.5&radius=5", "?q=OBJECT%3DUraniborg", "?q=M42",
           "?solved=yes", "?state=solved", "?look=table", "?q=name:private", "?whose=all"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_no_search_finds_what_is_private(anyone, client_for, sky, query, django_user_model) -> None:
    stranger = client_for(django_user_model.objects.create_user("brahe"))
    for client in (anyone, stranger):
        for path in ("/gallery/", "/gallery/list.csv"):
            page = text_of(client, path + query)
            assert "private-of" not in page
            assert "secret of" not in page
    for path in ("/frames/", "/frames/list.csv"):
        page = text_of(stranger, path + query)
        assert "private-of" not in page
        assert "secret of" not in page


def test_the_map_counts_what_one_may_see(anyone, client_for, user, sky) -> None:
    from hven.imaging.services.places import places
    from hven.imaging.services.search import Wanted

    assert [place.count for place in places(ANYONE, Wanted())] == [2]
    assert [place.count for place in places(Actor.of(user), Wanted())] == [3]
    assert [place.count for place in places(Actor.of(user), Wanted(owner=user))] == [2]
    assert "2 frames at 84.0 -1.5" in text_of(anyone, "/gallery/")
    assert "2 frames at 84.0 -1.5" in text_of(client_for(user), "/frames/?look=map")
    assert "3 frames at 84.0 -1.5" in text_of(client_for(user), "/frames/?look=map&whose=all")


def test_a_dot_leads_to_the_frames_of_its_place(anyone, sky) -> None:
    import re
    from html import unescape

    address = unescape(re.search(r'<a href="(/gallery/\?near=[^"]+)"', text_of(anyone, "/gallery/"))[1])
    page = text_of(anyone, address)
    assert "public-of-tycho" in page
    assert "within" in page
    assert "No frame fits" in text_of(anyone, "/gallery/?near=200+40&radius=3")


def test_the_map_says_the_same_in_words(anyone, sky) -> None:
    page = text_of(anyone, "/gallery/")
    assert "The same in words" in page
    assert "Milky Way" in page


def test_an_empty_gallery_says_how_frames_come_there(anyone, db) -> None:
    assert "Nothing is shown yet" in text_of(anyone, "/gallery/")


def test_a_list_is_had_as_a_table_with_numbers(client_for, user, make_frame) -> None:
    from hven.archive.services import add_tag

    made = make_frame(user, name="=cmd.fits")
    add_tag(Actor.of(user), made.reduction.data_file, "a comet, bright")
    make_frame(user, name="two.fits", outcome="failed")
    rows = list(csv.DictReader(io.StringIO(text_of(client_for(user), "/frames/list.csv"))))
    assert [row["name"] for row in rows] == ["two.fits", "'=cmd.fits"]
    assert float(rows[1]["ra_deg"]) == 84.0
    assert rows[1]["tags"] == "a comet, bright"
    assert (rows[0]["state"], rows[0]["ra_deg"]) == ("failed", "")
    assert rows[1]["id"] == str(made.reduction.uuid)
    narrowed = text_of(client_for(user), "/frames/list.csv?state=failed")
    assert len(narrowed.splitlines()) == 2


def test_columns_sort_both_ways(client_for, user, make_frame) -> None:
    for name in ("b.fits", "a.fits", "c.fits"):
        make_frame(user, name=name, outcome="queued")
    client = client_for(user)

    def order(wanted: str) -> list[str]:
        return [row.split(",")[0] for row in text_of(client, f"/frames/list.csv?order={wanted}").splitlines()[1:]]

    assert order("name") == ["a.fits", "b.fits", "c.fits"]
    assert order("name+backwards") == ["c.fits", "b.fits", "a.fits"]
    assert order("oldest") == ["b.fits", "a.fits", "c.fits"]
    assert 'aria-sort="ascending"' in text_of(client, "/frames/?look=table&order=name")
