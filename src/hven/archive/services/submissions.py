"""Taking a submission: who hands over, what for, from where."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Observatory, User, Visibility
from hven.archive.models import Dataset, Submission
from hven.archive.services.licences import NO_LICENCE, Licence
from hven.archive.services.names import safe_name
from hven.errors import Unauthenticated
from hven.storage.statements import Insert

_ROWS = Insert(Submission)


def giver(actor: Actor) -> User:
    """Return who hands something over.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, or its key may not upload.
    """
    access.need(actor, UPLOAD, WRITE)
    if actor.user is None or (actor.user.is_visitor and not settings.HVEN_VISITORS):
        raise Unauthenticated("Sign in, or send an access key, to hand something over.")
    return actor.user


def new_submission(
    actor: Actor,
    *,
    origin: str,
    name: str = "",
    url: str = "",
    address: str | None = None,
    arguments: dict[str, Any] | None = None,
    visibility: str = Visibility.PRIVATE,
    dataset: Dataset | None = None,
    licence: Licence = NO_LICENCE,
    observatory: Observatory | None = None,
) -> Submission:
    """Record that somebody hands something over; its files are added as they come.

    They are filed in `dataset`, which the actor may write to, or in the inbox. It belongs to the observatory that is
    named, or else to that of the actor's key.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, or its key may not upload.
    Invalid
        There is no such licence.
    """
    owner = giver(actor)
    licence.check()
    said: dict[str, Any] = {
        "owner": owner,
        "observatory": observatory or (actor.key.observatory if actor.key else None),
        "visibility": visibility,
        "origin": origin,
        "name": safe_name(name),
        "address": address,
        "dataset": dataset,
        "commercial_use": licence.commercial_use,
        "modifications": licence.modifications,
    }
    if url:
        said["url"] = url
    if arguments:
        said["arguments"] = arguments
    return _ROWS.make(**said)


@transaction.atomic
def fail_submission(submission: Submission, sentence: str) -> None:
    """End a submission whose files could not be taken in."""
    now = timezone.now()
    submission.started = submission.started or now
    submission.finished = now
    submission.error = sentence
    submission.save(update_fields=["started", "finished", "error", "changed"])


@transaction.atomic
def finish_submission(submission: Submission) -> None:
    """Say that all files of a submission are filed, and let go of the archive that they came in."""
    submission.finished, submission.error, submission.blob = timezone.now(), "", None
    submission.save(update_fields=["finished", "error", "blob", "changed"])
