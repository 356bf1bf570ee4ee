"""A job that says when it began, on the clock that all processes of the machine share."""

import time

from hven.jobs.context import JobContext
from hven.jobs.kinds import job_kind


@job_kind("bench.touch")
def touch(_context: JobContext) -> dict[str, float]:
    """Return the time."""
    return {"began": time.monotonic()}
