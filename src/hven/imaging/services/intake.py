"""Taking in what a submission brought: fetched where it named an address, unpacked where it is an archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from hven.archive import services as archive
from hven.archive.models import DataFile, Submission
from hven.archive.services.names import safe_name
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction, Run, RunState
from hven.imaging.services.queue_limits import check_queue
from hven.jobs import services as jobs
from hven.jobs.context import JobContext
from hven.jobs.table import LeaseLost
from hven.science.frames.members import Member, MemberLimits, is_archive, unpack_members
from hven.storage import services as storage
from hven.storage.models import Blob

R = TypeVar("R", bound=Model)
DELETED = "The frame was deleted before this run had ended."
_LOST = "The file of this run is not there any more."


@dataclass(frozen=True, slots=True)
class _Brought:
    """One file of a submission, stored or with a sentence why it could not be."""

    name: str
    blob: Blob | None
    error: str = ""


def holds_several(blob: Blob) -> bool:
    """Say whether stored bytes are an archive whose files are to be processed one by one."""
    with storage.open_blob(blob) as file:
        return is_archive(file)


def taken_in(submission: Submission) -> bool:
    """Say whether what a submission brought was filed, whatever became of it since."""
    return submission.data_files.exists() or submission.reductions.count() > 1


def take_in(job: JobContext, run: Run) -> DataFile:
    """File what the submission of a run brought, and return the run's own file: the first of several.

    The files of an archive are filed, and runs for the others asked for, in one transaction: nobody ever sees half of
    them, and should the worker die on the way the next one begins anew.

    Raises
    ------
    Invalid, NotFound, Forbidden, TooLarge
        There is no file, or it cannot be unpacked, or is more than its owner may keep; the sentence says why.
    Conflict
        The archive holds more files than its owner may have jobs.
    Unavailable
        The address does not answer now, or the disk is full.
    LeaseLost
        The job was cancelled or given to another worker meanwhile; nothing is filed.
    """
    submission = run.reduction.submission
    if submission is None or taken_in(submission):
        raise NotFound(_LOST)
    submission.started = submission.started or timezone.now()
    submission.save(update_fields=["started", "changed"])
    blob, name = _bytes(job, submission)
    brought = [_Brought(name, blob)]
    if holds_several(blob):
        brought = _unpacked(job, blob, name)
    with transaction.atomic():
        if not job.claim.rows().select_for_update().exists():
            raise LeaseLost("The job was cancelled or given to another worker.")
        # Looked at anew: since this run began its owner may have shared the frame, or taken it back.
        reduction = locked(Reduction.objects.select_for_update().filter(pk=run.reduction_id))
        if not taken_in(submission):  # by another run, meanwhile
            archive.finish_submission(submission)  # which lets go of the archive: it counts no more
            archive.check_quota(submission.owner, *(one.blob.size for one in brought if one.blob is not None))
            check_queue(submission.owner, len(brought) - 1, address=submission.address)
            for number, one in enumerate(brought):
                _file(run, submission, reduction, one, first=number == 0)
    run.reduction = reduction
    if reduction.data_file is None:
        raise Invalid(brought[0].error)
    return reduction.data_file


def locked(query: QuerySet[R]) -> R:
    """Return the one record of a query that locks it.

    Raises
    ------
    NotFound
        Its owner deleted it meanwhile.
    """
    record = query.first()
    if record is None:
        raise NotFound(DELETED)
    return record


def _bytes(job: JobContext, submission: Submission) -> tuple[Blob, str]:
    """Return the bytes that came, fetched first where an address came in their place, and their name."""
    if submission.blob is not None:
        return submission.blob, submission.name
    if not submission.url:
        raise NotFound(_LOST)
    from hven.outside.fetch import fetch  # noqa: PLC0415 - only submissions by address need it

    # Only the server: anyone may read the log, and addresses hold passwords of their own.
    job.log(f"Fetching from {urlsplit(submission.url).hostname}")
    largest = settings.HVEN_MAX_UPLOAD
    if submission.owner.is_visitor:
        largest = min(largest, settings.HVEN_VISITOR_UPLOAD)
    target = job.scratch / "fetched"
    fetched = fetch(
        submission.url,
        target,
        limit=largest,
        time_limit_s=settings.HVEN_FETCH_TIME_LIMIT,
        allow_private=settings.HVEN_ALLOW_PRIVATE_FETCH,
        progress=job.progress,
    )
    return storage.put_file(target), fetched.name or submission.name


def _unpacked(job: JobContext, blob: Blob, name: str) -> list[_Brought]:
    job.progress(0.03, "Unpacking")
    folder = job.scratch / "members"
    folder.mkdir()
    limits = MemberLimits(
        max_members=settings.HVEN_MAX_MEMBERS,
        max_bytes=settings.HVEN_MAX_UPLOAD,
        max_total_bytes=settings.HVEN_MAX_UNPACKED,
    )
    with storage.local(blob) as path:
        members = unpack_members(path, folder, limits, name=name, room=storage.check_room)
    job.log(f"The archive holds {len(members)} files.")
    return _stored(members)


def _stored(members: list[Member]) -> list[_Brought]:
    paths: list[Path] = [member.path for member in members if member.path is not None]
    blobs = iter(storage.put_files(paths))
    return [_Brought(each.name, next(blobs) if each.path is not None else None, each.error) for each in members]


def _file(run: Run, submission: Submission, reduction: Reduction, one: _Brought, *, first: bool) -> None:
    """File one member: the first becomes that of the run under way, each other gets a run of its own."""
    if not first:
        reduction = Reduction(
            owner=reduction.owner,
            observatory=reduction.observatory,
            visibility=reduction.visibility,
            submission=submission,
        )
    name = safe_name(one.name, fallback="unnamed")
    if one.blob is not None:
        reduction.data_file = archive.add_file(submission, one.blob, name, visibility=reduction.visibility)
        name = reduction.data_file.name
    reduction.name = name
    reduction.save()
    if first:
        return
    own = Run(reduction=reduction, steps=run.steps, config=run.config)
    if one.blob is None:
        own.outcome, own.reason, own.finished = RunState.FAILED, one.error, timezone.now()
        own.save()
        return
    own.save()
    own.job = jobs.enqueue("imaging.run", {"run_id": own.pk}, created_by=submission.owner)
    own.save(update_fields=["job"])
