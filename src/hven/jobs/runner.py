"""Running one claimed job in this process, and noting how it ended."""

from __future__ import annotations

import logging
import resource
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import OperationalError

from hven.errors import Final, HvenError, Retriable, Unavailable
from hven.jobs import kinds, table
from hven.jobs.context import JobContext, context_for
from hven.jobs.models import Job
from hven.jobs.table import Claim, LeaseLost

logger = logging.getLogger("hven.jobs")
UNEXPECTED = "Something went wrong inside hven while doing this. The log of the job says where."
MEMORY = "This needed more memory than the server allows for one job."


def run(claim: Claim) -> None:
    """Run a claimed job to its end: done, failed, or back in the queue. Only a lost database connection raises."""
    job = claim.rows().first()
    if job is None:
        return  # cancelled between the claim and here
    context = context_for(job, claim, settings.HVEN_FOLDERS.scratch)
    try:
        with _logged(context):
            _attempt(job, context)
    finally:
        shutil.rmtree(context.scratch, ignore_errors=True)


def _attempt(job: Job, context: JobContext) -> None:
    claim = context.claim
    try:
        kind = kinds.kind_of(job.kind)
        with _memory_limit(kind.memory_limit or settings.HVEN_JOB_MEMORY_LIMIT):
            result = kind.work(context, **job.args)
        if not context.published:
            with context.publishing() as publication:
                publication.result = result
    except LeaseLost:
        logger.info("Job %s was cancelled or given to another worker; nothing of this attempt is kept", job.pk)
    except MemoryError:
        context.log(MEMORY)
        table.fail(claim, "MemoryLimit", MEMORY)
    except (Retriable, Unavailable) as error:
        context.log(f"Attempt {job.attempts} of {job.max_attempts}: {error}")
        table.retry_later(claim, type(error).__name__, str(error))
    except OperationalError as error:
        context.log(f"Attempt {job.attempts} of {job.max_attempts}: the database did not answer ({error})")
        table.retry_later(claim, "Database", "The database did not answer in time.")
    except HvenError as error:
        context.log(f"Failed: {error}")
        table.fail(claim, type(error).__name__ if not isinstance(error, Final) else "Final", str(error))
    except Exception as error:  # whatever a job's code does, the job ends with a state
        context.log(traceback.format_exc())
        logger.exception("Job %s of the kind %s failed unexpectedly", job.pk, job.kind)
        table.fail(claim, type(error).__name__, UNEXPECTED)


@contextmanager
def _memory_limit(limit: int) -> Iterator[None]:
    """Let an allocation beyond the limit raise MemoryError here, before the supervisor has to kill the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def _logged(context: JobContext) -> Iterator[None]:
    handler = _JobLog(context)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _JobLog(logging.Handler):
    """Copies what the code logs while a job runs into the job's log; exceptions stand there already."""

    def __init__(self, context: JobContext) -> None:
        super().__init__(logging.INFO)
        self.context = context

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, but none of the machinery's own."""
        if record.name != "hven.jobs":
            with suppress(Exception):
                self.context.log(f"{record.levelname.lower()}: {record.getMessage()}")
