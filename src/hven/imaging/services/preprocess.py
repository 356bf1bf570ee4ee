"""Changing a reduction's working copy of the frame before it is measured; the data file stays as it was received."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.errors import Conflict, NotFound
from hven.imaging.models import Reduction
from hven.imaging.services import folder
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.pictures import one_picture
from hven.imaging.steps.cleanup import ORIGINAL
from hven.imaging.steps.registry import Product
from hven.imaging.steps.workspace import IMAGE, media_type
from hven.storage import services as storage


class NoFrame(NotFound):
    """The reduction has no frame yet."""


def fix_header(actor: Actor, reduction: Reduction) -> list[str]:
    """Mend the header of the working copy; return what was done, in sentences."""
    from hven.science.frames import mend  # noqa: PLC0415 - astropy, wanted by few requests

    said: list[str] = []
    _change(actor, reduction, lambda source, target: said.extend(mend.repair(source, target, limits=frame_limits())))
    return said


def crop(actor: Actor, reduction: Reduction, corners: dict[str, int | None]) -> None:
    """Cut the working copy to columns x1 to x2 and rows y1 to y2, as `hven.science.frames.mend.crop` takes them."""
    from hven.science.frames import mend  # noqa: PLC0415 - as above

    _change(actor, reduction, lambda source, target: mend.crop(source, target, **corners, limits=frame_limits()))


def destripe(actor: Actor, reduction: Reduction, direction: str = "both") -> None:
    """Take stripes off the working copy."""
    from hven.science.frames import mend  # noqa: PLC0415 - as above

    _change(actor, reduction, lambda source, target: mend.destripe(source, target, direction, limits=frame_limits()))


@transaction.atomic
def reset(actor: Actor, reduction: Reduction) -> None:
    """Put the working copy back to the frame as it was received."""
    access.check(actor, access.Verb.CHANGE, reduction)
    folder.take_away(folder.idle(reduction), [IMAGE, ORIGINAL])


def _change(actor: Actor, reduction: Reduction, work: Callable[[Path, Path], object]) -> None:
    """Make a new working copy, keep the first one beside it.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the reduction.
    NoFrame
        There is no frame.
    Conflict
        It is being processed, or was changed by somebody else meanwhile.
    Invalid, TooLarge
        The frame cannot be read, or the change makes no sense.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    with transaction.atomic():
        before = {row.path: row.blob for row in folder.current(folder.idle(reduction))}
    if IMAGE not in before:
        raise NoFrame("Image file not found")
    scratch: Path = settings.HVEN_FOLDERS.scratch
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="change-", dir=scratch) as name, one_picture():
        target = Path(name) / IMAGE
        with storage.local(before[IMAGE]) as received:
            work(_plain(received, Path(name)), target)
        blob = storage.put_file(target)
    with transaction.atomic():
        locked = folder.idle(reduction)
        now = {row.path: row.blob for row in folder.current(locked)}
        if now.get(IMAGE) != before[IMAGE]:
            raise Conflict("Somebody else changed the frame meanwhile; look at it and try again.")
        files = [(IMAGE, blob)] if ORIGINAL in before else [(IMAGE, blob), (ORIGINAL, before[IMAGE])]
        folder.lay(locked, None, [(Product(path, target, media_type(path)), stored) for path, stored in files])


def _plain(path: Path, scratch: Path) -> Path:
    """Return the frame as a plain FITS file: itself, or its first plane written as one."""
    from hven.science.frames.mend import write_plane  # noqa: PLC0415 - as above
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    with path.open("rb") as file:
        if file.read(9) == b"SIMPLE  =":
            return path
    plain = scratch / "plain.fits"
    write_plane(read_frame(path, limits=frame_limits()), plain)
    return plain
