"""Uploads under way, and leftovers of those that never ended."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress

from django.db import transaction

from hven.errors import Conflict, Invalid, NoRoom, NotFound, TooLarge
from hven.storage.local import LocalStore
from hven.storage.models import Blob


def append_to(place: LocalStore, name: str, chunks: Iterable[bytes], *, offset: int, limit: int | None) -> int:
    """Continue the upload ``incoming/<name>`` at a byte offset; return its new size.

    Raises
    ------
    Conflict
        Another request is writing to the same upload.
    Invalid
        The offset is not where the upload stands; the message says where.
    TooLarge, NoRoom
        Too many bytes, or no room; what arrived before stays.
    """
    path = place.incoming_path(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Another request is writing to this upload.") from None
        size = os.fstat(stream.fileno()).st_size
        if size != offset:
            raise Invalid(f"The upload stands at byte {size}, not at {offset}.")
        try:
            for chunk in chunks:
                if limit is not None and size + len(chunk) > limit:
                    raise TooLarge(f"There are more bytes than this server's limit of {limit}.")
                place.check_room(len(chunk))
                stream.write(chunk)
                size += len(chunk)
            stream.flush()
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoRoom("The server's disk is full. Its operator has to make room.") from error
            raise
        finally:
            with suppress(OSError):
                os.fsync(stream.fileno())
    return size


def sweep_folders(place: LocalStore, *, incoming_keep: float, grace: float) -> int:
    """Remove uploads untouched for ``incoming_keep`` seconds and bytes without a row older than ``grace`` seconds.

    Bytes set aside by a removal that was cut off come back if their row is still there.
    """
    removed = 0
    now = time.time()
    for folder in (place.incoming, place.incoming / "forms"):
        for path in folder.glob("*"):
            with suppress(FileNotFoundError):
                if not path.is_file() or now - path.stat().st_mtime < incoming_keep:
                    continue
                sha256 = path.name.removeprefix("trash-")
                if path.name.startswith("trash-") and Blob.objects.filter(sha256=sha256).exists():
                    target = place.path(sha256)
                    if not target.exists():
                        path.rename(target)
                        continue
                path.unlink()
                removed += 1
    for sha256, stat in place.stored():
        # Age guards bytes whose row is in a transaction that has not ended.
        if now - stat.modified > grace and not Blob.objects.filter(sha256=sha256).exists():
            # Somebody may find these bytes just now and rely on them: whoever does touches them, and has a row.
            with transaction.atomic(), suppress(NotFound):
                if now - place.stat(sha256).modified > grace and not Blob.objects.filter(sha256=sha256).exists():
                    place.delete(sha256)
                    removed += 1
    return removed
