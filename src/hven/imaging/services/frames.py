"""Sharing and deleting a reduction together with the file it stands for."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.imaging.models import Reduction
from hven.jobs import services as jobs


@transaction.atomic
def set_visibility(actor: Actor, reduction: Reduction, visibility: str) -> None:
    """Make a reduction private or public, and its file with it where the actor may share that too.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not share the reduction.
    Invalid
        There is no such visibility.
    """
    accounts.set_visibility(actor, reduction, visibility)
    data_file = reduction.data_file
    if data_file is not None and access.may(actor, access.Verb.SHARE, data_file):
        accounts.set_visibility(actor, data_file, visibility)


@transaction.atomic
def delete_reduction(actor: Actor, reduction: Reduction) -> UUID | None:
    """Delete a reduction with its runs and products; stop what still runs.

    Its file goes too when it was never filed anywhere but in the inbox and nothing else is made of it.

    Returns
    -------
    UUID | None
        Of the file that was deleted; None when it stays, or there was none.
    """
    access.check(actor, access.Verb.DELETE, reduction)
    for run in reduction.runs.select_related("job"):
        if run.job is not None:
            jobs.cancel(run.job)
    data_file = reduction.data_file
    reduction.delete()
    if data_file is None or not data_file.dataset.inbox or data_file.reductions.exists():
        return None
    if not access.may(actor, access.Verb.DELETE, data_file):
        return None
    uuid = data_file.uuid
    data_file.delete()
    return uuid
