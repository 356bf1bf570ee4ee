"""The folder of a reduction: its current files, laid there by steps and by people.

The frame itself lies there as ``image.fits``. As long as nothing replaced it, that is the data file as it was received.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.errors import Conflict, NotFound
from hven.imaging.models import Reduction, ReductionFile, Run
from hven.imaging.steps.registry import Product
from hven.imaging.steps.workspace import IMAGE, checked_path, media_type
from hven.storage.models import Blob

BUSY = "This frame is being processed; wait for the end, or cancel it."
MOST_FILES = 10_000  # of one reduction


class Busy(Conflict):
    """The reduction is being processed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder as a listing shows it."""

    name: str
    path: str
    size: int  # bytes; of a folder all that it holds
    modified: datetime
    is_folder: bool = False


def current(reduction: Reduction) -> list[ReductionFile]:
    """Return the rows of the files in the folder, by path; the data file stands in for the frame."""
    rows = list(reduction.files.filter(current=True).select_related("blob").order_by("path"))
    if all(row.path != IMAGE for row in rows):
        received = _received(reduction)
        if received is not None:
            rows.append(received)
            rows.sort(key=lambda row: row.path)
    return rows


def blobs(reduction: Reduction) -> dict[str, Blob]:
    """Return the bytes of the files in the folder, by path."""
    return {row.path: row.blob for row in current(reduction)}


def listing(reduction: Reduction, under: str = "") -> list[Entry]:
    """Return what lies directly in the folder, or in a folder within it, by name."""
    prefix = f"{checked_path(under)}/" if under else ""
    found: dict[str, Entry] = {}
    for row in current(reduction):
        if not row.path.startswith(prefix):
            continue
        name, inner, _ = row.path[len(prefix) :].partition("/")
        before = found.get(name)
        size = row.blob.size + (before.size if before else 0)
        newest = max(row.created, before.modified) if before else row.created
        found[name] = Entry(name, prefix + name, size, newest, is_folder=bool(inner))
    return sorted(found.values(), key=lambda entry: entry.name)


def find_file(reduction: Reduction, path: str) -> ReductionFile:
    """Return a file of the folder; whoever asks has checked that it may be seen.

    Raises
    ------
    NotFound
        There is none of that path; a folder is none.
    """
    row = reduction.files.filter(current=True, path=path).select_related("blob").first()
    if row is None and path == IMAGE:
        row = _received(reduction)
    if row is None:
        raise NotFound("File not found")
    return row


@transaction.atomic
def put_file(actor: Actor, reduction: Reduction, path: str, blob: Blob) -> ReductionFile:
    """Lay stored bytes into the folder, in place of a file of that path.

    What is put there as ``image.fits`` is the frame from now on; where there was none it is filed as the data file.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the reduction.
    Conflict
        It is being processed.
    Invalid, TooLarge
        The path leads outside, or the owner may not keep more.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    path = checked_path(path)
    locked = idle(reduction)
    archive.check_quota(locked.owner, blob.size)
    others = {row.path for row in current(locked)} - {path}
    if len(others) >= MOST_FILES:
        raise Conflict(f"A task holds at most {MOST_FILES} files; delete some first.")
    if any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in others):
        raise Conflict(f"{path} is a folder here, or lies in what is a file.")
    if path == IMAGE and locked.data_file is None:
        _file_frame(actor, locked, blob)
    product = Product(path, None, media_type(path))  # type: ignore[arg-type] # its bytes are stored already
    lay(locked, None, [(product, blob)])
    return find_file(locked, path)


@transaction.atomic
def delete_file(actor: Actor, reduction: Reduction, path: str) -> None:
    """Take a file, or a folder with all in it, away; a data file stays in the archive.

    Raises
    ------
    Unauthenticated, Forbidden, Conflict
        As in `put_file`.
    NotFound
        There is nothing of that path.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    locked = idle(reduction)
    paths = [row.path for row in current(locked) if row.path == path or row.path.startswith(f"{path}/")]
    if not paths:
        raise NotFound("File not found")
    take_away(locked, paths)


def lay(reduction: Reduction, run: Run | None, files: Iterable[tuple[Product, Blob]]) -> None:
    """Make stored bytes the current files of their paths, in the caller's transaction."""
    found = list(files)
    if run is not None:
        run.files.filter(path__in=[product.path for product, _ in found], current=False).delete()
    take_away(reduction, [product.path for product, _ in found])
    ReductionFile.objects.bulk_create(
        ReductionFile(
            reduction=reduction, run=run, path=product.path, blob=blob, media_type=product.media_type, current=True
        )
        for product, blob in found
    )


def take_away(reduction: Reduction, paths: Iterable[str]) -> None:
    """Empty these paths in the folder, in the caller's transaction; what a solving run made stays with that run."""
    rows = reduction.files.filter(current=True, path__in=list(paths)).select_related("run")
    kept = [row.pk for row in rows if row.run is not None and row.run.answers_by_number]
    reduction.files.filter(pk__in=kept).update(current=False)
    reduction.files.filter(current=True, path__in=list(paths)).delete()


def idle(reduction: Reduction) -> Reduction:
    """Return the reduction locked for the caller's transaction; raise Conflict while a run is under way."""
    locked = Reduction.objects.select_for_update().select_related("latest_run__job", "owner").get(pk=reduction.pk)
    if locked.latest_run is not None and not locked.latest_run.ended:
        raise Busy(BUSY)
    return locked


def check_idle(reduction: Reduction) -> None:
    """Raise Busy while a run is under way; asked before bytes are taken, which may last."""
    run = Run.objects.filter(reduction=reduction).select_related("job").order_by("-id").first()
    if run is not None and not run.ended:
        raise Busy(BUSY)


def _received(reduction: Reduction) -> ReductionFile | None:
    """Return a row, not in the database, for the data file as the folder's frame."""
    data_file = reduction.data_file
    if data_file is None:
        return None
    return ReductionFile(
        reduction=reduction, path=IMAGE, blob=data_file.blob, media_type=media_type(IMAGE), created=data_file.created
    )


def _file_frame(actor: Actor, reduction: Reduction, blob: Blob) -> None:
    submission = archive.new_submission(actor, origin="web", name=reduction.name)
    submission.finished = timezone.now()
    submission.save(update_fields=["finished"])
    reduction.data_file = archive.add_file(submission, blob, reduction.name or IMAGE)
    reduction.submission = submission
    reduction.stage = "uploaded"
    reduction.save(update_fields=["data_file", "submission", "stage", "changed"])
