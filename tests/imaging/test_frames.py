"""Deleting and sharing what was handed over: who may, what goes with it, what stays."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import Grant
from hven.archive import services as archive
from hven.archive.models import DataFile, Submission
from hven.errors import Forbidden, Unauthenticated
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Run
from hven.imaging.services.runs import Request
from hven.jobs.models import Job, State
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


def _hand_over(user: Any, content: bytes = b"bytes", **request: Any) -> Reduction:
    submission = imaging.submit_file(
        Actor.of(user), storage.put(content), Request(origin="web", name="a.fits", **request)
    )
    return Reduction.objects.get(submission=submission)


def test_a_submission_goes_with_all_that_it_brought_and_its_jobs_stop(user: Any) -> None:
    reduction = _hand_over(user)
    submission, file = reduction.submission, reduction.data_file
    assert submission is not None
    assert file is not None
    accounts.grant_link(Actor.of(user), submission)
    accounts.grant_link(Actor.of(user), reduction)
    assert imaging.delete_submission(Actor.of(user), submission) == [file.uuid]
    for model in (Submission, Reduction, Run, DataFile, Grant):
        assert not model.objects.exists()
    assert Job.objects.get().state == State.CANCELLED


def test_a_file_in_an_album_outlives_its_submission(user: Any) -> None:
    album = archive.make_album(Actor.of(user), "Comets")
    reduction = _hand_over(user, dataset=album)
    assert imaging.delete_submission(Actor.of(user), reduction.submission) == []
    file = DataFile.objects.get()
    assert file.dataset == album
    assert file.submission is None


def test_a_file_that_goes_takes_everything_made_of_it(user: Any) -> None:
    reduction = _hand_over(user, dataset=archive.make_album(Actor.of(user), "Comets"))
    file = reduction.data_file
    Reduction.objects.create(owner=user, data_file=file)
    assert imaging.delete_data_file(Actor.of(user), file) == file.uuid
    assert not DataFile.objects.exists()
    assert not Reduction.objects.exists()
    assert Submission.objects.exists()
    assert Job.objects.get().state == State.CANCELLED


@pytest.mark.parametrize("what", ["submission", "reduction", "data_file"])
def test_strangers_delete_nothing_even_of_what_is_public(user: Any, other_user: Any, what: str) -> None:
    reduction = _hand_over(user, visibility="public")
    record = reduction if what == "reduction" else getattr(reduction, what)
    delete: Any = getattr(imaging, f"delete_{what}")
    with pytest.raises(Forbidden):
        delete(Actor.of(other_user), record)
    with pytest.raises(Unauthenticated):
        delete(ANYONE, record)
    assert Run.objects.get().job.state == State.QUEUED


def test_one_part_that_may_not_be_deleted_keeps_the_whole(user: Any, other_user: Any) -> None:
    reduction = _hand_over(user)
    Reduction.objects.create(owner=other_user, submission=reduction.submission)
    with pytest.raises(Forbidden):
        imaging.delete_submission(Actor.of(user), reduction.submission)
    assert Reduction.objects.count() == 2
    assert Run.objects.get().job.state == State.QUEUED


def test_an_album_is_shared_with_its_files_and_what_is_made_of_them(user: Any, other_user: Any) -> None:
    actor = Actor.of(user)
    album = archive.make_album(actor, "Comets")
    reduction = _hand_over(user, dataset=album)
    foreign = _hand_over(other_user)
    DataFile.objects.filter(pk=foreign.data_file_id).update(dataset=album)
    assert imaging.set_album_visibility(actor, album, "public") == 1
    album.refresh_from_db()
    reduction = Reduction.objects.get(pk=reduction.pk)
    assert album.visibility == reduction.visibility == reduction.data_file.visibility == "public"
    foreign = Reduction.objects.get(pk=foreign.pk)
    assert foreign.visibility == foreign.data_file.visibility == "private"
    assert imaging.set_album_visibility(actor, album, "private", files=False) == 0
    assert Reduction.objects.get(pk=reduction.pk).visibility == "public"


def test_a_file_is_shared_with_what_its_owner_made_of_it(user: Any) -> None:
    reduction = _hand_over(user)
    imaging.set_file_visibility(Actor.of(user), reduction.data_file, "public")
    assert Reduction.objects.get().visibility == DataFile.objects.get().visibility == "public"
