"""What runs do when files, addresses, workers or owners fail them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.accounts.actor import Actor
from hven.archive.models import DataFile, Submission
from hven.errors import Forbidden, NotFound, Unavailable
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, ReductionFile, Run, RunState
from hven.imaging.services import execute, frames
from hven.imaging.services.runs import Request
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.outside.fetch import Fetched
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://example.org/frames/a.fits"


@pytest.fixture
def noise() -> bytes:
    content = io.BytesIO()
    fits.PrimaryHDU(np.random.default_rng(1).normal(100, 5, (100, 100)).astype(np.float32)).writeto(content)
    return content.getvalue()


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch, noise: bytes) -> list[Any]:
    """What fetches do, one after the other: raise an error, or call a function and bring the frame."""
    script: list[Any] = []

    def fetch(url: str, target: Path, **_limits: Any) -> Fetched:
        step = script.pop(0) if script else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        target.write_bytes(noise)
        return Fetched(target, len(noise), "a.fits", "application/fits", url)

    monkeypatch.setattr("hven.outside.fetch.fetch", fetch)
    return script


@pytest.fixture
def by_url(user: Any) -> Callable[..., Run]:
    def submit(**request: Any) -> Run:
        submission = imaging.submit_url(Actor.of(user), URL, Request(origin="nova", name="a.fits", **request))
        return Run.objects.get(reduction__submission=submission)

    return submit


def _work(run: Run) -> Run:
    job = Job.objects.get(pk=run.job_id)
    Job.objects.filter(pk=job.pk).update(not_before=None)
    jobs.run_here(job)
    return _again(run)


def _again(run: Run) -> Run:
    return Run.objects.select_related("job", "reduction__data_file", "reduction__submission").get(pk=run.pk)


def test_a_server_that_is_busy_is_asked_again(
    by_url: Callable[..., Run], fetching: list[Any], solver_folder: Path
) -> None:
    fetching += [Unavailable("The server is busy."), None]
    run = _work(by_url())
    assert run.state is RunState.QUEUED
    assert run.reduction.submission.finished is None
    assert run.reduction.submission.error == ""
    run = _work(run)
    assert run.state is RunState.NO_SOLUTION
    assert run.job.attempts == 2
    assert run.reduction.submission.finished is not None
    assert run.reduction.data_file.name == "a.fits"


def test_what_was_fetched_is_not_fetched_again_when_the_rest_is_tried_again(
    by_url: Callable[..., Run], fetching: list[Any], solver_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching += [None, Forbidden("fetched twice")]
    monkeypatch.setattr(execute, "_steps", lambda *_: (_ for _ in ()).throw(Unavailable("The disk is full.")))
    run = _work(by_url())
    assert run.state is RunState.QUEUED
    assert run.reduction.data_file is not None
    monkeypatch.undo()
    run = _work(run)
    assert run.state is RunState.NO_SOLUTION
    assert DataFile.objects.count() == 1


def test_a_submission_whose_job_is_given_up_fails_and_says_so_anew_each_time(
    by_url: Callable[..., Run], fetching: list[Any]
) -> None:
    run = by_url()
    for sentence in ("It is busy.", "It is gone."):
        fetching += [Unavailable(sentence)] * 3
        for _ in range(3):
            run = _work(run)
        assert run.state is RunState.FAILED
        assert run.why == run.reduction.submission.error == sentence
        assert run.reduction.submission.finished is not None
        jobs.retry(run.job)


def test_a_submission_that_failed_and_is_run_again_is_mended(
    by_url: Callable[..., Run], fetching: list[Any], user: Any, solver_folder: Path
) -> None:
    fetching += [NotFound("The server has no such file (HTTP 404)."), NotFound("None today."), None]
    first = _work(by_url())
    assert (first.state, first.why) == (RunState.FAILED, "The server has no such file (HTTP 404).")
    assert first.job.state == State.DONE
    second = _work(imaging.repeat_run(Actor.of(user), first))
    assert second.reduction.submission.error == "None today."
    third = _work(imaging.repeat_run(Actor.of(user), second))
    assert third.state is RunState.NO_SOLUTION
    assert third.reduction.submission.error == ""
    assert third.reduction.data_file is not None
    assert _again(first).state is RunState.FAILED


def test_a_run_cancelled_while_it_fetches_files_nothing(
    by_url: Callable[..., Run], fetching: list[Any], user: Any
) -> None:
    run = by_url()
    fetching.append(lambda: imaging.cancel_run(Actor.of(user), _again(run)))
    run = _work(run)
    assert run.state is RunState.CANCELLED
    assert run.reduction.data_file is None
    assert "cancelled" in run.reduction.submission.error
    assert not DataFile.objects.exists()


def test_two_runs_that_fetch_at_once_leave_one_file(
    by_url: Callable[..., Run], fetching: list[Any], user: Any, solver_folder: Path
) -> None:
    first = by_url()
    second = imaging.repeat_run(Actor.of(user), first)
    fetching.append(lambda: _work(second))
    first = _work(first)
    assert first.state is _again(second).state is RunState.NO_SOLUTION
    assert DataFile.objects.count() == 1
    assert first.reduction.data_file == DataFile.objects.get()


def test_a_frame_made_private_while_it_is_fetched_is_private_as_a_file(
    by_url: Callable[..., Run], fetching: list[Any], user: Any, solver_folder: Path
) -> None:
    run = by_url(visibility="public")
    fetching.append(lambda: frames.set_visibility(Actor.of(user), run.reduction, "private"))
    _work(run)
    assert DataFile.objects.get().visibility == "private"
    assert Reduction.objects.get().visibility == "private"


def _submit(user: Any, content: bytes, **request: Any) -> Run:
    submission = imaging.submit_file(
        Actor.of(user), storage.put(content), Request(origin="web", name="a.fits", **request)
    )
    return Run.objects.get(reduction__submission=submission)


def _before_publishing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    steps = execute._steps

    def then(*args: Any) -> Any:
        done = steps(*args)
        act()
        return done

    monkeypatch.setattr(execute, "_steps", then)


def test_a_frame_made_private_during_its_run_stays_private(
    user: Any, noise: bytes, solver_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _submit(user, noise, visibility="public")
    _before_publishing(monkeypatch, lambda: frames.set_visibility(Actor.of(user), _again(run).reduction, "private"))
    run = _work(run)
    assert run.state is RunState.NO_SOLUTION
    assert run.reduction.visibility == run.reduction.data_file.visibility == "private"


@pytest.mark.parametrize("how", ["by its owner", "by an operator"])
def test_a_frame_deleted_during_its_run_comes_not_back(
    user: Any, noise: bytes, solver_folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    run = _submit(user, noise)
    job = run.job_id

    def delete() -> None:
        if how == "by its owner":
            frames.delete_reduction(Actor.of(user), run.reduction)
        else:
            DataFile.objects.all().delete()

    _before_publishing(monkeypatch, delete)
    jobs.run_here(Job.objects.get(pk=job))
    ended = Job.objects.get(pk=job)
    assert ended.state == (State.CANCELLED if how == "by its owner" else State.FAILED)
    assert ended.error_class in {"", "NotFound"}
    for model in (DataFile, Reduction, Run, ReductionFile):
        assert not model.objects.exists()


def test_a_job_whose_frame_was_deleted_before_ends_with_a_sentence(user: Any, noise: bytes) -> None:
    run = _submit(user, noise)
    DataFile.objects.all().delete()
    jobs.run_here(Job.objects.get(pk=run.job_id))
    ended = Job.objects.get(pk=run.job_id)
    assert (ended.state, ended.error_class, ended.attempts) == (State.FAILED, "NotFound", 1)
    assert "deleted" in ended.error_text


def test_a_frame_whose_bytes_are_lost_ends_its_run_with_a_sentence(user: Any, noise: bytes) -> None:
    run = _submit(user, noise)
    storage.store().path(run.reduction.data_file.blob.sha256).unlink()
    run = _work(run)
    assert run.state is RunState.FAILED
    assert run.why.endswith(".")
    assert run.job.state == State.DONE
    assert Submission.objects.get().error == ""


def test_products_whose_bytes_are_lost_are_not_found(user: Any, noise: bytes, solver_folder: Path) -> None:
    run = _work(_submit(user, noise))
    blob = imaging.find_product(run, "axy.fits").blob
    storage.store().path(blob.sha256).unlink()
    with pytest.raises(NotFound):
        storage.open_blob(blob)


def test_two_runs_of_one_frame_leave_their_own_products(user: Any, noise: bytes, solver_folder: Path) -> None:
    first = _submit(user, noise)
    second = imaging.request_run(Actor.of(user), first.reduction, {"stretch": "linear"})
    _work(second)
    _work(first)
    for run in (first, second):
        assert imaging.find_product(run, "preview.jpg").run == run
    assert DataFile.objects.count() == 1
