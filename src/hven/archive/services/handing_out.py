"""Files as they are handed out: whole to who may change them, to others without what tells where they were taken."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import BooleanField, Case, QuerySet, Value, When

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.archive.services.zips import zipped
from hven.science.frames.whereabouts import without_position
from hven.storage import services as storage

_AT_ONCE = 500  # rows


def bytes_for(actor: Actor, data_file: DataFile) -> bytes | None:
    """Return what somebody who may open a file gets instead of its bytes; None where they get these.

    Raises
    ------
    Forbidden
        They may not change it, and it may tell where it was taken where that cannot be cut out.
    NotFound
        Its bytes are lost.
    """
    return None if access.may(_whatever_key(actor), access.Verb.CHANGE, data_file) else cut(data_file)


def cut(data_file: DataFile) -> bytes | None:
    """Return what those get who may not change a file, as `bytes_for`."""
    with storage.open_blob(data_file.blob) as stream:
        return without_position(stream, data_file.format)


def zip_for(actor: Actor, files: QuerySet[DataFile]) -> Iterator[bytes]:
    """Yield files that the actor gets as a zip archive, each as it is handed out by itself."""
    theirs = access.permitted(_whatever_key(actor), access.Verb.CHANGE, kind=DataFile)
    rows = files.annotate(is_theirs=Case(When(theirs, then=Value(True)), default=False, output_field=BooleanField()))

    def cut_one(data_file: DataFile) -> bytes | None:
        return None if getattr(data_file, "is_theirs", False) else cut(data_file)

    return zipped(rows.iterator(chunk_size=_AT_ONCE), cut_one)


def _whatever_key(actor: Actor) -> Actor:
    """Return who asks, without their key: one that only reads still gets its owner the files as they are."""
    return actor if actor.user is None or actor.user.is_visitor else Actor.of(actor.user)
