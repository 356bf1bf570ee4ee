"""The kinds of job of the archive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hven.jobs.context import JobContext
from hven.jobs.kinds import job_kind
from hven.jobs.reaper import Regular, register
from hven.sites.services.sites import REFILE


def _forget_uploads() -> int:
    from hven.archive.services.resumable import forget_old  # noqa: PLC0415 - needs the apps

    return forget_old()


register(Regular("uploads", timedelta(hours=1), _forget_uploads))


@job_kind("archive.read", time_limit_s=300)
def read(context: JobContext, *, data_file_id: int) -> None:
    """Read the header of a file and file it into its night."""
    from hven.archive.services.reading import note_read, read_headers_of  # noqa: PLC0415 - the science, for workers only

    found = read_headers_of(data_file_id)
    # Filing and the job's end are one transaction: while files come, each commit keeps somebody waiting.
    with context.publishing() as publication:
        publication.result = {"gone": True}
        if found is not None and note_read(*found):
            publication.result = {"format": found[0].format, "unfiled": found[0].unfiled}


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
