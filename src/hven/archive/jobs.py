"""The kinds of job of the archive."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hven.jobs.context import JobContext
from hven.jobs.kinds import job_kind
from hven.jobs.reaper import Regular, register
from hven.sites.services.sites import REFILE

if TYPE_CHECKING:
    from hven.jobs.models import Job


def _forget_uploads() -> int:
    from hven.archive.services.resumable import forget_old  # noqa: PLC0415 - needs the apps

    return forget_old()


def _ask_for_all() -> int:
    from hven.archive.services.unread import ask_for_all  # noqa: PLC0415 - needs the apps

    return ask_for_all()


def _is_any_waiting() -> bool:
    from hven.archive.services.unread import is_any_waiting  # noqa: PLC0415 - needs the apps

    return is_any_waiting()


register(Regular("unread", timedelta(seconds=30), _ask_for_all, _is_any_waiting))
register(Regular("uploads", timedelta(hours=1), _forget_uploads))


def _give_up(job: Job) -> None:
    from hven.archive.services.unread import give_up  # noqa: PLC0415 - needs the apps

    give_up(job)


@job_kind("archive.read", time_limit_s=300, on_end=_give_up)
def read(context: JobContext, *, owner_id: int, singly: bool = False) -> None:
    """Read the headers of an owner's new files and file them into their nights."""
    from hven.archive.services.reading import read_waiting  # noqa: PLC0415 - the science, for workers only

    read_waiting(context, owner_id, singly=singly)


@job_kind(REFILE, time_limit_s=3600)
def refile(context: JobContext, *, telescope_id: int | None = None, dataset_id: int | None = None) -> dict[str, Any]:
    """Work the nights of a telescope's or a dataset's files out anew."""
    from hven.archive.services.nights import file_into_night, files_of, remove_empty_nights  # noqa: PLC0415 - needs apps

    files = files_of(telescope_id, dataset_id)
    count = files.count()
    for done, data_file in enumerate(files.order_by("id").iterator(chunk_size=500)):
        file_into_night(data_file)
        context.progress(done / max(count, 1), f"{done} of {count} files")
    return {"files": count, "nights_removed": remove_empty_nights(telescope_id)}
