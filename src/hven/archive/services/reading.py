"""Reading the headers of files that were taken in, and filing them by what those say."""

from __future__ import annotations

import io
import time

from django.conf import settings
from django.db import transaction

from hven.archive.models import DataFile
from hven.archive.services import text_index
from hven.archive.services.datasets import rule_of
from hven.archive.services.files import Said, note_headers, said_by
from hven.archive.services.unread import READ, waiting
from hven.errors import NotFound, Retriable, Unavailable
from hven.jobs import services as jobs
from hven.jobs.context import JobContext
from hven.science.frames.headers import Headers, read_headers
from hven.science.frames.limits import Limits
from hven.storage import services as storage
from hven.storage.models import Blob
from hven.storage.statements import Question, columns, record

BEGIN = "imaging.begin"  # a kind of job that a higher room registers: what filing a frame starts
AT_ONCE = 48  # files that are filed in one transaction: while it lasts, whoever uploads waits
TURN_S = 20.0  # of one job: then others have their turn
_LOOK_S = 2.0  # after so much reading what was read is filed
_MORE_S, _GATHER_S = 0.03, 0.25
_FAULT = "Its bytes could not be read from the storage ({error})."
_MEMORY = "Reading its header needed more memory than the server allows for one job."
_ATTEMPTS = 3  # after which a fault of the storage is the file's
Blobs = dict[int, Blob]  # by the ids of files
Read = dict[int, Said | str]  # by the ids of files; a sentence where it could not be read
_WAITING = Question(lambda owner: waiting(owner).values_list("pk")[:AT_ONCE], owner=int)
_BLOBS = Question(
    lambda owner: waiting(owner).values_list("pk", *(f"blob__{name}" for name in columns(Blob)))[:AT_ONCE], owner=int
)


def read_waiting(context: JobContext, owner_id: int, *, singly: bool) -> None:
    """Read and file what waits of an owner, and end the job.

    Once an attempt has died the files are taken one by one, each named in the job before it is touched, so that the
    one that did it is found; see `hven.archive.services.unread.give_up`.
    """
    most = 1 if singly or context.attempt > 1 else AT_ONCE
    if most == 1:
        context.note({})  # an earlier attempt was at another file
    end = time.monotonic() + TURN_S
    done = 0
    while True:
        blobs = _next(owner_id, most)
        if most == 1 and blobs:
            context.note({"data_file_id": next(iter(blobs))})
        read = _read(blobs, is_last=context.attempt >= _ATTEMPTS)
        done += len(read)
        if len(blobs) < most or time.monotonic() > end:
            break
        with context.checkpoint(synced=False):
            _file(read)
    # Filing and the job's end are one transaction, as is asking for another job: nobody waits in vain. None of them is
    # flushed to the disk, which whoever uploads would wait for: after a power cut the files wait to be read again.
    with context.publishing(synced=False) as publication:
        _file(read)
        if waiting(owner_id).exists():
            jobs.enqueue(READ, {"owner_id": owner_id}, created_by=context.created_by)
        publication.result = {"files": done}


def read_file(data_file_id: int) -> DataFile | None:
    """Read a file's header and file it; None where it is gone."""
    blobs = {file.pk: file.blob for file in DataFile.objects.select_related("blob").filter(pk=data_file_id)}
    files = _file(_read(blobs, is_last=True))
    return files[0] if files else None


def _next(owner_id: int, most: int) -> Blobs:
    """Return what waits; while more comes, wait for it a little: filed together they keep others waiting for less."""
    end = time.monotonic() + _GATHER_S
    count = len(_WAITING.rows(owner=owner_id))
    while 0 < count < most and time.monotonic() < end:
        time.sleep(_MORE_S)
        before, count = count, len(_WAITING.rows(owner=owner_id))
        if count <= before:
            break
    return {pk: record(Blob, values) for pk, *values in _BLOBS.rows(owner=owner_id)[:most]}


def _read(blobs: Blobs, *, is_last: bool) -> Read:
    """Read headers, outside of any transaction; raise Retriable while the storage may answer the next time."""
    limits = Limits(max_pixels=settings.HVEN_MAX_PIXELS)
    new = storage.new_bytes(list(blobs.values()))
    end = time.monotonic() + _LOOK_S
    found: Read = {}
    for pk, blob in blobs.items():
        try:
            found[pk] = said_by(_headers(blob, new.get(blob.pk), limits))
        except NotFound as error:
            found[pk] = str(error)
        except MemoryError:
            found[pk] = _MEMORY
        except (OSError, Unavailable) as error:
            why = _FAULT.format(error=getattr(error, "strerror", None) or error)
            if not is_last:
                raise Retriable(why) from error
            found[pk] = why
        if time.monotonic() > end:
            break
    return found


def _headers(blob: Blob, content: bytes | None, limits: Limits) -> Headers:
    if content is not None:
        return read_headers(io.BytesIO(content), limits=limits)
    with storage.local(blob) as path:
        return read_headers(path, limits=limits)


@transaction.atomic(savepoint=False)
def _file(read: Read) -> list[DataFile]:
    """File files into their nights by their headers and start what the rules say; return those that are still there."""
    said = {pk: one for pk, one in read.items() if isinstance(one, Said)}
    for pk, why in read.items():
        if isinstance(why, str):  # what was known of it stays
            DataFile.objects.filter(pk=pk).update(awaits_reading=False, unfiled=why[:200])
            text_index.note_again(pk)
    files = note_headers(said, says_why=True) if said else []
    for file in files:
        rule = rule_of(file.dataset)
        if rule and file.width and file.height and file.calibration_id is None:
            jobs.enqueue(
                BEGIN,
                {"data_file_id": file.pk, "rule": rule},
                created_by=file.owner,
                idempotency_key=f"begin-{file.uuid}-{rule}",
            )
    return files
