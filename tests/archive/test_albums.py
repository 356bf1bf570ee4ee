"""Albums, tags of people and licences: who may, and what becomes of the files."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import RestrictedError

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, Tag
from hven.archive.services.header_values import compared, searchable
from hven.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def actor(user: Any) -> Actor:
    return Actor.of(user)


@pytest.fixture
def data_file(actor: Actor) -> DataFile:
    return archive.add_file(archive.new_submission(actor, origin="web"), storage.put(b"bytes"), "a.fits")


def test_an_album_is_found_by_its_title_whatever_the_capitals_by_those_who_may_fill_it(
    user: Any, actor: Actor, other_user: Any
) -> None:
    album = archive.make_album(actor, " Comets  of 2026 ", visibility="public")
    assert album.name == "Comets of 2026"
    assert archive.find_album(actor, "comets of 2026") == album
    for somebody in (Actor.of(other_user), ANYONE):
        with pytest.raises(NotFound, match="no album of that title"):
            archive.find_album(somebody, "Comets of 2026")
    accounts.grant_to(actor, album, other_user, "change")
    assert archive.find_album(Actor.of(other_user), "Comets of 2026") == album
    own = archive.make_album(Actor.of(other_user), "Comets of 2026")
    assert archive.find_album(Actor.of(other_user), "Comets of 2026") == own
    with pytest.raises(NotFound):
        archive.find_album(actor, " ")


def test_a_name_is_given_once(actor: Actor) -> None:
    album = archive.make_album(actor, "Comets")
    for name in ("comets", "Inbox"):
        with pytest.raises(Conflict):
            archive.make_album(actor, name)
    for name in ("", " \0 ", "x" * 201):
        with pytest.raises(Invalid):
            archive.make_album(actor, name)
    assert archive.rename_album(actor, album, "COMETS", about="of all years").name == "COMETS"
    assert Dataset.objects.get(inbox=False).about == "of all years"


def test_nobody_makes_no_album_and_strangers_change_none(actor: Actor, other_user: Any) -> None:
    with pytest.raises(Unauthenticated):
        archive.make_album(ANYONE, "Comets")
    album = archive.make_album(actor, "Comets", visibility="public")
    stranger = Actor.of(other_user)
    with pytest.raises(Forbidden):
        archive.rename_album(stranger, album, "Mine")
    with pytest.raises(Forbidden):
        archive.delete_album(stranger, album)
    assert album in archive.visible_albums(stranger)
    assert album in archive.visible_albums(ANYONE)


def test_an_inbox_keeps_its_name_its_place_and_its_owner(user: Any, actor: Actor, other_user: Any) -> None:
    inbox = archive.inbox(user)
    with pytest.raises(Invalid):
        archive.rename_album(actor, inbox, "Mine")
    with pytest.raises(Invalid):
        archive.delete_album(actor, inbox)
    assert archive.find_album(actor, "inbox") == inbox
    accounts.set_visibility(actor, inbox, "public")
    assert inbox not in archive.visible_albums(Actor.of(other_user))
    assert inbox in archive.visible_albums(actor)


def test_files_of_a_deleted_album_go_back_to_their_owners(
    user: Any, actor: Actor, other_user: Any, data_file: DataFile
) -> None:
    album = archive.make_album(actor, "Comets")
    accounts.grant_to(actor, album, other_user, "change")
    other = Actor.of(other_user)
    foreign = archive.add_file(archive.new_submission(other, origin="web", dataset=album), data_file.blob, "b.fits")
    assert archive.move_files(actor, [data_file], album) == 1
    assert set(album.data_files.all()) == {data_file, foreign}
    archive.delete_album(actor, album)
    data_file.refresh_from_db()
    foreign.refresh_from_db()
    assert data_file.dataset == archive.inbox(user)
    assert foreign.dataset == archive.inbox(other_user)


def test_nobody_moves_what_they_may_not_change(actor: Actor, other_user: Any, data_file: DataFile) -> None:
    stranger = Actor.of(other_user)
    album = archive.make_album(stranger, "Loot")
    own = archive.add_file(archive.new_submission(stranger, origin="web"), data_file.blob, "b.fits")
    with pytest.raises(Forbidden):
        archive.move_files(stranger, [own, data_file], album)
    assert not album.data_files.exists()
    with pytest.raises(Forbidden):
        archive.move_files(actor, [data_file], album)


def test_people_tag_beside_the_solver(actor: Actor, data_file: DataFile) -> None:
    archive.set_machine_tags(data_file, ["M 42"])
    archive.add_tag(actor, data_file, " first  light ")
    assert archive.add_tag(actor, data_file, "First Light").text == "first light"
    archive.add_tag(actor, data_file, "M 42")
    assert Tag.objects.count() == 3
    archive.set_machine_tags(data_file, ["M 43"])
    assert set(data_file.tags.filter(machine=False).values_list("text", flat=True)) == {"first light", "M 42"}
    archive.remove_tag(actor, data_file, "m 42")
    with pytest.raises(NotFound):
        archive.remove_tag(actor, data_file, "M 43")
    for text in ("", " \0", "x" * 201):
        with pytest.raises(Invalid):
            archive.add_tag(actor, data_file, text)


def test_strangers_tag_nothing(other_user: Any, data_file: DataFile) -> None:
    for actor in (Actor.of(other_user), ANYONE):
        with pytest.raises(Forbidden):
            archive.add_tag(actor, data_file, "mine")
        with pytest.raises(Forbidden):
            archive.remove_tag(actor, data_file, "mine")


def test_a_licence_goes_from_a_submission_to_its_files_and_can_be_changed(actor: Actor, other_user: Any) -> None:
    licence = archive.Licence("no", "share alike")
    submission = archive.new_submission(actor, origin="web", licence=licence)
    file = archive.add_file(submission, storage.put(b"bytes"), "a.fits")
    assert (file.commercial_use, file.modifications) == ("no", "share alike")
    archive.set_licence(actor, file, archive.Licence())
    assert DataFile.objects.get().commercial_use == ""
    with pytest.raises(Forbidden):
        archive.set_licence(Actor.of(other_user), file, licence)
    with pytest.raises(Invalid):
        archive.set_licence(actor, file, archive.Licence("maybe"))
    with pytest.raises(Invalid):
        archive.new_submission(actor, origin="web", licence=archive.Licence("", "maybe"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "t"), (3, "3"), (3.0, "3"), ("3.0", "3"), (" 'Ha ' ", "ha"), ("1_0", "1_0"), (None, ""),
        (float("inf"), "inf"), ("x" * 99, "x" * 70),
    ],
)  # fmt: skip
def test_header_values_compare_in_one_form(value: Any, text: str) -> None:
    assert compared(value) == text


def test_the_layout_of_a_file_and_its_remarks_are_not_searched() -> None:
    cards = [["NAXIS1", 5, ""], ["COMMENT", "x", ""], ["FILTER", "R", "c"], ["FILTER", "r", ""], ["EMPTY", "", ""]]
    assert searchable(cards) == [("FILTER", "r")]
    assert len(searchable([[f"K{n}", n, ""] for n in range(999)])) == 300


def test_no_album_takes_others_files_with_it(actor: Actor, user: Any, other_user: Any) -> None:
    other = Actor.of(other_user)
    album = archive.make_album(other, "Shared")
    accounts.grant_to(other, album, user, "change")
    file = archive.add_file(archive.new_submission(actor, origin="web", dataset=album), storage.put(b"mine"), "a.fits")
    own = archive.add_file(archive.new_submission(other, origin="web"), storage.put(b"theirs"), "b.fits")
    for gone in (album, other_user):
        with pytest.raises(RestrictedError):
            gone.delete()
    assert set(DataFile.objects.all()) == {file, own}
    archive.delete_album(other, album)
    other_user.delete()
    assert DataFile.objects.get() == file


def test_a_file_that_comes_while_its_album_goes_is_kept(
    actor: Actor, data_file: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = archive.make_album(actor, "Comets")

    archive.move_files(actor, [data_file], album)
    later = archive.add_file(archive.new_submission(actor, origin="web"), data_file.blob, "later.fits")
    real = Dataset.delete

    def delete(self: Dataset, *args: Any, **more: Any) -> Any:
        DataFile.objects.filter(pk=later.pk).update(dataset=album)
        return real(self, *args, **more)

    monkeypatch.setattr(Dataset, "delete", delete)
    with pytest.raises(Conflict, match="just now"):
        archive.delete_album(actor, album)
    assert DataFile.objects.count() == 2


@pytest.mark.parametrize("odd", ["\ud800", "a\0b"])
def test_text_that_no_database_keeps_breaks_nothing(actor: Actor, data_file: DataFile, odd: str) -> None:
    tag = archive.add_tag(actor, data_file, odd)
    assert Tag.objects.get(archive.tagged(odd)) == tag
    archive.remove_tag(actor, data_file, odd)
    assert not Tag.objects.exists()
    album = archive.make_album(actor, odd, about=odd)
    assert archive.find_album(actor, odd) == album
    assert archive.rename_album(actor, album, "Comets", about=odd).name == "Comets"
