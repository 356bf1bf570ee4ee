"""The kinds of job of imaging."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hven.imaging import index_jobs  # noqa: F401 - registers its kinds
from hven.imaging.services.solver_data import BUILD
from hven.jobs.context import JobContext
from hven.jobs.kinds import job_kind
from hven.jobs.models import Job
from hven.jobs.reaper import Regular, register


def _warm() -> None:
    from hven.imaging.services.execute import warm  # noqa: PLC0415 - the science, for workers only

    warm()


def _on_end(job: Job) -> None:
    from hven.imaging.services.runs import end_submission  # noqa: PLC0415 - needs the apps

    end_submission(job)


def _forget_visitors() -> int:
    from hven.imaging.services.queue_limits import forget_visitors  # noqa: PLC0415 - needs the apps

    return forget_visitors()


register(Regular("visitors", timedelta(minutes=30), _forget_visitors))


@job_kind("imaging.run", time_limit_s=900, warm=_warm, on_end=_on_end)
def run(context: JobContext, *, run_id: int) -> dict[str, Any] | None:
    """Carry out a run."""
    from hven.imaging.services.execute import execute  # noqa: PLC0415 - the science, for workers only

    execute(context, run_id)
    return None


def _on_reduce_end(job: Job) -> None:
    from hven.imaging.services.reduce import stop_reduction  # noqa: PLC0415 - needs the apps

    run = getattr(job, "run", None)
    if run is not None and not run.outcome:
        stop_reduction(run, job.error_text)


@job_kind("imaging.reduce", time_limit_s=1800, on_end=_on_reduce_end)
def reduce(context: JobContext, *, run_id: int) -> dict[str, Any] | None:
    """Carry out a run of steps in a reduction's folder."""
    from hven.imaging import steps  # noqa: F401, PLC0415 - the steps register themselves
    from hven.imaging.services.reduce import reduce as carry_out  # noqa: PLC0415 - the science, for workers only

    carry_out(context, run_id)
    return None


@job_kind("imaging.begin")
def begin(_context: JobContext, *, data_file_id: int, rule: str) -> dict[str, Any]:
    """Start what a dataset's rule says for a frame that was filed there."""
    from hven.imaging.services.filed import begin_filed  # noqa: PLC0415 - needs the apps

    run = begin_filed(data_file_id, rule)
    return {"run": run.pk if run is not None else None}


@job_kind(BUILD, time_limit_s=1800)
def build_solver_data(context: JobContext) -> dict[str, Any]:
    """Build the tables of reference stars and of star patterns."""
    from hven.imaging.services.solver_data import opened, solver_data  # noqa: PLC0415 - the same

    opened.cache_clear()  # indexes may have come since this process started
    data = solver_data(context.progress)
    return {"reference_stars": len(data.reference), "indexes": len(data.indexes)}
