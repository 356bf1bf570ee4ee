"""What is done with frames that were selected in a list."""

from __future__ import annotations

import pytest

from hven.accounts.actor import Actor
from hven.imaging.models import Reduction


def send(client, made, action: str, **more: str):
    return client.post(
        "/frames/selection/", {"action": action, "frames": [str(one.reduction.uuid) for one in made], **more}
    )


def test_frames_are_moved_tagged_and_shared_together(client_for, user, make_frame) -> None:
    from hven.archive.services import make_album

    made, client = [make_frame(user), make_frame(user)], client_for(user)
    album = make_album(Actor.of(user), "Comets")
    assert send(client, made, "move", album=str(album.uuid)).status_code == 302
    assert album.data_files.count() == 2
    send(client, made, "tag", tag="Halley")
    send(client, made, "public")
    for one in made:
        one.reduction.refresh_from_db()
        assert one.reduction.visibility == "public"
        assert [tag.text for tag in one.reduction.data_file.tags.all()] == ["Halley"]
    send(client, made, "private")
    assert set(Reduction.objects.values_list("visibility", flat=True)) == {"private"}


@pytest.mark.parametrize("action", ["move", "tag", "public", "private", "delete"])
def test_frames_of_others_are_left_alone(client_for, user, other_user, make_frame, action) -> None:
    from hven.archive.services import make_album

    mine, theirs = make_frame(user), make_frame(other_user, visibility="public")
    hidden = make_frame(other_user, name="hidden.fits")
    album = make_album(Actor.of(user), "Comets")
    said = {"album": str(album.uuid), "tag": "mine", "confirmed": "yes", "next": "/frames/?whose=all"}
    answer = client_for(user).post("/frames/selection/", {
        "action": action, "frames": [str(one.reduction.uuid) for one in (mine, theirs, hidden)], **said,
    }, follow=True)  # fmt: skip
    assert answer.status_code == 200
    assert "hidden.fits" not in answer.content.decode()
    for one in (theirs, hidden):
        file = Reduction.objects.get(pk=one.reduction.pk).data_file
        assert file.dataset != album
        assert not file.tags.exists()
    assert Reduction.objects.get(pk=theirs.reduction.pk).visibility == "public"
    assert Reduction.objects.filter(pk=hidden.reduction.pk).exists()
    if action == "delete":
        assert not Reduction.objects.filter(pk=mine.reduction.pk).exists()
    else:
        assert "1 frame" in answer.content.decode()


def test_deleting_says_first_what_goes_and_what_stays(client_for, user, make_frame) -> None:
    from hven.archive.services import make_album, move_files

    actor, client = Actor.of(user), client_for(user)
    filed, loose, twice = make_frame(user, name="filed.fits"), make_frame(user), make_frame(user, name="twice.fits")
    move_files(actor, [filed.reduction.data_file], make_album(actor, "Comets"))
    Reduction.objects.create(owner=user, data_file=twice.reduction.data_file, name="again")
    page = send(client, [filed, loose, twice], "delete").content.decode()
    assert "filed in the dataset Comets" in page
    assert "another frame is made of it" in page
    assert page.count("and the file as it was received") == 1
    assert Reduction.objects.count() == 4, "nothing was deleted yet"
    send(client, [filed, loose, twice], "delete", confirmed="yes")
    assert [one.name for one in Reduction.objects.all()] == ["again"]
    alone = make_frame(user)
    assert "the file as it was received" in client.get(f"{alone.path}delete/").content.decode()


def test_two_frames_lead_to_their_comparison(client_for, user, make_frame) -> None:
    a, b, c = make_frame(user), make_frame(user), make_frame(user, outcome="failed")
    client = client_for(user)
    assert send(client, [a, b], "compare")["Location"] == f"/compare/?a={a.run.pk}&b={b.run.pk}"
    assert send(client, [a], "compare").status_code == 400
    assert send(client, [a, c], "compare").status_code == 400


@pytest.mark.parametrize("form", [{}, {"action": "move"}, {"action": "odd"}, {"frames": ["x"]}, {"action": "tag"}])
def test_forms_that_make_no_sense_are_refused(client_for, user, make_frame, form) -> None:
    said = {"frames": [str(make_frame(user).reduction.uuid)], **form}
    assert client_for(user).post("/frames/selection/", said).status_code == 400


def test_after_it_one_is_back_on_this_site_only(client_for, user, make_frame) -> None:
    made, client = make_frame(user), client_for(user)
    assert send(client, [made], "public", next="/frames/?q=x")["Location"] == "/frames/?q=x"
    assert send(client, [made], "public", next="https://elsewhere.example/")["Location"] == "/frames/"


def test_visitors_change_nothing(anyone, user, make_frame) -> None:
    assert send(anyone, [make_frame(user, visibility="public")], "private").status_code == 302
    assert Reduction.objects.get().visibility == "public"
