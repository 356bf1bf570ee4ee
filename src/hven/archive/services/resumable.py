"""Taking a file piece by piece: announced, continued after every interruption, filed when it is complete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.archive.models import DataFile, Dataset, Upload
from hven.archive.services.datasets import checked_tags
from hven.archive.services.filling import check_fill
from hven.archive.services.names import safe_name
from hven.archive.services.quotas import check_quota
from hven.archive.services.receive import Delivery, Duplicate, receive_file
from hven.errors import Invalid, NotFound, TooLarge
from hven.storage import services as storage

MOST_WAITING = 1000  # of one user


def announce(actor: Actor, dataset: Dataset, delivery: Delivery, length: int, sha256: str = "") -> Upload:
    """Return the upload of an announced file: a new one, or the one that was interrupted before.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload, or not into this dataset.
    Duplicate
        The very bytes lie there under this name.
    Invalid, TooLarge
        It has no length, a malformed hash, or more bytes than may come.
    """
    access.need(actor, UPLOAD, WRITE)
    check_fill(actor, dataset)
    sha256 = sha256.strip().lower()
    if sha256 and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef")):
        raise Invalid("A sha256 has 64 hexadecimal digits.")
    if length < 0:
        raise Invalid("Say how long the file is.")
    if length > settings.HVEN_MAX_UPLOAD:
        raise TooLarge(f"There are more bytes than this server's limit of {settings.HVEN_MAX_UPLOAD}.")
    name = safe_name(delivery.name, fallback="unnamed")
    user = actor.user
    if user is None:
        raise NotFound("There is no such upload.")
    if sha256:
        present = dataset.data_files.filter(blob__sha256=sha256, name__startswith=name[:100]).first()
        if present is not None and present.name == name:
            raise Duplicate(present)
        waiting = _alive(actor).filter(dataset=dataset, name=name, length=length, sha256=sha256).first()
        if waiting is not None:
            return waiting
    check_quota(user, length)
    storage.check_room(length)
    if _alive(actor).count() >= MOST_WAITING:
        raise Invalid(f"{MOST_WAITING} uploads of yours wait to be continued; finish or end some.")
    return Upload.objects.create(
        owner=user, dataset=dataset, name=name, length=length, sha256=sha256, is_raw=delivery.is_raw,
        tags=checked_tags(delivery.tags),
    )  # fmt: skip


def find_upload(actor: Actor, uuid: str) -> Upload:
    """Return one's own upload; NotFound where there is none, or it was forgotten."""
    access.need(actor, UPLOAD, WRITE)
    found = Upload.objects.filter(owner=actor.user, uuid=uuid).select_related("dataset", "data_file").first()
    if found is None:
        raise NotFound("There is no such upload; it may have been too long ago.")
    return found


def offset_of(upload: Upload) -> int:
    """Return how many bytes are here."""
    if upload.data_file_id is not None:
        return upload.length
    path = storage.store().incoming_path(str(upload.uuid))
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def continue_upload(
    actor: Actor, upload: Upload, chunks: Iterable[bytes], offset: int, delivery: Delivery
) -> tuple[int, DataFile | None]:
    """Take the next bytes of an upload; return where it stands, and the data file once it is complete.

    Raises
    ------
    Invalid
        The offset is not where it stands, or what came is not what was announced.
    Conflict, TooLarge, Unavailable
        Another request writes to it; too many bytes; no room. What came before stays.
    Duplicate
        It is complete, and lies in the dataset already.
    """
    if upload.data_file is not None:
        return upload.length, upload.data_file
    check_fill(actor, upload.dataset)
    size = storage.append(str(upload.uuid), chunks, offset=offset, limit=upload.length)
    if size < upload.length:
        return size, None
    return size, _finish(actor, upload, delivery)


def end_upload(upload: Upload) -> None:
    """Forget an upload with what came of it."""
    storage.store().incoming_path(str(upload.uuid)).unlink(missing_ok=True)
    upload.delete()


def forget_old() -> int:
    """Forget the rows of uploads whose bytes are swept away, and of finished ones; say how many."""
    before = timezone.now() - timedelta(seconds=settings.HVEN_INCOMING_KEEP)
    gone = 0
    for upload in Upload.objects.filter(created__lt=before).iterator():
        if upload.data_file_id is not None or not storage.store().incoming_path(str(upload.uuid)).exists():
            upload.delete()
            gone += 1
    return gone


def _finish(actor: Actor, upload: Upload, delivery: Delivery) -> DataFile:
    blob = storage.adopt(str(upload.uuid), size=upload.length, sha256=upload.sha256 or None)
    try:
        with transaction.atomic():
            upload.data_file = receive_file(actor, upload.dataset, blob, delivery)
            upload.save(update_fields=["data_file"])
    except Duplicate as duplicate:
        upload.data_file = duplicate.present
        upload.save(update_fields=["data_file"])
        raise
    return upload.data_file


def _alive(actor: Actor) -> QuerySet[Upload]:
    return Upload.objects.filter(owner=actor.user, data_file__isnull=True).order_by("-id")
