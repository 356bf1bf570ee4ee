"""What workers do to rows: claim, show life, give back, end. Each is one transaction and compares before it sets.

A claim has a number that only grows (``Job.claim``). Whoever writes for a running job names its number, so a worker
that lost its job, whatever it slept through, changes nothing any more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from hven.errors import HvenError
from hven.jobs import kinds
from hven.jobs.models import Job, State, Turn
from hven.storage.statements import Question

logger = logging.getLogger("hven.jobs")
DIED = "The worker process died {n} times while doing this. The log shows how far it came."


class LeaseLost(HvenError):
    """The job is not this worker's any more: it was cancelled, or given to another. Nothing of it may be published."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job, until another claim is made or the job ends."""

    job_id: int
    number: int
    kind: str

    def rows(self) -> QuerySet[Job]:
        """Return the query for the row as long as it is still this claim's."""
        return Job.objects.filter(pk=self.job_id, claim=self.number, state=State.RUNNING)

    def hold(self) -> bool:
        """Say whether the row is still this claim's, and keep it so to the transaction's end."""
        return bool(_HELD.rows(pk=self.job_id, number=self.number))


_HELD = Question(
    lambda pk, number: (
        Job.objects.select_for_update().filter(pk=pk, claim=number, state=State.RUNNING).values_list("pk")
    ),
    pk=int,
    number=int,
)


def ready() -> QuerySet[Job]:
    """Return the jobs that can be run now, in the order in which they are.

    Higher priorities go first. Within one, users take turns: who was served longest ago is next, with the oldest of
    their jobs. So a thousand jobs of one user delay another user's single job by one job.
    """
    turn = Turn.objects.filter(user=Coalesce(OuterRef("created_by"), 0)).values("turn")[:1]
    return (
        Job.objects.filter(state=State.QUEUED)
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=timezone.now()))
        .annotate(turn=Coalesce(Subquery(turn), 0))
        .order_by("-priority", "turn", "id")
    )


def _next() -> QuerySet[Job]:
    """Return the query for the first of `ready`, found without sorting a long queue.

    An index gives each user's oldest job of each priority; whose turn it is is then decided among users, who are few.
    """
    now = timezone.now()
    waiting = Job.objects.filter(state=State.QUEUED).filter(Q(not_before__isnull=True) | Q(not_before__lte=now))
    heads = list(waiting.values_list("priority", "created_by").annotate(first=Min("id")).order_by())
    highest = max((priority for priority, _, _ in heads), default=0)
    of_users = {user or 0: first for priority, user, first in heads if priority == highest}
    turns = dict(Turn.objects.filter(user__in=of_users).values_list("user", "turn"))
    job = min(((turns.get(user, 0), first) for user, first in of_users.items()), default=(0, 0))[1]
    return Job.objects.filter(pk=job)


def claim(worker: str) -> Claim | None:
    """Take the next job for a worker; None if there is nothing to do."""
    if not ready().exists():  # reading takes no lock: an idle worker disturbs nobody
        return None
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            # Workers that come together each take another one, so that the database chooses.
            rows = ready().select_for_update(skip_locked=True, of=("self",))
        else:
            rows = _next()
        job = rows.only("id", "claim", "kind", "created_by_id").first()
        if job is None:
            return None
        now = timezone.now()
        taken = Job.objects.filter(pk=job.pk, state=State.QUEUED, claim=job.claim).update(
            state=State.RUNNING,
            worker=worker,
            claim=F("claim") + 1,
            attempts=F("attempts") + 1,
            beat=F("beat") + 1,
            lease_until=now + timedelta(seconds=settings.HVEN_JOB_LEASE),
            started=now,
            not_before=None,
            progress=0.0,
            message="",
        )
        if not taken:
            return None
        last = Turn.objects.aggregate(last=Max("turn"))["last"] or 0
        turn = Turn(user=job.created_by_id or 0, turn=last + 1)
        Turn.objects.bulk_create([turn], update_conflicts=True, unique_fields=["user"], update_fields=["turn"])
        return Claim(job.pk, job.claim + 1, job.kind)


