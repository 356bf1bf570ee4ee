"""Finding running jobs whose worker is gone, and offering them again.

Clocks may be moved while hven runs, so no decision compares a time in the database with a clock. A watcher notes
when it saw a job's heartbeat change, on its own monotonic clock; a job whose heartbeat stands still for a lease has
lost its worker. On the same machine there is no need to wait: the process is there or it is not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from hven.jobs import table
from hven.jobs.models import Job, State
from hven.jobs.processes import Identity, kill_marked

logger = logging.getLogger("hven.jobs")


@dataclass(slots=True)
class Watcher:
    """What one process saw of the running jobs so far."""

    lease_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    seen: dict[int, tuple[int, int, float]] = field(default_factory=dict)  # id -> claim, beat, when it was new
    last_round: float | None = None

    def round(self) -> int:
        """Look at all running jobs once; return how many were offered again or failed."""
        lease = self.lease_s or settings.HVEN_JOB_LEASE
        now = self.clock()
        if self.last_round is not None and now - self.last_round > lease:
            self.seen.clear()  # we slept, or the machine did: what we remember proves nothing
        self.last_round = now
        rows = list(Job.objects.filter(state=State.RUNNING).values_list("pk", "kind", "claim", "beat", "worker"))
        self.seen = {pk: seen for pk, seen in self.seen.items() if pk in {row[0] for row in rows}}
        lapsed = []
        for pk, kind, number, beat, worker in rows:
            known = self.seen.get(pk)
            if known is None or known[:2] != (number, beat):
                self.seen[pk] = (number, beat, now)
            identity = Identity.parse(worker)
            gone = identity is not None and identity.gone()
            if gone or now - self.seen[pk][2] > lease:
                lapsed.append((table.Claim(pk, number, kind), beat, worker if gone else None))
        return self._offer(lapsed, lease) if lapsed else 0

    def _offer(self, lapsed: list[tuple[table.Claim, int, str | None]], lease: float) -> int:
        for dead in {worker for _, _, worker in lapsed if worker}:
            # What a killed supervisor's jobs had started must end before the jobs start anew.
            kill_marked(dead)
        asked = self.clock()
        offered = 0
        with transaction.atomic():
            if self.clock() - asked > lease / 4:
                # The database was locked: the heartbeats had to wait as we did, and get their chance first.
                self.seen.clear()
                return 0
            for claim, beat, worker in lapsed:
                if claim.rows().filter(beat=beat).exists() and table.give_back(claim, "Its worker is gone."):
                    offered += 1
                    logger.warning(
                        "Job %s is offered again: its worker %s", claim.job_id, "ended" if worker else "is silent"
                    )
        return offered
