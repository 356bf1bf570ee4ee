"""The list of frames: narrowing, searching, paging."""

from __future__ import annotations

import pytest

from hven.web.positions import read_position


@pytest.mark.parametrize(
    ("text", "ra", "dec"),
    [
        ("84.05 -1.2", 84.05, -1.2),
        ("84.05, +1.2", 84.05, 1.2),
        ("05:36:12 -01:12:00", 84.05, -1.2),
        ("05h36m12s -01d12m00s", 84.05, -1.2),
        ("05h36m12.0s −01°12′00″", 84.05, -1.2),
        ("5 36 12 -1 12 0", 84.05, -1.2),
        ("05:36 -00:30", 84.0, -0.5),
    ],
)
def test_positions_are_read_as_people_write_them(text, ra, dec) -> None:
    assert read_position(text) == pytest.approx((ra, dec))


@pytest.mark.parametrize("text", ["M 42", "NGC 1976", "IC 434", "400 10", "20 -95", "1", "", "2026-03-01", "frame 12"])
def test_names_are_no_positions(text) -> None:
    assert read_position(text) is None


def shown(client, query: str) -> set[str]:
    from hven.imaging.models import Reduction

    page = client.get(f"/frames/?{query}")
    assert page.status_code == 200
    return {name for name in Reduction.objects.values_list("name", flat=True) if name in page.content.decode()}


def test_frames_are_found_by_name_object_tag_and_place(client_for, user, make_frame) -> None:
    from hven.archive.services import set_machine_tags

    one = make_frame(user, name="one.fits")
    make_frame(user, name="two.jpeg", kind="jpeg", outcome="failed")
    set_machine_tags(one.reduction.data_file, ["M 42", "Orion Nebula"])
    client = client_for(user)
    for query in ("q=ONE", "q=uraniborg", "q=orion+neb", "q=84.1+-1.4", "q=5:36:10+-1:30:00", "state=solved"):
        assert shown(client, query) == {"one.fits"}, query
    assert shown(client, "state=failed") == {"two.jpeg"}
    assert shown(client, "q=84+20") == shown(client, "state=queued") == set()


@pytest.mark.parametrize(
    "query", ["page=x", "page=-1", "page=999", "state=x", "order=x", "look=x", "q=%00", "q=" + "x" * 999]
)
def test_an_address_that_makes_no_sense_still_shows_a_list(client_for, user, make_frame, query) -> None:
    make_frame(user)
    assert client_for(user).get(f"/frames/?{query}").status_code == 200


def test_a_long_list_is_paged_with_a_steady_number_of_queries(
    client_for, user, make_frame, django_assert_max_num_queries
) -> None:
    for number in range(30):
        make_frame(user, name=f"number-{number:02d}.fits", outcome="queued")
    client = client_for(user)
    with django_assert_max_num_queries(16):
        first = client.get("/frames/?look=table").content.decode()
    assert "number-29.fits" in first
    assert "number-05.fits" not in first
    assert "number-05.fits" in client.get("/frames/?page=2").content.decode()


def test_the_queue_says_places_and_takes_cancel_and_retry(client_for, user, make_frame) -> None:
    one, two = make_frame(user, name="a.fits", outcome="queued"), make_frame(user, name="b.fits", outcome="queued")
    client = client_for(user)
    page = client.get("/queue/").content.decode()
    assert "next in turn" in page
    assert "1 before it" in page
    client.post(f"/runs/{one.run.uuid}/cancel/")
    one.run.job.refresh_from_db()
    assert one.run.job.state == "cancelled"
    client.post(f"/runs/{one.run.uuid}/retry/")
    assert one.reduction.runs.count() == 2
    part = client.get("/queue/", HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in part
    assert "cancelled" in part
    assert two.run.uuid.hex


def test_empty_pages_say_what_to_do_next(client_for, user) -> None:
    client = client_for(user)
    assert "Your first frame" in client.get("/frames/").content.decode()
    assert "hven simulate" in client.get("/frames/").content.decode()
    assert "Nothing waits" in client.get("/queue/").content.decode()
    assert "No keys yet" in client.get("/keys/").content.decode()
    assert "No frame fits" in client.get("/frames/?q=nothing").content.decode()


def test_a_list_that_is_too_long_to_count_still_has_all_its_pages(user, make_frame, monkeypatch) -> None:
    from hven.accounts.actor import Actor
    from hven.imaging.services.search import Wanted
    from hven.web import listing
    from hven.web.asking import Understood

    monkeypatch.setattr(listing, "MOST_COUNTED", 3)
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    for number in range(7):
        make_frame(user, name=f"{number}.fits", outcome="queued")
    actor, wanted = Actor.of(user), Understood(Wanted(owner=user))
    pages = [listing.page_of(actor, wanted, str(number)) for number in range(1, 5)]
    assert [[frame.name[0] for frame in page] for page in pages] == [["6", "5"], ["4", "3"], ["2", "1"], ["0"]]
    assert [page.has_next() for page in pages] == [True, True, True, False]
    assert pages[0].paginator.uncounted
    assert pages[3].previous_page_number() == 3
    beyond = listing.page_of(actor, wanted, "9")
    assert [frame.name[0] for frame in beyond] == ["4", "3"]
    for nonsense in ("0", "-1", "x", "", str(10**30)):
        assert listing.page_of(actor, wanted, nonsense).number in {1, 2}


def test_a_very_long_list_is_not_sorted_by_time_and_says_so(client_for, user, make_frame, monkeypatch) -> None:
    from hven.web import listing

    for number in range(3):
        make_frame(user, name=f"{number}.fits", outcome="queued")
    client = client_for(user)
    assert "stand in the order of their upload" not in client.get("/frames/?order=exposed").content.decode()
    monkeypatch.setattr(listing, "MOST_COUNTED", 2)
    page = client.get("/frames/?order=exposed").content.decode()
    assert "stand in the order of their upload" in page
    assert page.index("2.fits") < page.index("1.fits") < page.index("0.fits")