def beat(claims: Mapping[int, Claim]) -> set[int]:
    """Show that these jobs are being worked on; return the ids of those that are not the worker's any more."""
    if not claims:
        return set()
    with transaction.atomic():
        running = Job.objects.filter(pk__in=claims, state=State.RUNNING)
        mine = {pk for pk, number in running.values_list("pk", "claim") if claims[pk].number == number}
        until = timezone.now() + timedelta(seconds=settings.HVEN_JOB_LEASE)
        running.filter(pk__in=mine).update(beat=F("beat") + 1, lease_until=until)
    return set(claims) - mine


def done(claim: Claim, result: dict[str, Any] | None) -> None:
    """Set a job done, inside the transaction that publishes its outputs; raise LeaseLost if it is not ours."""
    now = timezone.now()
    if not claim.rows().update(
        state=State.DONE, result=result, finished=now, progress=1.0, error_class="", error_text="", lease_until=None
    ):
        raise LeaseLost("The job was cancelled or given to another worker.")


def give_back(claim: Claim, why: str, *, counts: bool = True) -> bool:
    """Put a job back into the queue after its attempt died; return False if it was not ours.

    An attempt that ``counts`` and was the last one makes the job fail instead. One that does not count (hven was
    stopped) is not held against the job.
    """
    with transaction.atomic():
        job = claim.rows().select_for_update().first()
        if job is None:
            return False
        if counts and job.attempts >= job.max_attempts:
            end(job, State.FAILED, "Died", DIED.format(n=job.attempts))
            return True
        job.attempts -= 0 if counts else 1
        _requeue(job, why)
    return True


def retry_later(claim: Claim, error_class: str, text: str) -> bool:
    """Put a job back after an error that may pass, with a growing delay; or fail it when its attempts are used up."""
    with transaction.atomic():
        job = claim.rows().select_for_update().first()
        if job is None:
            return False
        if job.attempts >= job.max_attempts:
            end(job, State.FAILED, error_class, text)
            return True
        job.error_class, job.error_text = error_class, text
        delay = min(600.0, 2.0**job.attempts) * random.uniform(0.75, 1.25)  # noqa: S311 - it spreads load, no secret
        job.not_before = timezone.now() + timedelta(seconds=delay)
        _requeue(job, f"Trying again: {text}")
    return True


def fail(claim: Claim, error_class: str, text: str) -> bool:
    """Set a job failed; return False if it was not ours."""
    with transaction.atomic():
        job = claim.rows().select_for_update().first()
        if job is None:
            return False
        end(job, State.FAILED, error_class, text)
    return True


def end(job: Job, state: State, error_class: str = "", text: str = "") -> None:
    """Set a job failed or cancelled and tell its kind; inside a transaction that holds the row."""
    job.state, job.finished, job.lease_until = state, timezone.now(), None
    job.error_class, job.error_text = error_class[:100], text
    job.claim += 1  # whoever still works on it is told so by its next write
    job.save(update_fields=["state", "finished", "lease_until", "error_class", "error_text", "claim"])
    kind = kinds.find_kind(job.kind)
    if kind is not None and kind.on_end is not None:
        try:
            with transaction.atomic():
                kind.on_end(job)
        except Exception:
            # The job's own end must not hang on what a kind makes of it.
            logger.exception("The kind %s could not note the end of job %s", job.kind, job.pk)


def _requeue(job: Job, why: str) -> None:
    job.state, job.worker, job.lease_until, job.message = State.QUEUED, "", None, why[:300]
    job.claim += 1
    job.save(
        update_fields=[
            "state", "worker", "lease_until", "message", "claim", "attempts", "not_before", "error_class", "error_text",
        ]
    )  # fmt: skip
