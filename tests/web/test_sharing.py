"""Links that open a frame or an album to whoever has them; words, album and licence of a frame."""

from __future__ import annotations

import re

import pytest

from hven.accounts.actor import Actor
from hven.accounts.models import Grant
from hven.archive.services import add_tag, make_album, move_files

from .test_access import addresses, statuses


def make_link(client, path: str, days: str = "") -> str:
    """Make a link on a page and return its path."""
    answer = client.post(f"{path}links/", {"days": days})
    assert answer.status_code == 200
    return re.search(r'id="made-link">[a-z]+://[^/]+([^<]+)<', answer.content.decode())[1]


def test_a_link_opens_a_frame_with_all_its_files_to_anybody(anyone, client_for, user, make_frame) -> None:
    made, other = make_frame(user), make_frame(user)
    link = make_link(client_for(user), made.path)
    answer = anyone.get(link)
    assert answer["Location"] == made.path
    assert answer["Referrer-Policy"] == "no-referrer"
    assert statuses(anyone, made) == {200}
    assert statuses(anyone, other) == {404}
    assert anyone.post(f"{made.path}visibility/", {"visibility": "public"}).status_code == 401


def test_several_links_stay_open_in_one_browser(anyone, client_for, user, make_frame) -> None:
    made = [make_frame(user), make_frame(user)]
    for one in made:
        anyone.get(make_link(client_for(user), one.path))
    assert {anyone.get(one.path).status_code for one in made} == {200}


def test_a_link_is_shown_once_and_ends_when_it_is_taken_back(anyone, client_for, user, make_frame) -> None:
    made, client = make_frame(user), client_for(user)
    link = make_link(client, made.path)
    secret = link.strip("/").rsplit("/", 1)[1]
    anyone.get(link)
    page = client.get(made.path).content.decode()
    assert secret not in page
    grant = Grant.objects.get()
    assert str(grant.uuid) in page
    client.post(f"{made.path}links/", {"revoke": str(grant.uuid)})
    assert anyone.get(made.path).status_code == 404
    assert anyone.get(link).status_code == 404


def test_a_link_ends_by_itself(anyone, client_for, user, make_frame) -> None:
    from datetime import timedelta

    from django.utils import timezone

    made = make_frame(user)
    anyone.get(make_link(client_for(user), made.path, days="7"))
    left = Grant.objects.get().expires - timezone.now()
    assert timedelta(days=6.9) < left < timedelta(days=7)
    assert anyone.get(made.path).status_code == 200
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert anyone.get(made.path).status_code == 404


def test_only_those_who_may_share_make_or_take_back_links(anyone, client_for, user, other_user, make_frame) -> None:
    made = make_frame(user, visibility="public")
    make_link(client_for(user), made.path)
    grant = str(Grant.objects.get().uuid)
    stranger = client_for(other_user)
    for said in ({"days": ""}, {"revoke": grant}):
        assert stranger.post(f"{made.path}links/", said).status_code == 403
        assert anyone.post(f"{made.path}links/", said).status_code == 401
    assert grant not in stranger.get(made.path).content.decode()
    other = make_frame(other_user)
    assert stranger.post(f"{other.path}links/", {"revoke": grant}).status_code == 404
    assert Grant.objects.count() == 1


@pytest.mark.parametrize("secret", ["x", "0" * 40, "a" * 300, "%00"])
def test_a_link_that_was_never_made_opens_nothing(anyone, db, secret) -> None:
    assert anyone.get(f"/shared/{secret}/").status_code == 404


@pytest.mark.parametrize("said", [{"days": "9999"}, {"days": "x"}, {"revoke": "x"}])
def test_links_that_make_no_sense_are_refused(client_for, user, make_frame, said) -> None:
    assert client_for(user).post(f"{make_frame(user).path}links/", said).status_code in {400, 404}
    assert not Grant.objects.exists()


def test_a_link_to_an_album_opens_the_frames_of_its_owner_in_it(
    anyone, client_for, user, other_user, make_frame
) -> None:
    from hven.accounts.services import grant_to

    album = make_album(Actor.of(user), "Comets")
    inside, outside = make_frame(user, name="inside.fits"), make_frame(user, name="outside.fits")
    guest = make_frame(other_user, name="guest.fits")
    move_files(Actor.of(user), [inside.reduction.data_file], album)
    grant_to(Actor.of(user), album, other_user, "change")
    move_files(Actor.of(other_user), [guest.reduction.data_file], album)
    path = f"/albums/{album.uuid}/"
    link = make_link(client_for(user), path)
    assert anyone.get(path).status_code == 404
    assert anyone.get(link)["Location"] == path
    page = anyone.get(path).content.decode()
    assert "inside.fits" in page
    assert "guest.fits" not in page, "its owner gave no link away"
    assert statuses(anyone, inside) == {200}
    assert statuses(anyone, outside) == statuses(anyone, guest) == {404}
    assert "inside.fits" not in anyone.get("/gallery/").content.decode()
    client_for(user).post(f"{path}links/", {"revoke": str(Grant.objects.exclude(link_digest="").get().uuid)})
    assert anyone.get(path).status_code == 404
    assert statuses(anyone, inside) == {404}


