"""Carrying out the steps that work in a reduction's folder: each becomes visible when it ends, and a failure stops.

What earlier steps left stays whatever happens later. A run that another worker takes over goes on after its last
finished step.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import OperationalError, transaction
from django.utils import timezone

from hven.accounts.actor import ANYONE, Actor
from hven.archive import services as archive
from hven.errors import Final, HvenError, NotFound, Retriable
from hven.imaging.models import Reduction, ReductionFile, Run, RunState, Solution, StepRun
from hven.imaging.services import folder
from hven.imaging.services.intake import DELETED, locked
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.tables import plain
from hven.imaging.steps.context import Placed, StepContext
from hven.imaging.steps.registry import Outcome, Product, Step, step
from hven.imaging.steps.workspace import Workspace
from hven.jobs.context import JobContext
from hven.jobs.runner import MEMORY
from hven.jobs.table import LeaseLost
from hven.storage import services as storage

logger = logging.getLogger("hven.imaging")
_OWN_FAULT = (
    "hven met a fault of its own in this step ({name}: {error}). Nothing of earlier steps is lost; the operator finds"
    " more in the log of the job."
)


@dataclass(slots=True)
class _Log:
    """The lines of a step with the time of day (UTC) at which each came."""

    lines: list[str]

    def add(self, line: str) -> None:
        stamp = f"{timezone.now():%H:%M:%S}"
        self.lines += [f"{stamp} {part}" for part in str(line).splitlines() or [""]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def reduce(job: JobContext, run_id: int) -> None:
    """Carry out a run of steps in a reduction's folder, one after the other, each published as it ends.

    A step that cannot do its work ends the run with a sentence; that is an answer, so the job is done.
    """
    related = ("reduction__data_file__blob", "reduction__solution", "job__created_by")
    run = Run.objects.select_related(*related).filter(pk=run_id).first()
    if run is None:
        raise NotFound(DELETED)
    Run.objects.filter(pk=run_id, started__isnull=True).update(started=timezone.now())
    reduction = run.reduction
    workspace = Workspace(folder.blobs(reduction), job.scratch)
    context = StepContext(
        config=dict(reduction.config),
        scratch=job.scratch,
        workspace=workspace,
        actor=_asker(run),
        tell=job.progress,
        cancelled=lambda: job.cancelled,
    )
    _look_at(run)
    done = set(run.step_runs.filter(state=RunState.DONE).values_list("position", flat=True))
    try:
        for position, key in enumerate(run.steps):
            if position not in done and not _step(job, run, context, position, step(key)):
                return
    finally:
        workspace.close()
    with job.publishing() as publication:
        _locked(run)
        _end(run, RunState.DONE, "")
        publication.result = {"run": run.pk, "outcome": run.outcome}


def stop_reduction(run: Run, sentence: str) -> None:
    """Say on a reduction that its run was given up or cancelled."""
    stage = "cancelled" if run.state == RunState.CANCELLED else "failed"
    Reduction.objects.filter(pk=run.reduction_id, latest_run=run).update(stage=stage, changed=timezone.now())
    logger.info("Run %s ended: %s", run.pk, sentence)


def _asker(run: Run) -> Actor:
    """Return who asked for a run; nobody in particular where they are gone."""
    user = run.job.created_by if run.job is not None else None
    return Actor.of(user) if user is not None and user.is_active else ANYONE


def _look_at(run: Run) -> None:
    """Read the header of a file that nobody has read yet, and make its small picture, for lists and searches."""
    from hven.science.frames.preview import preview  # noqa: PLC0415 - OpenCV, for workers
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - the same

    data_file = run.reduction.data_file
    if data_file is None or data_file.read_at is not None:
        return
    try:
        with storage.local(data_file.blob) as path:
            frame = read_frame(path, limits=frame_limits())
    except HvenError:
        return  # the step that reads it says why
    blob = storage.put(preview(frame, 256))
    with transaction.atomic():
        locked(Run.objects.select_for_update().filter(pk=run.pk))
        archive.note_header(data_file, frame)
        ReductionFile.objects.get_or_create(
            run=run, path="thumbnail.jpg",
            defaults={"reduction_id": run.reduction_id, "blob": blob, "media_type": "image/jpeg"},
        )  # fmt: skip


def _step(job: JobContext, run: Run, context: StepContext, position: int, declared: Step) -> bool:
    """Do one step and publish it; say whether the next may follow."""
    started, log = timezone.now(), _Log([])
    context.begin(declared.key)
    context.files.begin()
    share, first = 0.96 / len(run.steps), 0.02 + 0.96 * position / len(run.steps)

    def on_line(line: str) -> None:
        log.add(line)
        job.log(f"[{declared.key}] {line}")

    def tell(fraction: float, words: str = "") -> None:
        job.progress(first + share * fraction, words or declared.title)

    context.on_line, context.tell = on_line, tell
    with job.checkpoint():
        _locked(run)
        _set_stage(run, declared.stem)
    context.tell(0.0, declared.title)
    try:
        outcome = declared.function(context)
    except (Retriable, LeaseLost, OperationalError):
        raise
    except HvenError as error:
        sentence = str(error)
    except MemoryError:
        sentence = MEMORY
    except Exception as error:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Retriable("The disk is full.") from error
        logger.exception("The step %s of run %s failed", declared.key, run.pk)
        sentence = _OWN_FAULT.format(name=type(error).__name__, error=str(error)[:200])
    else:
        products, removed = context.files.changed()
        log.add(f"{declared.title} is done.")
        products = [*products, *outcome.products, *_log_file(context.scratch, declared, log)]
        _publish(job, run, _Ended(position, declared, outcome, log, started, products, removed), context)
        return True
    log.add(sentence)
    failed = _Ended(position, declared, Outcome(), log, started, _log_file(context.scratch, declared, log), [])
    _publish_failure(job, run, failed, sentence)
    return False


@dataclass(slots=True)
class _Ended:
    position: int
    declared: Step
    outcome: Outcome
    log: _Log
    started: datetime
    products: list[Product]
    removed: list[str]


def _publish(job: JobContext, run: Run, ended: _Ended, context: StepContext) -> None:
    """Make a step's files, results and settings visible at once."""
    files = {product.path: product for product in ended.products}
    products = list(files.values())
    blobs = storage.put_files([product.file for product in products])
    with job.checkpoint():
        reduction = _locked(run)
        folder.take_away(reduction, ended.removed)
        folder.lay(reduction, run, zip(products, blobs, strict=True))
        _write_step(run, ended, RunState.DONE)
        if context.placed is not None:
            _write_place(run, context.placed)
        if context.changes:
            reduction.config = {**reduction.config, **plain(context.changes)}
            reduction.save(update_fields=["config"])
        _set_stage(run, f"{ended.declared.stem}_done")
    context.files.stored(products, blobs)
    context.earlier[ended.declared.key] = ended.outcome.results


