"""Filing: inboxes, files, what headers say, the solver's tags."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, Submission, Tag
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.stars.solution import SourceList
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def submission(user: Any) -> Submission:
    return archive.new_submission(Actor.of(user), origin="web", visibility="public")


@pytest.fixture
def data_file(submission: Submission) -> DataFile:
    return archive.add_file(submission, storage.put(b"bytes"), "a.fits")


def _frame(*cards: Card, **meaning: Any) -> Frame:
    data = np.zeros((3, 4), np.float32)
    return Frame(data=data, rgb=None, mask=None, cards=cards, meaning=replace(Meaning(), **meaning), format="fits")


def test_an_inbox_is_made_once_and_each_user_has_an_own_one(user: Any, other_user: Any) -> None:
    assert archive.inbox(user) == archive.inbox(user)
    assert archive.inbox(other_user) != archive.inbox(user)
    assert Dataset.objects.count() == 2


def test_an_inbox_that_another_request_makes_meanwhile_is_taken(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive.inbox(user)
    query = Dataset.objects.filter(owner=user)
    monkeypatch.setattr(type(query), "first", lambda _self: None)
    assert archive.inbox(user) == made


def test_a_file_lands_in_the_inbox_and_is_seen_by_those_who_see_its_submission(
    user: Any, submission: Submission, data_file: DataFile
) -> None:
    assert data_file.dataset == archive.inbox(user)
    assert data_file.owner == user
    assert data_file.visibility == submission.visibility == "public"
    assert archive.add_file(submission, data_file.blob, "b.fits", visibility="private").visibility == "private"


def test_a_file_without_a_name_gets_one_and_a_dataset_that_is_named_is_kept(user: Any, submission: Submission) -> None:
    own = Dataset.objects.create(owner=user, name="Comets")
    file = archive.add_file(submission, storage.put(b"x"), "../..", own)
    assert (file.name, file.dataset) == ("unnamed", own)


def test_odd_cards_are_kept_as_json_can_hold_them(data_file: DataFile) -> None:
    odd = (
        Card("A", float("nan"), "no number"),
        Card("B", float("inf"), ""),
        Card("C", True, ""),
        Card("D", 10**30, ""),
        Card("E", 1.5, ""),
        Card("F", None, ""),
        Card("COMMENT", "x" * 5000, ""),
        Card("H", "half \ud800 and NUL \x00", "\ud800\x00"),
    )
    archive.note_header(data_file, _frame(*odd))
    kept = {keyword: value for keyword, value, _ in DataFile.objects.get().cards}
    assert kept == {
        "A": "nan", "B": "inf", "C": True, "D": 10**30, "E": 1.5, "F": None, "COMMENT": "x" * 5000,
        "H": "half ? and NUL ",
    }  # fmt: skip
    assert kept["C"] is True
    json.dumps(DataFile.objects.get().cards, allow_nan=False)


def test_what_a_header_means_is_kept_and_cut_to_its_columns(data_file: DataFile) -> None:
    middle = datetime(2026, 3, 1, 2, tzinfo=UTC)
    frame = _frame(middle=middle, exposure_s=30.0, filter="R" * 200, object_name="M 31\x00", camera=None)
    archive.note_header(data_file, frame)
    kept = DataFile.objects.get()
    assert (kept.width, kept.height, kept.format) == (4, 3, "fits")
    assert (kept.middle, kept.exposure_s) == (middle, 30.0)
    assert (kept.filter, kept.object_name, kept.camera) == ("R" * 70, "M 31", "")
    assert kept.meaning["middle"] == middle.isoformat()
    assert "camera" not in kept.meaning
    assert kept.read_at is not None


def test_noting_a_header_leaves_what_the_owner_changed_meanwhile(data_file: DataFile) -> None:
    DataFile.objects.update(visibility="private", name="renamed.fits")
    archive.note_header(data_file, _frame())
    kept = DataFile.objects.get()
    assert (kept.visibility, kept.name) == ("private", "renamed.fits")


def test_noting_a_header_brings_no_deleted_file_back(data_file: DataFile) -> None:
    DataFile.objects.all().delete()
    with pytest.raises(Exception, match="deleted meanwhile"):
        archive.note_header(data_file, _frame())
    assert not DataFile.objects.exists()


def test_a_list_is_noted_with_the_size_of_its_frame(data_file: DataFile) -> None:
    one = np.ones(1)
    DataFile.objects.update(visibility="private")
    archive.note_list(data_file, SourceList(one, one, one, one, one, 640, 480))
    kept = DataFile.objects.get()
    assert (kept.format, kept.width, kept.height, kept.visibility) == ("list", 640, 480, "private")


def test_machine_tags_replace_their_like_and_leave_those_of_people(data_file: DataFile, user: Any) -> None:
    Tag.objects.create(data_file=data_file, text="M 42", by=user)
    archive.set_machine_tags(data_file, ["NGC 1", "old"])
    archive.set_machine_tags(data_file, ["M 42", " M 42 ", "", "  ", "x" * 300, "x" * 250, "a\x00b"])
    machine = [tag.text for tag in data_file.tags.filter(machine=True).order_by("id")]
    assert machine == ["M 42", "x" * 200, "ab"]
    assert data_file.tags.filter(machine=False).count() == 1


def test_tags_go_with_their_file_and_its_bytes_stay_for_their_grace(data_file: DataFile) -> None:
    archive.set_machine_tags(data_file, ["NGC 1"])
    blob = data_file.blob
    data_file.delete()
    assert not Tag.objects.exists()
    assert storage.open_blob(blob).read() == b"bytes"
