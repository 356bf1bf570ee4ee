"""The verbs of storage: put bytes, take over uploads, open, sign, and remove what nobody wants any more.

Stream first, write records after: `put` and its kin may take long, so call them before a transaction is opened. Only
`put_few` belongs into one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hven.errors import Invalid, NotFound
from hven.storage import few
from hven.storage.local import CHUNK, LocalStore
from hven.storage.models import Blob
from hven.storage.port import Received
from hven.storage.writing import aside

_SETTLE_S = 3.0  # of the reaper's time at once


def store() -> LocalStore:
    """Return the store that the settings name."""
    return _store(settings.HVEN_FOLDERS, settings.HVEN_MIN_FREE_DISK)


@lru_cache(maxsize=8)
def _store(folders: Any, reserve: int) -> LocalStore:
    return LocalStore(folders.blobs, folders.incoming, reserve)


def put(source: bytes | IO[bytes] | Iterable[bytes], *, limit: int | None = None) -> Blob:
    """Store bytes, a file opened for reading, or the pieces of a stream.

    Refer to the blob by foreign key soon: after ``HVEN_BLOB_GRACE`` without a reference it is removed.

    Raises
    ------
    TooLarge
        More than ``limit`` bytes came (``None``: no limit).
    NoRoom
        The disk is full, or nearly. Nothing was stored.
    """
    place = store()
    return _keep(place, _taken(place, source, limit) or place.receive(_pieces(source), limit))


def put_few(content: bytes) -> Blob:
    """Store few bytes in the caller's transaction: they are there as soon as the records that refer to them are.

    Raises
    ------
    NoRoom
        The disk is full, or nearly.
    """
    return few.keep(store(), content)


def mend(content: bytes) -> None:
    """Store few bytes that are known to be here once more, where they were damaged or lost."""
    few.mend(store(), content)


def put_file(path: Path) -> Blob:
    """Store a finished file of our own, such as one in a job's scratch folder; it is moved, not copied."""
    place = store()
    return _keep(place, place.take(path))


def put_files(paths: Sequence[Path]) -> list[Blob]:
    """Store several finished files of our own at once, all or none of them visible as blobs.

    A disk takes its time to confirm each file; threads let those waits pass together.
    """
    place = store()
    received: list[Received] = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        waiting = [pool.submit(place.take, path) for path in paths]
        try:
            received = [one.result() for one in waiting]
            with transaction.atomic():
                blobs = [_row(one) for one in received]
                changed = [folder for one in received for folder in place.put(one)]
                syncing = _syncing(place, dict.fromkeys(changed))
            for folder in syncing:
                folder.result()
        except BaseException:
            for one in waiting:
                if not one.cancel() and one.exception() is None:
                    place.discard(one.result())
            raise
    return blobs


def adopt(name: str, *, size: int | None = None, sha256: str | None = None) -> Blob:
    """Turn a finished upload in ``incoming`` into a blob.

    Raises
    ------
    NotFound
        There is no such upload, or somebody else adopted it.
    Invalid
        It has not the announced size or hash; the upload stays, so that it can be continued.
    """
    place = store()
    received = place.adopt(name)
    if (size is not None and received.size != size) or (sha256 is not None and received.sha256 != sha256.lower()):
        received.path.rename(place.incoming_path(name))
        found = f"{received.size} bytes with the sha256 {received.sha256}"
        raise Invalid(f"What arrived is not what was announced: there are {found}.")
    return _keep(place, received)


def append(name: str, chunks: Iterable[bytes], *, offset: int, limit: int | None = None) -> int:
    """Continue an announced upload at a byte offset; return its new size.

    Raises
    ------
    Invalid
        The offset is not where the upload stands.
    TooLarge, NoRoom
        Too many bytes, or no room; what arrived before stays.
    """
    from hven.storage.incoming import append_to  # noqa: PLC0415 - a module of its own, needed here only

    return append_to(store(), name, chunks, offset=offset, limit=limit)


def open_blob(blob: Blob) -> BinaryIO:
    """Open a blob's bytes for reading; raise NotFound if they are lost."""
    place = store()
    try:
        return place.open(blob.sha256)
    except NotFound:
        content = few.new_bytes(blob)
        # If there are none they were perhaps on the way from the one place to the other.
        return place.open(blob.sha256) if content is None else io.BytesIO(content)


@contextmanager
def local(blob: Blob) -> Iterator[Path]:
    """Give a local path to a blob's bytes inside a ``with`` block. Never write to it."""
    place = store()
    if not place.path(blob.sha256).exists():
        few.settle(place, blob)
    with place.local(blob.sha256) as path:
        yield path


