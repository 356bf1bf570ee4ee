"""Sharing and deleting what was handed over: reductions, submissions, files, albums with all that is in them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant
from hven.archive.models import DataFile, Dataset, Submission
from hven.imaging.models import Reduction, Run
from hven.jobs import services as jobs
from hven.jobs.models import ENDS, Job


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
def set_file_visibility(actor: Actor, data_file: DataFile, visibility: str) -> None:
    """Make a data file private or public, and with it what the actor may share of what is made of it.

    Raises
    ------
    Unauthenticated, Forbidden, Invalid
        As in `set_visibility`.
    """
    accounts.set_visibility(actor, data_file, visibility)
    made = access.visible(data_file.reductions.all(), actor, access.Verb.SHARE)
    made.update(visibility=visibility, changed=timezone.now())


@transaction.atomic
def set_album_visibility(actor: Actor, album: Dataset, visibility: str, *, files: bool = True) -> int:
    """Make an album private or public, and with `files` all in it that the actor may share; return how many files.

    Raises
    ------
    Unauthenticated, Forbidden, Invalid
        As in `set_visibility`, of the album.
    """
    accounts.set_visibility(actor, album, visibility)
    if not files:
        return 0
    now = timezone.now()
    made = Reduction.objects.filter(data_file__dataset=album)
    shared = access.visible(made, actor, access.Verb.SHARE).values("pk")
    Reduction.objects.filter(pk__in=shared).update(visibility=visibility, changed=now)
    mine = access.visible(album.data_files.all(), actor, access.Verb.SHARE).values("pk")
    return DataFile.objects.filter(pk__in=mine).update(visibility=visibility, changed=now)


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
    _stop([reduction])
    data_file, submission = reduction.data_file, reduction.submission_id
    uuid = reduction.uuid
    reduction.delete()
    _forget_grants([uuid])
    # An archive that nobody will unpack any more is let go of.
    if submission is not None:
        Submission.objects.filter(pk=submission, reductions__isnull=True).update(blob=None)
    if data_file is None or not data_file.dataset.inbox or data_file.reductions.exists():
        return None
    if not access.may(actor, access.Verb.DELETE, data_file):
        return None
    return _delete_file(data_file)


@transaction.atomic
def delete_submission(actor: Actor, submission: Submission) -> list[UUID]:
    """Delete a submission with all that was made of what it brought; stop what still runs.

    Files stay that were filed in an album, or that something else is made of.

    Returns
    -------
    list[UUID]
        Of the files that were deleted.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not delete the submission, or something made of it; then nothing is deleted.
    """
    access.check(actor, access.Verb.DELETE, submission)
    # Once its jobs are stopped nobody unpacks it any more, so what is listed next is all.
    _stop(submission.reductions.all())
    brought = submission.reductions.select_related("data_file__dataset").order_by("id")
    gone = [delete_reduction(actor, reduction) for reduction in brought]
    uuid = submission.uuid
    submission.delete()
    _forget_grants([uuid])
    return [each for each in gone if each is not None]


@transaction.atomic
def delete_data_file(actor: Actor, data_file: DataFile) -> UUID:
    """Delete a data file everywhere, with all that is made of it, whoever made it; return its uuid.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not delete the file.
    """
    access.check(actor, access.Verb.DELETE, data_file)
    return _delete_file(data_file)


def _delete_file(data_file: DataFile) -> UUID:
    made = list(data_file.reductions.all())
    _stop(made)
    uuid = data_file.uuid
    _forget_grants([uuid, *(reduction.uuid for reduction in made)])
    data_file.delete()
    return uuid


def _stop(reductions: Iterable[Reduction]) -> None:
    runs = Run.objects.filter(reduction__in=list(reductions))
    for job in Job.objects.filter(run__in=runs).exclude(state__in=ENDS):
        jobs.cancel(job)


def _forget_grants(records: Iterable[UUID]) -> None:
    """Remove grants on what is gone: they name it by its uuid only, so the database does not."""
    Grant.objects.filter(record__in=list(records)).delete()