def _write_place(run: Run, placed: Placed) -> None:
    """Keep where the frame lies as the run's solution."""
    Solution.objects.filter(run=run).delete()
    Solution.objects.create(
        run=run,
        stars_matched=placed.stars,
        rms_arcsec=placed.rms_arcsec,
        log_odds=0.0,
        rung=placed.how[:100],
        seconds=0.0,
        catalogue=placed.catalogue[:100],
        **Solution.placed(placed.wcs),
    )


def _publish_failure(job: JobContext, run: Run, ended: _Ended, sentence: str) -> None:
    job.log(sentence)
    blobs = storage.put_files([product.file for product in ended.products])
    with job.publishing() as publication:
        reduction = _locked(run)
        folder.lay(reduction, run, zip(ended.products, blobs, strict=True))
        _write_step(run, ended, RunState.FAILED)
        _end(run, RunState.FAILED, sentence)
        _set_stage(run, f"{ended.declared.stem}_failed")
        publication.result = {"run": run.pk, "outcome": run.outcome}


def _locked(run: Run) -> Reduction:
    """Return the run's reduction, locked; Final where it was deleted meanwhile."""
    locked(Run.objects.select_for_update().filter(pk=run.pk))
    reduction = Reduction.objects.select_for_update().filter(pk=run.reduction_id).first()
    if reduction is None:
        raise Final(DELETED)
    return reduction


def _write_step(run: Run, ended: _Ended, state: RunState) -> None:
    StepRun.objects.update_or_create(
        run=run,
        position=ended.position,
        defaults={
            "key": ended.declared.key,
            "state": state,
            "results": plain(ended.outcome.results),
            "log": ended.log.text,
            "started": ended.started,
            "finished": timezone.now(),
        },
    )


def _set_stage(run: Run, stage: str) -> None:
    Reduction.objects.filter(pk=run.reduction_id).update(stage=stage, changed=timezone.now())


def _end(run: Run, outcome: RunState, reason: str) -> None:
    run.outcome, run.reason, run.finished = outcome, reason, timezone.now()
    run.save(update_fields=["outcome", "reason", "finished"])
    if outcome == RunState.DONE:
        Reduction.objects.filter(pk=run.reduction_id).update(completed=run.finished)


def _log_file(scratch: Path, declared: Step, log: _Log) -> list[Product]:
    if not declared.keeps_log:
        return []
    path = scratch / f"{declared.stem}.log"
    path.write_text(log.text, encoding="utf-8")
    return [Product(path.name, path, "text/plain")]
