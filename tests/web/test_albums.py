"""Albums on pages: made, filled, shown and taken away."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.archive.models import Dataset
from hven.archive.services import make_album, move_files


@pytest.fixture
def filled(user, make_frame):
    """An album with a private and a public frame."""
    album = make_album(Actor.of(user), "Comets of winter", about="What the <b>season</b> brought.")
    made = [make_frame(user, name=f"{kind}.fits", visibility=kind) for kind in ("private", "public")]
    move_files(Actor.of(user), [one.reduction.data_file for one in made], album)
    return album


def page(client: Any, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_album_is_made_renamed_and_deleted_while_its_frames_stay(client_for, user, filled) -> None:
    client = client_for(user)
    made = client.post("/data/", {"name": "Novae", "about": "new ones", "visibility": "public"})
    album = Dataset.objects.get(name="Novae")
    assert made["Location"] == f"/data/{album.uuid}/"
    assert (album.about, album.visibility) == ("new ones", "public")
    client.post(f"/albums/{filled.uuid}/change/", {"name": "Comets", "about": "of spring"})
    filled.refresh_from_db()
    assert (filled.name, filled.about) == ("Comets", "of spring")
    files = list(filled.data_files.all())
    client.post(f"/albums/{filled.uuid}/delete/")
    for file in files:
        file.refresh_from_db()
        assert file.dataset.inbox


def test_what_is_wrong_with_a_name_is_said_and_what_was_typed_stays(client_for, user, filled) -> None:
    client = client_for(user)
    answer = client.post("/data/", {"name": "comets of WINTER", "about": "kept words"})
    assert answer.status_code == 400
    assert "a dataset of that name" in answer.content.decode()
    assert "kept words" in answer.content.decode()
    other = make_album(Actor.of(user), "Other")
    answer = client.post(f"/albums/{other.uuid}/change/", {"name": "Comets of winter"})
    assert answer.status_code == 400
    assert "There is a dataset called" in answer.content.decode()


def test_its_page_shows_its_frames_as_text_and_pictures(client_for, user, filled) -> None:
    said = page(client_for(user), f"/albums/{filled.uuid}/")
    assert "private.fits" in said
    assert "public.fits" in said
    assert "&lt;b&gt;season" in said
    assert "public.fits" in page(client_for(user), f"/albums/{filled.uuid}/?look=table")
    assert "1 frame" in page(client_for(user), f"/albums/{filled.uuid}/?q=public")
    assert "Comets of winter" in page(client_for(user), "/data/")
    assert "2 files" in page(client_for(user), "/data/")


def test_strangers_learn_nothing_of_a_private_album(anyone, client_for, other_user, filled) -> None:
    for client in (anyone, client_for(other_user)):
        assert "Comets of winter" not in page(client, "/data/")
        for path in ("", "list.csv"):
            assert client.get(f"/albums/{filled.uuid}/{path}").status_code == 404
        for path, said in (("change/", {"name": "x"}), ("visibility/", {"visibility": "public"}), ("delete/", {}),
                           ("links/", {"days": ""})):  # fmt: skip
            assert client.post(f"/albums/{filled.uuid}/{path}", said).status_code == 404
    assert "Comets of winter" not in page(anyone, "/gallery/")
    public = filled.data_files.get(name="public.fits").reductions.get()
    assert "Comets of winter" not in page(anyone, f"/frames/{public.uuid}/")


def test_a_public_album_shows_strangers_its_public_frames_only(anyone, client_for, user, other_user, filled) -> None:
    client_for(user).post(f"/albums/{filled.uuid}/visibility/", {"visibility": "public"})
    for client in (anyone, client_for(other_user)):
        said = page(client, f"/albums/{filled.uuid}/")
        assert "public.fits" in said
        assert "private.fits" not in said
        assert "1 file<" in page(client, "/data/")
        assert client.post(f"/albums/{filled.uuid}/delete/").status_code in {401, 403}
    client_for(user).post(f"/albums/{filled.uuid}/visibility/", {"visibility": "public", "files": "yes"})
    assert "private.fits" in page(anyone, f"/albums/{filled.uuid}/")


def test_an_inbox_is_neither_shared_nor_deleted_nor_seen_by_others(anyone, client_for, user, make_frame) -> None:
    inbox, client = make_frame(user).reduction.data_file.dataset, client_for(user)
    assert "stjerneborg.fits" in page(client, f"/albums/{inbox.uuid}/")
    for path, said in (("delete/", {}), ("visibility/", {"visibility": "public"}), ("links/", {"days": ""}),
                       ("change/", {"name": "x"})):  # fmt: skip
        assert client.post(f"/albums/{inbox.uuid}/{path}", said).status_code in {400, 403}
    assert anyone.get(f"/albums/{inbox.uuid}/").status_code == 404
    inbox.refresh_from_db()
    assert (inbox.visibility, inbox.name) == ("private", "Inbox")


def test_visitors_are_asked_to_sign_in_to_make_one(anyone, db) -> None:
    assert "New dataset" not in page(anyone, "/data/")
    assert anyone.post("/data/", {"name": "x"}).status_code == 401
    assert anyone.get("/albums/")["Location"] == "/data/"


def test_uploads_go_to_the_chosen_album_with_the_chosen_licence(client_for, user, other_user) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tests.web.conftest import picture_bytes

    album, client = make_album(Actor.of(user), "Comets"), client_for(user)
    foreign = make_album(Actor.of(other_user), "Hers", visibility="public")

    def send(where: Any, **more: str) -> Any:
        file = SimpleUploadedFile("a.fits", picture_bytes())
        return client.post("/uploads/", {"file": file, "album": str(where.uuid), **more})

    said = send(album, commercial_use="no", modifications="share alike")
    assert said.status_code == 201, said.content
    file = album.data_files.get()
    assert (file.commercial_use, file.modifications) == ("no", "share alike")
    assert send(foreign).status_code == 403
    assert send(album, commercial_use="odd").status_code == 400
    assert f'<option value="{album.uuid}" selected>' in page(client, f"/upload/?album={album.uuid}")
    assert "Hers" not in page(client, "/upload/")
