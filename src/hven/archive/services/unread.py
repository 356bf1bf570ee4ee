"""The files whose headers are still to be read: a queue of each owner, for which one job at a time is asked.

A job of its own for each file would take longer than reading its header.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import User
from hven.archive.models import DataFile
from hven.archive.services import text_index
from hven.jobs import services as jobs
from hven.jobs.models import Job, State

READ = "archive.read"
_PASSING = {"Database", "Retriable", "Unavailable", "NoRoom"}  # classes of errors of jobs
_DEADLY = {"Died", "TimeLimit", "MemoryLimit"}
_DIED = "Its header could not be read: that took more time or memory than a job may take."
_NOT_KEPT = "What its header says could not be kept ({error})."


def ask_to_read(owner: User) -> None:
    """Have an owner's waiting files read, in the transaction that made the last of them wait."""
    jobs.ask_once(READ, {"owner_id": owner.pk}, created_by=owner)


@transaction.atomic
def read_again(actor: Actor, data_file: DataFile) -> None:
    """Have a file's header read once more; Forbidden, Unauthenticated where the actor may not change the file."""
    access.check(actor, access.Verb.CHANGE, data_file)
    DataFile.objects.filter(pk=data_file.pk).update(awaits_reading=True)
    ask_to_read(data_file.owner)


def ask_for_all() -> int:
    """Have read whatever waits without a job, because that failed or was cancelled; return for how many owners."""
    owners = User.objects.filter(pk__in=DataFile.objects.filter(awaits_reading=True).values("owner"))
    for owner in owners:
        with transaction.atomic():
            ask_to_read(owner)
    return len(owners)


def is_any_waiting() -> bool:
    """Say whether any file is still to be read."""
    return DataFile.objects.filter(awaits_reading=True).exists()


def give_up(job: Job) -> None:
    """Go on after a job of reading failed: without the file that it was at, or one by one to find out which it is.

    What failed for a reason that passes, like a database that did not answer, is left to `ask_for_all`.
    """
    owner = User.objects.filter(pk=job.args.get("owner_id")).first()
    if owner is None or job.state != State.FAILED or job.error_class in _PASSING:
        return
    at = (job.result or {}).get("data_file_id")
    if at is None and job.args.get("singly"):
        return
    if at is not None:
        why = _DIED if job.error_class in _DEADLY else _NOT_KEPT.format(error=job.error_class)
        waiting(owner.pk).filter(pk=at).update(awaits_reading=False, unfiled=why)
        text_index.note_again(at)
    if waiting(owner.pk).exists():
        jobs.enqueue(READ, {"owner_id": owner.pk, "singly": True}, created_by=owner)


def waiting(owner_id: int) -> QuerySet[DataFile]:
    """Return an owner's files that are still to be read, those first that came first."""
    return DataFile.objects.filter(awaits_reading=True, owner=owner_id).order_by("id")
