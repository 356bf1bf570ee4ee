"""What the code of a job is given: its scratch folder, progress, log, and the one way to publish."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from hven.accounts.models import User
from hven.jobs import table
from hven.jobs.models import Job
from hven.jobs.table import Claim, LeaseLost
from hven.storage.transactions import unsynced

logger = logging.getLogger("hven.jobs")
_WRITE_EVERY_S = 0.5
LOG_LIMIT = 2 * 1024 * 1024


@dataclass(slots=True)
class Publication:
    """An open publication; ``result`` becomes the job's result."""

    result: dict[str, Any] | None = None


@dataclass(slots=True)
class JobContext:
    """One attempt at one job."""

    claim: Claim
    uuid: UUID
    attempt: int
    scratch: Path  # an empty folder; removed when the attempt ends
    log_path: Path
    published: bool = False
    _written: float = field(default=0.0)
    _asked: float = field(default=0.0)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def job_id(self) -> int:
        """The job's integer id."""
        return self.claim.job_id

    @property
    def created_by(self) -> User | None:
        """Whose job it is."""
        return self.claim.rows().select_related("created_by").get().created_by

    @property
    def cancelled(self) -> bool:
        """Whether to stop, because the job is not ours any more; asked of the database once a second at most."""
        now = time.monotonic()
        if now - self._asked < 1.0:
            return False
        self._asked = now
        return not self.claim.rows().exists()

    def progress(self, fraction: float, message: str = "") -> None:
        """Show how far the job is, 0 to 1, and what it does; cheap to call often.

        Raises
        ------
        LeaseLost
            The job was cancelled or given to another worker.
        """
        now = time.monotonic()
        # Jobs of a blink write nothing, and no job writes more often than somebody could read.
        if now - max(self._written, self._begun) < _WRITE_EVERY_S:
            return
        self._written = now
        fraction = min(1.0, max(0.0, fraction))
        if not self.claim.rows().update(progress=fraction, message=message[:300]):
            raise LeaseLost("The job was cancelled or given to another worker.")

    def note(self, result: dict[str, Any]) -> None:
        """Keep something as the job's result until it has one: what is at hand, for whoever looks after its failure.

        Raises
        ------
        LeaseLost
            The job was cancelled or given to another worker.
        """
        if not self.claim.rows().update(result=result):
            raise LeaseLost("The job was cancelled or given to another worker.")

    def log(self, line: str) -> None:
        """Add a line to the job's log, which its owner can read."""
        write_log(self.log_path, line)

    @contextmanager
    def checkpoint(self, *, synced: bool = True) -> Iterator[None]:
        """Open a transaction in which a part of the outputs becomes visible while the job goes on.

        Parameters
        ----------
        synced
            Wait for the disk. What is done again where it is lost need not; see `hven.storage.transactions`.

        Raises
        ------
        LeaseLost
            The job is not ours any more. Nothing is written.
        """
        with transaction.atomic() if synced else unsynced():
            if not self.claim.hold():
                raise LeaseLost("The job was cancelled or given to another worker.")
            yield

    @contextmanager
    def publishing(self, *, synced: bool = True) -> Iterator[Publication]:
        """Open the one transaction in which outputs become visible and the job is done; parameters of `checkpoint`.

        Raises
        ------
        LeaseLost
            Before or at the end: the job is not ours any more. All rows written inside are undone.
        """
        publication = Publication()
        with self.checkpoint(synced=synced):
            yield publication
            table.done(self.claim, publication.result)
        self.published = True


def write_log(path: Path, line: str) -> None:
    """Add a line with the time to a log; a log that grew too long takes no more."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a", encoding="utf-8", errors="replace") as stream:
        room = LOG_LIMIT - stream.tell()
        if room <= 0:
            return
        text = f"{datetime.now(UTC):%H:%M:%S} {line.rstrip()}\n"
        stream.write(text if len(text) < room else "... the log is cut here: it grew too long\n" + " " * room)


def context_for(job: Job, claim: Claim, scratch: Path) -> JobContext:
    """Return the context for an attempt, with its scratch folder made."""
    folder = scratch / f"{job.uuid.hex}-{claim.number}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return JobContext(claim, job.uuid, job.attempts, folder, job.log_path)
