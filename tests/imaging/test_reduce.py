"""Runs of steps in a reduction's folder: published step by step, stopped by a failure, taken up by another worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.errors import Conflict, Invalid, Retriable
from hven.imaging.models import Reduction, ReductionFile, Run
from hven.imaging.services import folder, reductions
from hven.imaging.steps import registry
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Key, Outcome, Step
from hven.jobs import services as jobs
from hven.jobs import table
from hven.jobs.models import Job, State
from hven.storage import services as storage

Work = Callable[[StepContext], Outcome]


@pytest.fixture
def steps() -> Iterator[Callable[..., None]]:
    """Register steps for one test."""
    added: list[str] = []

    def add(key: str, function: Work, *keys: Key) -> None:
        registry.register(Step(key, key.title(), "A step of a test.", function, keys, stem=key))
        added.append(key)

    yield add
    for key in added:
        registry._STEPS.pop(key)


@pytest.fixture
def reduction(user: Any) -> Reduction:
    """A reduction with a frame."""
    wish = reductions.Wish(origin="web", name="a.fits", config={"gain": 2})
    return reductions.begin_reduction(Actor.of(user), storage.put(b"SIMPLE  = pixels"), wish)


def start(user: Any, reduction: Reduction, *keys: str, **config: Any) -> Run:
    return reductions.process(Actor.of(user), reduction, keys, config)


def texts(reduction: Reduction) -> dict[str, bytes]:
    found = {}
    for row in folder.current(reduction):
        with storage.open_blob(row.blob) as file:
            found[row.path] = file.read()
    return found


def writes(path: str, content: bytes = b"made") -> Work:
    def work(context: StepContext) -> Outcome:
        context.files.write(path).write_bytes(content)
        context.log(f"Wrote {path}.")
        return Outcome({"wrote": path})

    return work


def fails(error: Exception) -> Work:
    def work(context: StepContext) -> Outcome:
        context.files.write("half.fits").write_bytes(b"half")
        context.files.remove("one.txt")
        context.set("half", True)
        raise error

    return work


def test_each_step_sees_what_earlier_ones_wrote_and_set(user: Any, reduction: Reduction, steps: Any) -> None:
    seen: dict[str, Any] = {}

    def second(context: StepContext) -> Outcome:
        path = context.files.find("one.txt")
        seen.update(config=dict(context.config), text=path and path.read_bytes(), earlier=dict(context.earlier))
        context.files.remove("one.txt")
        context.set("fwhm", 3.5)
        return Outcome()

    steps("first", writes("one.txt"))
    steps("second", second)
    run = start(user, reduction, "first", "second", filter="R")
    assert run.job is not None and jobs.run_here(run.job).state == State.DONE
    assert seen == {
        "config": {"gain": 2, "filter": "R"}, "text": b"made", "earlier": {"first": {"wrote": "one.txt"}},
    }  # fmt: skip
    reduction.refresh_from_db()
    assert reduction.config == {"gain": 2, "filter": "R", "fwhm": 3.5}
    assert (reduction.stage, reduction.completed is not None) == ("second_done", True)
    assert set(texts(reduction)) == {"image.fits", "first.log", "second.log"}
    assert b"Wrote one.txt." in texts(reduction)["first.log"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Invalid("There are no stars."), "There are no stars."),
        (MemoryError(), "more memory"),
        (ZeroDivisionError("division by zero"), "a fault of its own"),
        (OSError("not a FITS file"), "a fault of its own"),
    ],
)
def test_a_failing_step_ends_the_run_with_a_sentence_and_keeps_what_was_there(
    user: Any, reduction: Reduction, steps: Any, error: Exception, words: str
) -> None:
    steps("first", writes("one.txt"))
    steps("bad", fails(error))
    steps("never", writes("never.txt"))
    run = start(user, reduction, "first", "bad", "never")
    assert run.job is not None and jobs.run_here(run.job).state == State.DONE
    reduction.refresh_from_db()
    run.refresh_from_db()
    assert (reduction.stage, reduction.completed, run.outcome) == ("bad_failed", None, "failed")
    assert words in run.reason
    found = texts(reduction)
    assert set(found) == {"image.fits", "one.txt", "first.log", "bad.log"}
    assert words in found["bad.log"].decode()
    assert "Traceback" not in found["bad.log"].decode()
    assert "half" not in reduction.config
    assert [step.key for step in run.step_runs.all()] == ["first", "bad"]


def test_a_run_that_another_worker_takes_over_goes_on_after_its_last_finished_step(
    user: Any, reduction: Reduction, steps: Any
) -> None:
    done: list[str] = []

    def first(context: StepContext) -> Outcome:
        done.append("first")
        return writes("one.txt")(context)

    def second(context: StepContext) -> Outcome:
        done.append("second")
        if len(done) < 3:
            raise Retriable("The disk is slow.")
        assert "one.txt" in context.files
        return Outcome()

    steps("first", first)
    steps("second", second)
    run = start(user, reduction, "first", "second")
    assert run.job is not None
    assert jobs.run_here(run.job).state == State.QUEUED
    reduction.refresh_from_db()
    assert reduction.stage == "second"
    assert jobs.run_here(run.job).state == State.DONE
    assert done == ["first", "second", "second"]


def test_a_worker_that_lost_its_job_publishes_nothing(user: Any, reduction: Reduction, steps: Any) -> None:
    def work(context: StepContext) -> Outcome:
        context.files.write("late.txt").write_bytes(b"late")
        reductions.cancel_reduction(Actor.of(user), reduction)
        return Outcome()

    steps("slow", work)
    run = start(user, reduction, "slow")
    assert run.job is not None
    jobs.run_here(run.job)
    reduction.refresh_from_db()
    assert reduction.stage == "cancelled"
    assert set(texts(reduction)) == {"image.fits"}


def test_a_reduction_deleted_while_its_step_runs_is_gone_with_all(user: Any, reduction: Reduction, steps: Any) -> None:
    from hven.imaging.services.frames import delete_reduction

    def work(context: StepContext) -> Outcome:
        context.files.write("late.txt").write_bytes(b"late")
        delete_reduction(Actor.of(user), Reduction.objects.get(pk=reduction.pk))
        return Outcome()

    steps("slow", work)
    run = start(user, reduction, "slow")
    assert run.job is not None
    jobs.run_here(run.job)
    assert not Reduction.objects.exists()
    assert not ReductionFile.objects.exists()


def test_a_job_that_is_given_up_leaves_the_reduction_failed(user: Any, reduction: Reduction, steps: Any) -> None:
    steps("any", writes("x"))
    run = start(user, reduction, "any")
    assert run.job is not None
    job = Job.objects.get(pk=run.job.pk)
    table.end(job, State.FAILED, "Lost", "The worker died three times.")
    reduction.refresh_from_db()
    assert reduction.stage == "failed"


def test_what_somebody_changes_in_the_configuration_meanwhile_stays(
    user: Any, reduction: Reduction, steps: Any
) -> None:
    def work(context: StepContext) -> Outcome:
        reductions.set_up(Actor.of(user), reduction, config={"gain": 7, "note": "mine"})
        context.set("fwhm", 2.5)
        return Outcome()

    steps("any", work)
    run = start(user, reduction, "any")
    assert run.job is not None
    jobs.run_here(run.job)
    reduction.refresh_from_db()
    assert reduction.config == {"gain": 7, "note": "mine", "fwhm": 2.5}


def test_a_value_of_a_wrong_type_fails_the_step_that_reads_it(user: Any, reduction: Reduction, steps: Any) -> None:
    def work(context: StepContext) -> Outcome:
        context.value("size_of_shoes")
        return Outcome()

    steps("any", work, Key("size_of_shoes", "float", "The size."))
    run = start(user, reduction, "any", size_of_shoes="large", unheard_of=1)
    assert run.job is not None
    jobs.run_here(run.job)
    reduction.refresh_from_db()
    assert reduction.stage == "any_failed"
    assert "size_of_shoes takes a number, not 'large'." in texts(reduction)["any.log"].decode()


def test_a_rerun_replaces_files_and_a_busy_reduction_refuses(user: Any, reduction: Reduction, steps: Any) -> None:
    contents = iter([b"old", b"new"])

    def another(context: Any) -> Any:
        return writes("one.txt", next(contents))(context)

    steps("first", another)
    for want in (b"old", b"new"):
        run = start(user, reduction, "first")
        with pytest.raises(Conflict):
            start(user, reduction, "first")
        assert run.job is not None
        jobs.run_here(run.job)
        assert texts(reduction)["one.txt"] == want
    assert ReductionFile.objects.filter(path="one.txt").count() == 1


def test_numbers_that_are_none_are_kept_as_nothing(user: Any, reduction: Reduction, steps: Any) -> None:
    import numpy as np

    def work(context: StepContext) -> Outcome:
        context.set("fwhm", float("nan"))
        context.set("targets", [{"ra": np.float64(1.5), "dec": float("inf")}])
        return Outcome({"scatter": np.nan, "stars": np.int64(7)})

    steps("any", work)
    run = start(user, reduction, "any")
    assert run.job is not None and jobs.run_here(run.job).state == State.DONE
    reduction.refresh_from_db()
    assert (reduction.config["fwhm"], reduction.config["targets"]) == (None, [{"ra": 1.5, "dec": None}])
    assert run.step_runs.get().results == {"scatter": None, "stars": 7}


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\\b", "x\0y", "x" * 201, "a\nb"])
def test_no_path_leads_out_of_a_folder(user: Any, reduction: Reduction, path: str) -> None:
    with pytest.raises(Invalid):
        folder.put_file(Actor.of(user), reduction, path, storage.put(b"x"))
