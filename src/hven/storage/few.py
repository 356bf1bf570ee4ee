"""Few bytes: kept in the database with the records that came with them, moved to the store a little later.

A file of its own costs a disk three syncs, and whoever sends thousands of small files would wait for each of them.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from hven.errors import NoRoom
from hven.storage.local import LocalStore
from hven.storage.models import Blob, NewBytes
from hven.storage.statements import Insert, Lookup, Statement

FEW = 65_536  # bytes; of more than that a database makes three times the work of a disk
MOST = 256 * 2**20  # bytes that the database holds while they come without a pause
QUIET = timedelta(seconds=3)
AT_ONCE = 32  # are moved with one statement
_ROWS = Insert(Blob, unique=("sha256",), renewed=("wanted",))
_CONTENTS = Lookup(lambda pks: NewBytes.objects.filter(pk__in=pks).values_list("pk", "content"))
_KEEP = Statement("INSERT INTO storage_newbytes (blob_id, content) VALUES (%s, %s) ON CONFLICT (blob_id) DO NOTHING")


def row_of(sha256: str, sha1: str, size: int) -> Blob:
    """Return the row of bytes, made where there is none, in the caller's transaction; it is wanted from now on anew."""
    return _ROWS.make(sha256=sha256, sha1=sha1, size=size)


def keep(place: LocalStore, content: bytes) -> Blob:
    """Store bytes in the caller's transaction; see `hven.storage.services.put_few`."""
    sha256 = hashlib.sha256(content).hexdigest()
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    place.check_room(len(content))
    # The row comes first: on a removal of the same bytes under way this waits, so that they are looked for after it.
    blob = row_of(sha256, sha1, len(content))
    held = place.holds(sha256, content)
    if held is None and len(content) <= FEW:
        _KEEP.run(blob.pk, content)
    elif not held:
        # Damaged bytes are replaced at once, whatever becomes of the transaction. If that fails new ones are swept up
        # like whatever nothing refers to.
        _to_store(place, blob, content)
    return blob


def mend(place: LocalStore, content: bytes) -> None:
    """Store bytes whose record is there already once more, if they are damaged or lost."""
    blob = Blob.objects.filter(sha256=hashlib.sha256(content).hexdigest()).first()
    if blob is None or place.holds(blob.sha256, content) or NewBytes.objects.filter(pk=blob.pk).exists():
        return
    _to_store(place, blob, content)


def new_bytes(blob: Blob) -> bytes | None:
    """Return the bytes of a blob that lie in the database; None where there are none."""
    return new_bytes_of([blob]).get(blob.pk)


def new_bytes_of(blobs: Iterable[Blob]) -> dict[int, bytes]:
    """Return the bytes of those of some blobs that lie in the database, by the blobs' ids."""
    return {pk: bytes(content) for pk, content in _CONTENTS.rows(blob.pk for blob in blobs)}


def settle(place: LocalStore, blob: Blob | None = None, seconds: float = math.inf) -> int:
    """Move bytes from the database to the store, of all blobs or of one; return of how many.

    They are in the store to stay before they leave the database, so a reader finds them in one of the two. What cannot
    be moved stays and keeps no other from it; the first reason is raised at the end. After so many seconds the rest is
    left to another call.
    """
    rows = NewBytes.objects.select_related("blob").order_by("pk")
    rows = rows if blob is None else rows.filter(pk=blob.pk)
    end, last, moved = time.monotonic() + seconds, 0, 0
    failed: Exception | None = None
    while (batch := list(rows.filter(pk__gt=last)[:AT_ONCE])) and time.monotonic() < end:
        last, done = batch[-1].pk, []
        for row in batch:
            try:
                if not place.holds(row.blob.sha256, content := bytes(row.content)):
                    _to_store(place, row.blob, content)
                done.append(row.pk)
            except (OSError, NoRoom) as error:
                failed = failed or error
        NewBytes.objects.filter(pk__in=done).delete()
        moved += len(done)
    if failed is not None:
        raise failed
    return moved


def is_time() -> bool:
    """Say whether to settle: nothing has come for a moment, or there is much of it."""
    last = NewBytes.objects.order_by("-pk").values_list("blob__created", flat=True).first()
    if last is None:
        return False
    if abs(timezone.now() - last) > QUIET:  # whichever way the clock was set
        return True
    rows = NewBytes.objects.aggregate(bytes=Sum("blob__size"))
    return int(rows["bytes"] or 0) > MOST


def _to_store(place: LocalStore, blob: Blob, content: bytes) -> None:
    received = place.receive_few(content, blob.sha256, blob.sha1)
    try:
        folders = place.put(received)
    except BaseException:
        place.discard(received)
        raise
    for folder in folders:
        place.sync(folder)
