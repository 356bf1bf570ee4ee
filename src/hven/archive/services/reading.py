"""Reading the headers of files that were taken in, and filing them by what those say."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence

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

BEGIN = "imaging.begin"  # a kind of job that a higher room registers: what filing a frame starts
AT_ONCE = 48  # files that are filed in one transaction: while it lasts, whoever uploads waits
TURN_S = 20.0  # of one job: then others have their turn
_LOOK_S = 2.0  # after so much reading what was read is filed
_MORE_S, _GATHER_S = 0.03, 0.25
_FAULT = "Its bytes could not be read from the storage ({error})."
_MEMORY = "Reading its header needed more memory than the server allows for one job."
_ATTEMPTS = 3  # after which a fault of the storage is the file's
Read = dict[int, Said | str]  # by the ids of files; a sentence where it could not be read


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
        files = _next(owner_id, most)
        if most == 1 and files:
            context.note({"data_file_id": files[0].pk})
        read = _read(files, is_last=context.attempt >= _ATTEMPTS)
        done += len(read)
        if len(files) < most or time.monotonic() > end:
            break
        with context.checkpoint():
            _file(read)
    # Filing and the job's end are one transaction, as is asking for another job: nobody waits in vain.
    with context.publishing() as publication:
        _file(read)
        if waiting(owner_id).exists():
            jobs.enqueue(READ, {"owner_id": owner_id}, created_by=context.created_by)
        publication.result = {"files": done}


def read_file(data_file_id: int) -> DataFile | None:
    """Read a file's header and file it; None where it is gone."""
    files = _file(_read(list(DataFile.objects.select_related("blob").filter(pk=data_file_id)), is_last=True))
    return files[0] if files else None


def _next(owner_id: int, most: int) -> list[DataFile]:
    """Return what waits; while more comes, wait for it a little: filed together they keep others waiting for less."""
    rows = waiting(owner_id)
    end = time.monotonic() + _GATHER_S
    count = rows[:most].count()
    while 0 < count < most and time.monotonic() < end:
        time.sleep(_MORE_S)
        before, count = count, rows[:most].count()
        if count <= before:
            break
    return list(rows.select_related("blob").only("id", "blob")[:most])


def _read(files: Sequence[DataFile], *, is_last: bool) -> Read:
    """Read headers, outside of any transaction; raise Retriable while the storage may answer the next time."""
    limits = Limits(max_pixels=settings.HVEN_MAX_PIXELS)
    new = storage.new_bytes([file.blob for file in files])
    end = time.monotonic() + _LOOK_S
    found: Read = {}
    for file in files:
        try:
            found[file.pk] = said_by(_headers(file.blob, new.get(file.blob_id), limits))
        except NotFound as error:
            found[file.pk] = str(error)
        except MemoryError:
            found[file.pk] = _MEMORY
        except (OSError, Unavailable) as error:
            why = _FAULT.format(error=getattr(error, "strerror", None) or error)
            if not is_last:
                raise Retriable(why) from error
            found[file.pk] = why
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