def new_bytes(blobs: Iterable[Blob]) -> dict[int, bytes]:
    """Return what `settle` has not moved yet of some blobs, by their ids: it is there without opening a file."""
    return few.new_bytes_of(blobs)


def settle() -> int:
    """Move small blobs that came lately from the database to the store, for some seconds; return how many."""
    return few.settle(store(), seconds=_SETTLE_S)


def is_time_to_settle() -> bool:
    """Say whether nothing has come for a moment, so that `settle` keeps nobody waiting, or much lies there."""
    return few.is_time()


def check_room(size: int = 0) -> None:
    """Raise NoRoom, with a sentence, unless this many bytes can still be stored."""
    store().check_room(size)


def remove_unwanted() -> int:
    """Remove blobs without a reference whose grace is over, with their bytes; return how many.

    Row and bytes go together: the row is deleted under the database's lock, the bytes are set aside under the same
    lock and dropped after the commit. Whoever stores the same bytes meanwhile waits, and then stores them anew.
    """
    cutoff = timezone.now() - timedelta(seconds=settings.HVEN_BLOB_GRACE)
    removed = 0
    for pk in list(Blob.objects.filter(wanted__lt=cutoff).values_list("pk", flat=True)):
        removed += _remove(pk, cutoff)
    return removed


def references(blob: Blob) -> int:
    """Return how many rows of all tables refer to a blob."""
    return sum(
        relation.related_model._base_manager.filter(**{relation.field.name: blob}).count()  # noqa: SLF001
        for relation in Blob._meta.related_objects  # noqa: SLF001 - Django's documented name
    )


def sweep() -> int:
    """Remove leftovers in the store's folders: see `hven.storage.incoming.sweep_folders`."""
    from hven.storage.incoming import sweep_folders  # noqa: PLC0415 - a module of its own, needed here only

    return sweep_folders(store(), incoming_keep=settings.HVEN_INCOMING_KEEP, grace=settings.HVEN_BLOB_GRACE)


def _remove(pk: int, cutoff: object) -> bool:
    place = store()
    aside: Path | None = None
    try:
        with transaction.atomic():
            blob = Blob.objects.select_for_update().filter(pk=pk, wanted__lt=cutoff).first()
            if blob is None:
                return False
            if references(blob):
                blob.wanted = timezone.now()  # looked at again after another grace time
                blob.save(update_fields=["wanted"])
                return False
            sha256 = blob.sha256
            blob.delete()
            aside = place.incoming / f"trash-{sha256}"
            try:
                place.path(sha256).rename(aside)
            except FileNotFoundError:
                aside = None
    except BaseException:
        if aside is not None and aside.exists():
            aside.rename(place.path(aside.name.removeprefix("trash-")))
        raise
    if aside is not None:
        aside.unlink(missing_ok=True)
    return True


def _keep(place: LocalStore, received: Received) -> Blob:
    try:
        # The row comes first: on a removal of the same bytes under way this waits, so the bytes are put after it.
        with transaction.atomic():
            blob = _row(received)
            syncing = _syncing(place, place.put(received))
        for folder in syncing:
            folder.result()
    except BaseException:
        place.discard(received)
        raise
    return blob


def _syncing(place: LocalStore, folders: Iterable[Path]) -> list[Future[None]]:
    """Begin to sync folders while rows are committed: those may be first, as nothing refers to them yet."""
    return [aside(place.sync, folder) for folder in folders]


def _row(received: Received) -> Blob:
    return few.row_of(received.sha256, received.sha1, received.size)


def _taken(place: LocalStore, source: object, limit: int | None) -> Received | None:
    """Take over the file of a form, which the upload handler wrote beside the blobs and hashed as it came."""
    hashes = getattr(source, "hashes", None)
    if hashes is None or (limit is not None and getattr(source, "size", 0) > limit):
        return None
    source.synced.result()  # type: ignore[attr-defined] # it comes with the hashes
    path: str = source.temporary_file_path()  # type: ignore[attr-defined] # Django's, as whatever has hashes is
    return place.take_hashed(Path(path), *hashes)


def _pieces(source: bytes | IO[bytes] | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return (bytes(source),)
    chunks = getattr(source, "chunks", None)  # Django's UploadedFile
    if callable(chunks):
        pieces: Iterable[bytes] = chunks(CHUNK)
        return pieces
    read = getattr(source, "read", None)
    if callable(read):
        return iter(lambda: read(CHUNK), b"")
    return source
