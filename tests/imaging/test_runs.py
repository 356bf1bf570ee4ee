"""Runs from asking to publishing: who may ask, what is left behind, what happens when it goes wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.accounts.actor import ANYONE, Actor
from hven.archive.models import DataFile, Dataset, Submission
from hven.errors import Forbidden, Invalid, NotFound, Unauthenticated
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, ReductionFile, Run, RunState, Solution, StepRun
from hven.imaging.services.runs import Request
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.storage import services as storage
from hven.storage.models import Blob

pytestmark = pytest.mark.django_db(transaction=True)


def _submit(user: Any, content: bytes, **request: Any) -> Run:
    asked = Request(origin="web", name="a.fits", **request)
    submission = imaging.submit_file(Actor.of(user), storage.put(content), asked)
    return Run.objects.get(reduction__submission=submission)


def _work(run: Run) -> Run:
    assert run.job is not None
    jobs.run_here(run.job)
    return Run.objects.get(pk=run.pk)


@pytest.fixture
def noise() -> bytes:
    """A frame of noise in which nothing can be found."""
    content = io.BytesIO()
    data = np.random.default_rng(1).normal(100, 5, (100, 100)).astype(np.float32)
    fits.PrimaryHDU(data).writeto(content)
    return content.getvalue()


def test_submitting_writes_everything_at_once(user: Any, noise: bytes) -> None:
    run = _submit(user, noise, config={"ra": 10.0, "dec": 20.0})
    assert run.state is RunState.QUEUED
    assert run.steps == ["solve", "annotate", "render"]
    assert run.config == {"ra": 10.0, "dec": 20.0}
    assert run.reduction.data_file.dataset.inbox
    assert run.reduction.owner == run.reduction.data_file.owner == user
    assert run.reduction.visibility == "private"
    assert run.job.created_by == user


def test_a_wrong_configuration_leaves_nothing_behind(user: Any, noise: bytes) -> None:
    with pytest.raises(Invalid):
        _submit(user, noise, config={"ra": 1000})
    for model in (Submission, DataFile, Reduction, Run, Job):
        assert not model.objects.exists()


def test_nobody_cannot_submit(noise: bytes) -> None:
    blob = storage.put(noise)
    with pytest.raises(Unauthenticated):
        imaging.submit_file(ANYONE, blob, Request(origin="web"))
    assert not Submission.objects.exists()


def test_each_user_has_one_inbox(user: Any, other_user: Any, noise: bytes) -> None:
    for somebody in (user, user, other_user):
        _submit(somebody, noise)
    assert Dataset.objects.filter(inbox=True).count() == 2
    assert Blob.objects.count() == 1


def test_a_solved_run_leaves_its_products_and_what_the_header_said(
    user: Any, solver_folder: Path, wide_frame: Path
) -> None:
    run = _work(_submit(user, wide_frame.read_bytes()))
    assert run.state is RunState.DONE
    assert run.why == ""
    assert {file.path for file in run.files.all()} == {
        "axy.fits", "wcs.fits", "corr.fits", "rdls.fits", "overlays.json", "preview.jpg", "thumbnail.jpg",
        "annotated.jpg", "detection.jpg",
    }  # fmt: skip
    assert [step.key for step in run.step_runs.all()] == ["solve", "annotate", "render"]
    assert run.solution.stars_matched > 100
    assert run.solution.wcs.centre == pytest.approx((84.0, -1.5), abs=0.01)
    file = run.reduction.data_file
    assert (file.width, file.height, file.format) == (800, 600, "fits")
    assert file.exposure_s == 30.0
    assert file.camera == "hven simulated camera"
    assert ["EXPTIME", 30.0, "seconds"] in file.cards
    assert file.tags.filter(machine=True, text="NGC 1976").exists()
    assert run.job.state == State.DONE


def test_a_frame_without_a_solution_says_why_and_keeps_its_pictures(
    user: Any, solver_folder: Path, noise: bytes
) -> None:
    run = _work(_submit(user, noise))
    assert run.state is RunState.NO_SOLUTION
    assert run.why.endswith(".")
    assert not Solution.objects.exists()
    paths = {file.path for file in run.files.all()}
    assert {"axy.fits", "preview.jpg", "detection.jpg"} <= paths
    assert "annotated.jpg" not in paths
    with pytest.raises(NotFound, match=r"left no wcs\.fits"):
        imaging.find_product(run, "wcs.fits")
    with pytest.raises(NotFound, match="no solution"):
        imaging.solved_frame(run)


def test_an_unreadable_file_ends_the_run_and_not_the_job(user: Any) -> None:
    run = _work(_submit(user, b"Hello World"))
    assert run.state is RunState.FAILED
    assert "not an image" in run.why
    assert run.job.state == State.DONE
    assert run.job.attempts == 1
    assert not StepRun.objects.exists()


def test_a_bug_in_a_step_fails_the_run_without_its_words_on_the_page(
    user: Any, solver_folder: Path, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("hven.science.stars.ladder.solve", broken)
    run = _work(_submit(user, noise))
    assert run.state is RunState.FAILED
    assert run.why
    assert "secret detail" not in run.why
    assert "secret detail" in jobs.read_log(run.job)
    assert not ReductionFile.objects.exists()


def test_a_run_that_loses_its_job_publishes_nothing(
    user: Any, solver_folder: Path, wide_frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.imaging.services import execute

    run = _submit(user, wide_frame.read_bytes())
    steps = execute._steps

    def stolen(*args: Any) -> Any:
        done = steps(*args)
        assert jobs.cancel(Job.objects.get(pk=run.job_id))
        return done

    monkeypatch.setattr(execute, "_steps", stolen)
    run = _work(run)
    assert run.state is RunState.CANCELLED
    assert not ReductionFile.objects.exists()
    assert not Solution.objects.exists()
    assert run.reduction.data_file.read_at is None


def test_only_those_who_may_change_a_frame_may_run_it_again(user: Any, other_user: Any, noise: bytes) -> None:
    run = _submit(user, noise, visibility="public")
    again = imaging.repeat_run(Actor.of(user), run)
    assert again.pk > run.pk
    with pytest.raises(Forbidden):
        imaging.request_run(Actor.of(other_user), run.reduction, {})
    with pytest.raises(Unauthenticated):
        imaging.request_run(ANYONE, run.reduction, {})
    assert Run.objects.count() == 2


def test_only_those_who_may_change_a_frame_may_cancel_its_run(user: Any, other_user: Any, noise: bytes) -> None:
    run = _submit(user, noise, visibility="public")
    with pytest.raises(Forbidden):
        imaging.cancel_run(Actor.of(other_user), run)
    assert imaging.cancel_run(Actor.of(user), run)
    assert Run.objects.get(pk=run.pk).state is RunState.CANCELLED
    assert not imaging.cancel_run(Actor.of(user), Run.objects.get(pk=run.pk))


def test_lists_show_what_may_be_seen_and_no_more(user: Any, other_user: Any, noise: bytes) -> None:
    private, public = _submit(user, noise), _submit(user, noise, visibility="public")
    assert list(imaging.visible_runs(Actor.of(user))) == [public, private]
    assert list(imaging.visible_runs(Actor.of(other_user))) == [public]
    assert list(imaging.visible_runs(ANYONE)) == [public]


def test_the_same_camera_lends_its_scale_to_the_next_frame(
    user: Any, other_user: Any, solver_folder: Path, wide_frame: Path
) -> None:
    first = _work(_submit(user, wide_frame.read_bytes()))
    assert "camera" not in first.solution.rung
    second = _work(_submit(user, wide_frame.read_bytes()))
    assert "camera" in second.solution.rung
    strangers = _work(_submit(other_user, wide_frame.read_bytes()))
    assert "camera" not in strangers.solution.rung


def test_numbers_of_runs_never_come_again(user: Any, noise: bytes) -> None:
    run = _submit(user, noise)
    number = run.pk
    run.reduction.delete()
    assert not Run.objects.exists()
    assert _submit(user, noise).pk > number
