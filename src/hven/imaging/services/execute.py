"""Carrying out a run: fetch where needed, read, step by step, publish all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from hven.archive import services as archive
from hven.archive.models import DataFile
from hven.errors import Final, HvenError, NotFound, Retriable, Unavailable
from hven.imaging.models import ReductionFile, Run, RunState, Solution, StepRun
from hven.imaging.services.intake import DELETED, locked, take_in, taken_in
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.solver_data import opened
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome, step
from hven.jobs.context import JobContext
from hven.jobs.table import LeaseLost
from hven.science.frames.frame import Frame
from hven.science.stars.solution import Hints, SourceList
from hven.science.stars.subject import read_subject
from hven.storage import services as storage

_CAMERA_SLACK = 0.02  # of the scale: focus and temperature change it less


@dataclass(slots=True)
class _Done:
    """One step that ran."""

    key: str
    outcome: Outcome
    log: str
    started: datetime
    finished: datetime


def execute(job: JobContext, run_id: int) -> None:
    """Carry out a run and publish what it found.

    A frame that cannot be read or solved ends the run with a sentence; that is an answer, so the job is done. What
    may pass by itself (no disk, no solver data, a broken worker) ends the job instead, which is then tried again.
    """
    run = (
        Run.objects.select_related("reduction__data_file__blob", "reduction__submission__blob")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise NotFound(DELETED)
    Run.objects.filter(pk=run_id).update(started=timezone.now())
    job.progress(0.02, "Reading")
    try:
        data_file = run.reduction.data_file or take_in(job, run)
        context = _context(job, run, data_file)
    except (Unavailable, Retriable, LeaseLost):
        raise
    except HvenError as error:
        _publish_failure(job, run, str(error))
        return
    done = _steps(job, run, context)
    _publish(job, run, data_file, context, done)


def warm() -> None:
    """Open the solver's tables, so that the first job need not."""
    from hven.imaging import steps  # noqa: F401, PLC0415 - the steps' own imports
    from hven.science.stars import ladder  # noqa: F401, PLC0415 - the solvers

    data = opened()
    if data.is_complete:
        _ = data.reference, data.patterns


def _context(job: JobContext, run: Run, data_file: DataFile) -> StepContext:
    """Read the input: a frame, or a list of sources."""
    with storage.local(data_file.blob) as path:
        subject = read_subject(
            path,
            limits=frame_limits(),
            plane=run.config.get("plane") or None,
            width=run.config.get("list_width"),
            height=run.config.get("list_height"),
        )
    frame = subject if isinstance(subject, Frame) else None
    return StepContext(
        config=run.config,
        scratch=job.scratch,
        frame=frame,
        sources=subject if isinstance(subject, SourceList) else None,
        camera_hints=_camera_hints(data_file, frame),
        tell=job.progress,
        cancelled=lambda: job.cancelled,
    )


def _camera_hints(data_file: DataFile, frame: Frame | None) -> tuple[Hints, ...]:
    """Return what the owner's last solution with the same camera says of this frame."""
    camera = frame.meaning.camera if frame is not None else None
    if frame is None or not camera:
        return ()
    last = (
        Solution.objects.filter(
            run__reduction__data_file__owner=data_file.owner_id,
            run__reduction__data_file__camera=camera[:70],
            width=frame.width,
            height=frame.height,
        )
        .order_by("-id")
        .first()
    )
    if last is None:
        return ()
    low, high = last.scale_arcsec * (1 - _CAMERA_SLACK), last.scale_arcsec * (1 + _CAMERA_SLACK)
    return (Hints(scale_low=low, scale_high=high, parity=last.parity, wcs=last.wcs, source="camera"),)


def _steps(job: JobContext, run: Run, context: StepContext) -> list[_Done]:
    done: list[_Done] = []
    for position, key in enumerate(run.steps):
        declared = step(key)
        context.begin(key)
        started = timezone.now()
        job.progress(0.05 + 0.9 * position / len(run.steps), declared.title)
        outcome = declared.function(context)
        context.earlier[key] = outcome.results
        done.append(_Done(key, outcome, "\n".join(context.lines), started, timezone.now()))
        for line in context.lines:
            job.log(f"[{key}] {line}")
    return done


def _publish(job: JobContext, run: Run, data_file: DataFile, context: StepContext, done: list[_Done]) -> None:
    """Make everything visible in the transaction that ends the job."""
    products = [product for each in done for product in each.outcome.products]
    # Bytes go first and outside the transaction; should it fail, they are removed as unreferenced.
    blobs = storage.put_files([product.file for product in products])
    no_solution = next((each.outcome.no_solution for each in done if each.outcome.no_solution), "")
    with job.publishing() as publication:
        locked(Run.objects.select_for_update().filter(pk=run.pk))
        if context.frame is not None:
            archive.note_header(data_file, context.frame)
        else:
            archive.note_list(data_file, context.sources)
        _write_steps(run, done)
        ReductionFile.objects.bulk_create(
            ReductionFile(reduction=run.reduction, run=run, path=product.path, blob=blob, media_type=product.media_type)
            for product, blob in zip(products, blobs, strict=True)
        )
        if context.solved is not None and context.solved.solution is not None:
            _write_solution(run, context)
            archive.set_machine_tags(data_file, context.earlier.get("annotate", {}).get("objects", []))
        _end(run, RunState.NO_SOLUTION if no_solution else RunState.DONE, no_solution)
        publication.result = {"run": run.pk, "outcome": run.outcome}


def _publish_failure(job: JobContext, run: Run, sentence: str) -> None:
    job.log(sentence)
    with job.publishing() as publication:
        submission = run.reduction.submission
        if submission is not None and not taken_in(submission):
            archive.fail_submission(submission, sentence)
        _end(run, RunState.FAILED, sentence)
        publication.result = {"run": run.pk, "outcome": run.outcome}


def _end(run: Run, outcome: RunState, reason: str) -> None:
    run.outcome, run.reason, run.finished = outcome, reason, timezone.now()
    run.save(update_fields=["outcome", "reason", "finished"])


def _write_steps(run: Run, done: list[_Done]) -> None:
    StepRun.objects.bulk_create(
        StepRun(
            run=run,
            position=position,
            key=each.key,
            state=RunState.NO_SOLUTION if each.outcome.no_solution else RunState.DONE,
            results=each.outcome.results,
            log=each.log,
            started=each.started,
            finished=each.finished,
        )
        for position, each in enumerate(done)
    )


def _write_solution(run: Run, context: StepContext) -> None:
    result = context.solved
    if result is None or result.solution is None:
        raise Final("There is no solution to write.")
    solution = result.solution
    Solution.objects.create(
        run=run,
        stars_matched=len(solution.matches),
        rms_arcsec=solution.rms_arcsec,
        log_odds=solution.log_odds,
        rung=solution.rung[:100],
        seconds=result.seconds,
        catalogue=solution.catalogue[:100],
        epoch=solution.epoch,
        **Solution.placed(solution.wcs),
    )
