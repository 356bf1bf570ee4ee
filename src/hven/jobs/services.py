"""The verbs of jobs: enqueue, cancel, retry, look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Count
from django.utils import timezone

from hven.accounts.models import User
from hven.errors import Conflict
from hven.jobs import runner, table, wake
from hven.jobs.context import write_log
from hven.jobs.kinds import kind_of
from hven.jobs.models import ENDS, Job, State, Turn
from hven.jobs.table import Claim
from hven.storage.statements import Insert, Question

_ROWS = Insert(Job)
_UNDER_WAY = Question(
    lambda kind, user: Job.objects.filter(
        kind=kind, created_by=user, state__in=(State.QUEUED, State.RUNNING)
    ).values_list("state"),
    kind=str,
    user=int,
)


def enqueue(
    kind: str,
    args: Mapping[str, Any] | None = None,
    *,
    priority: int = 0,
    parent: Job | None = None,
    created_by: User | None = None,
    idempotency_key: str | None = None,
    max_attempts: int | None = None,
    delay: timedelta | None = None,
) -> Job:
    """Put a job into the queue, in the caller's transaction; workers are woken when it is committed.

    Parameters
    ----------
    kind, args
        A registered kind, and the keyword arguments of its function: JSON, ids rather than content.
    priority
        Higher goes first, before all turns of users; 0 unless there is a reason.
    parent
        The job that this one is a part of; cancelling it cancels this one.
    created_by
        Whose job it is; users take turns.
    idempotency_key
        If a job with this key exists, whatever its state, that one is returned.
    max_attempts
        By default the kind's.
    delay
        Not before so long from now.
    """
    row = {
        "kind": kind, "args": dict(args or {}), "priority": priority, "parent": parent, "created_by": created_by,
        "max_attempts": max_attempts or kind_of(kind).max_attempts,
        "not_before": None if delay is None else timezone.now() + delay,
    }  # fmt: skip
    job = _ROWS.make(**row) if idempotency_key is None else _once(idempotency_key, row)
    transaction.on_commit(wake.send)
    return job


def ask_once(kind: str, args: Mapping[str, Any], created_by: User) -> None:
    """Do what `enqueue` does, unless a job of this kind waits or runs for the user already.

    Such a job looks, in the transaction that sets it done, for what was asked for in the meantime, and leaves none of
    it behind: whoever asks while it runs waits here for that transaction to end. A job that waits is not held, so that
    it can be claimed; where it ends before the caller's transaction does, a regular duty has to ask again.
    """
    states = {state for (state,) in _UNDER_WAY.rows(kind=kind, user=created_by.pk)}
    if State.QUEUED in states or (states and _held(kind, created_by)):
        return
    enqueue(kind, args, created_by=created_by)


def _held(kind: str, user: User) -> bool:
    """Say whether a job runs for a user still; it does not end before the caller's transaction does."""
    if not connection.features.has_select_for_update:
        return True  # one transaction at a time
    return Job.objects.select_for_update().filter(kind=kind, created_by=user, state=State.RUNNING).first() is not None


def _once(idempotency_key: str, row: dict[str, Any]) -> Job:
    """Return the job of a key, made if there is none."""
    present = Job.objects.filter(idempotency_key=idempotency_key).first()
    if present is not None:
        return present
    try:
        with transaction.atomic():
            return _ROWS.make(**row, idempotency_key=idempotency_key)
    except IntegrityError:
        return Job.objects.get(idempotency_key=idempotency_key)


def cancel(job: Job) -> bool:
    """Cancel a job with its parts, queued or running; return False if it had ended already.

    The row is cancelled at once; a worker that runs it is told, and stops it with all programs it started.
    """
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.ended:
            return False
        table.end(row, State.CANCELLED)
        for child in Job.objects.filter(parent=row).exclude(state__in=ENDS):
            cancel(child)
        transaction.on_commit(lambda: wake.send(wake.STOP))
    job.refresh_from_db()
    return True


def retry(job: Job) -> Job:
    """Put a failed or cancelled job into the queue again, with all its attempts.

    Raises
    ------
    Conflict
        It has not ended, or it is done.
    """
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.state not in {State.FAILED, State.CANCELLED}:
            raise Conflict("Only a failed or cancelled job can be tried again.")
        row.state, row.attempts, row.claim = State.QUEUED, 0, row.claim + 1
        row.error_class = row.error_text = row.message = ""
        row.progress, row.finished, row.started, row.not_before, row.worker = 0.0, None, None, None, ""
        row.save()
        transaction.on_commit(wake.send)
    return row


def place_in_queue(job: Job) -> int | None:
    """Return how many queued jobs go before this one, users taking turns; None if it is not waiting."""
    row = Job.objects.filter(pk=job.pk, state=State.QUEUED).first()
    if row is None:
        return None
    queued = Job.objects.filter(state=State.QUEUED)
    level = queued.filter(priority=row.priority)
    turns = dict(Turn.objects.values_list("user", "turn"))
    mine = turns.get(row.created_by_id or 0, 0)
    round_ = level.filter(created_by=row.created_by_id, pk__lt=row.pk).count()
    ahead = queued.filter(priority__gt=row.priority).count() + round_
    for user, waiting in level.values_list("created_by").annotate(n=Count("pk")).order_by():
        if user != row.created_by_id:
            ahead += min(waiting, round_ + (1 if turns.get(user or 0, 0) < mine else 0))
    return ahead


def read_log(job: Job) -> str:
    """Return the job's log; empty if nothing was logged."""
    try:
        return job.log_path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def add_to_log(job: Job, line: str) -> None:
    """Add a line to a job's log from outside a worker."""
    write_log(job.log_path, line)


def run_here(job: Job) -> Job:
    """Run one queued job in this process, without a worker: for tests and for commands."""
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.state != State.QUEUED:
            raise Conflict("Only a queued job can be run.")
        row.state, row.claim, row.attempts = State.RUNNING, row.claim + 1, row.attempts + 1
        row.started, row.worker, row.not_before = timezone.now(), "here", None
        row.save()
    runner.run(Claim(row.pk, row.claim, row.kind))
    row.refresh_from_db()
    return row
