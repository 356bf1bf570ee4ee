"""The kinds of job of solver data: fetching series, building indexes."""

from __future__ import annotations

from typing import Any

from hven.archive.services.names import safe_name
from hven.errors import Conflict, Retriable
from hven.imaging.services import solver_indexes as indexes
from hven.jobs import services as jobs
from hven.jobs.context import JobContext
from hven.jobs.kinds import job_kind
from hven.jobs.models import Job, State
from hven.storage import services as storage

_DAY_S = 86_400.0


@job_kind(indexes.FETCH, time_limit_s=_DAY_S, max_attempts=20)
def fetch_indexes(context: JobContext, *, word: str, scales: list[int], before: int = 0) -> dict[str, Any] | None:
    """Fetch a series file by file; where others wait for a worker, leave the rest for another turn.

    `before` files came in earlier turns.
    """
    plan = indexes.plan_fetch(word, scales)
    whole = before + len(plan.missing)
    try:
        left = indexes.fetch_indexes(
            plan,
            tell=lambda fraction, words: context.progress(
                (before + fraction * len(plan.missing)) / max(whole, 1), words
            ),
            installed_one=lambda file: context.log(f"{file.name} is installed."),
            enough=lambda: Job.objects.filter(state=State.QUEUED).exclude(kind=indexes.FETCH).exists(),
        )
    except Conflict as error:
        raise Retriable(str(error)) from error
    came = len(plan.missing) - len(left)
    if not left:
        return {"word": word, "files": before + came}
    with context.publishing() as publication:
        owner = Job.objects.get(pk=context.job_id).created_by
        jobs.enqueue(indexes.FETCH, {"word": word, "scales": scales, "before": before + came}, created_by=owner)
        publication.result = {"word": word, "files": before + came, "continued": True}
    return None


@job_kind(indexes.BUILD, time_limit_s=6 * 3600, max_attempts=2)
def build_index(context: JobContext, *, sha256: str, filename: str, order: dict[str, Any]) -> dict[str, Any]:
    """Build indexes from an uploaded catalogue."""
    work = context.scratch / "build"
    work.mkdir()
    with storage.local(indexes.catalogue_of(sha256)) as path:
        named = context.scratch / "catalogue" / (safe_name(filename)[-60:] or "catalogue")
        named.parent.mkdir()
        named.symlink_to(path)
        built = indexes.build_index(indexes.BuildOrder(**order), named, work, context.progress)
    for sentence in built.refused:
        context.log(sentence)
    return {
        "name": built.files[0][0].own_name,
        "stars": built.stars,
        "columns": list(built.columns),
        "files": [
            {
                "file": index.path.name,
                "bytes": index.size_bytes,
                "solved": trial.solved,
                "tried": trial.tried,
                "width_deg": trial.width_deg,
                "error_arcsec": trial.error_arcsec,
            }
            for index, trial in built.files
        ],
        "refused": list(built.refused),
    }
