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
from hven.jobs import services as jobs

READ = "archive.read"


def ask_to_read(owner: User) -> None:
    """Have an owner's waiting files read, in the transaction that made the last of them wait."""
    jobs.ask_once(READ, {"owner_id": owner.pk}, created_by=owner)


@transaction.atomic
def read_again(actor: Actor, data_file: DataFile) -> None:
    """Have a file's header read once more; Forbidden, Unauthenticated where the actor may not change the file."""
    access.check(actor, access.Verb.CHANGE, data_file)
    DataFile.objects.filter(pk=data_file.pk).update(awaits_reading=True)
    ask_to_read(data_file.owner)


def waiting(owner_id: int) -> QuerySet[DataFile]:
    """Return an owner's files that are still to be read, those first that came first."""
    return DataFile.objects.filter(awaits_reading=True, owner=owner_id).order_by("id")