def test_a_frame_that_leaves_the_album_leaves_its_link(anyone, client_for, user, make_frame) -> None:
    actor, made = Actor.of(user), make_frame(user)
    album, other = make_album(actor, "Comets"), make_album(actor, "Other")
    move_files(actor, [made.reduction.data_file], album)
    anyone.get(make_link(client_for(user), f"/albums/{album.uuid}/"))
    assert anyone.get(made.path).status_code == 200
    move_files(actor, [made.reduction.data_file], other)
    assert anyone.get(made.path).status_code == 404


def test_words_are_put_on_a_frame_and_taken_off(client_for, user, make_frame) -> None:
    made, client = make_frame(user), client_for(user)
    client.post(f"{made.path}tags/", {"tag": "Halley, winter sky"})
    assert {tag.text for tag in made.reduction.data_file.tags.all()} == {"Halley", "winter sky"}
    page = client.get(made.path).content.decode()
    assert "?q=tag%3AHalley" in page
    assert "?q=tag%3A%22winter%20sky%22" in page
    client.post(f"{made.path}tags/", {"remove": "halley"})
    assert [tag.text for tag in made.reduction.data_file.tags.all()] == ["winter sky"]
    assert client.post(f"{made.path}tags/", {"tag": " "}).status_code == 400


def test_a_frame_is_moved_to_an_album_or_a_new_one(client_for, user, make_frame) -> None:
    made, client, album = make_frame(user), client_for(user), make_album(Actor.of(user), "Comets")
    file = made.reduction.data_file
    client.post(f"{made.path}album/", {"album": str(album.uuid)})
    file.refresh_from_db()
    assert file.dataset == album
    assert f"/albums/{album.uuid}/" in client.get(made.path).content.decode()
    client.post(f"{made.path}album/", {"album": str(album.uuid), "new_album": "Novae"})
    file.refresh_from_db()
    assert file.dataset.name == "Novae"


def test_the_licence_is_set_and_shown_to_others(anyone, client_for, user, make_frame) -> None:
    made = make_frame(user, visibility="public")
    answer = client_for(user).post(f"{made.path}licence/", {"commercial_use": "no", "modifications": "share alike"})
    assert answer.status_code == 302
    made.reduction.data_file.refresh_from_db()
    assert made.reduction.data_file.modifications == "share alike"
    page = anyone.get(made.path).content.decode()
    assert "Commercial use: not allowed." in page
    assert client_for(user).post(f"{made.path}licence/", {"commercial_use": "odd"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "said"),
    [("tags", {"tag": "mine"}), ("tags", {"remove": "theirs"}), ("album", {"new_album": "x"}),
     ("licence", {"commercial_use": "yes"})],
)  # fmt: skip
def test_strangers_change_nothing(anyone, client_for, other_user, make_frame, name, said, user) -> None:
    public, private = make_frame(user, visibility="public"), make_frame(user)
    add_tag(Actor.of(user), public.reduction.data_file, "theirs")
    for client, refused in ((client_for(other_user), 403), (anyone, 401)):
        assert client.post(f"{public.path}{name}/", said).status_code == refused
        assert client.post(f"{private.path}{name}/", said).status_code == 404
    assert [tag.text for tag in public.reduction.data_file.tags.all()] == ["theirs"]
    assert 'name="remove"' not in anyone.get(public.path).content.decode()


def test_the_new_downloads_obey_the_same_rule(anyone, client_for, user, other_user, make_frame) -> None:
    made = make_frame(user)
    run = f"{made.path}runs/{made.run.pk}/"
    paths = [f"{run}frame.kmz", f"{run}header.fits", f"{run}pictures/extraction-display",
             f"{run}pictures/grid-full", f"{run}pictures/plain-full"]  # fmt: skip
    assert {client_for(user).get(path).status_code for path in paths} == {200}
    assert {anyone.get(path).status_code for path in [*paths, f"{run}sources.csv", f"{run}corr.csv"]} == {404}
    assert client_for(user).get(f"{run}pictures/odd-full").status_code == 404
    assert client_for(user).get(f"{run}odd.csv").status_code == 404
    made.reduction.visibility = "public"
    made.reduction.save()
    assert {anyone.get(path).status_code for path in paths if "header" not in path} == {200}
    assert client_for(other_user).get(f"{run}header.fits").status_code == 403
    assert addresses(made)
