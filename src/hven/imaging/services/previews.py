"""Pictures of the files in a reduction's folder, made when somebody asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from hven.errors import HvenError, Invalid, NotFound, TooLarge, Unavailable
from hven.imaging.models import Reduction, ReductionFile
from hven.imaging.services import folder
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.pictures import one_picture
from hven.imaging.steps.workspace import IMAGE
from hven.science.frames.frame import Frame
from hven.storage import services as storage
from hven.storage.models import Blob

if TYPE_CHECKING:
    from hven.science.frames.coloured import Look

MASK = "custom_mask.fits"
_SMALL = 1_000_000  # pixels of all planes of a cutout that is drawn without waiting in line
_NO_PICTURE = "Cannot read FITS data from file"


class Unreadable(Invalid):
    """The file holds nothing that can be shown as a picture."""


def file_preview(reduction: Reduction, row: ReductionFile, look: Look, plane: int = -1) -> bytes:
    """Return an encoded picture of a FITS file in a reduction's folder; whoever asks has checked that it may be seen.

    Parameters
    ----------
    look : hven.science.frames.coloured.Look
        How it is shown.
    plane
        The number of the HDU; -1 for the last that holds a picture.

    Raises
    ------
    Unreadable
        It is no file with a picture, or has no such plane.
    Invalid
        The look makes no sense.
    Unavailable
        Others' pictures take all the time just now.
    """
    from hven.science.frames.coloured import coloured  # noqa: PLC0415 - OpenCV, wanted by few requests

    with one_picture():
        frame = blob_plane(row.blob, plane)
        mask = None
        if row.path == IMAGE:
            mask = _own_mask(reduction, frame)
        return coloured(frame, look, mask)


def _own_mask(reduction: Reduction, frame: Frame) -> Any:
    """Return what people masked, as an array of bool; None where they did not, or where it does not fit the frame."""
    try:
        mask = blob_plane(folder.find_file(reduction, MASK).blob).data > 0
    except (NotFound, Unreadable):
        return None  # the steps say what is wrong with it
    return mask if mask.shape == frame.data.shape else None


def path_preview(path: Path, look: Look, plane: int = -1) -> bytes:
    """Return an encoded picture of a FITS file on this machine; as `file_preview`."""
    from hven.science.frames.coloured import coloured  # noqa: PLC0415 - as above

    with one_picture():
        return coloured(_plane(path, plane), look)


def blob_plane(blob: Blob, plane: int = -1) -> Frame:
    """Read one plane of stored bytes; raise Unreadable where there is none."""
    with storage.local(blob) as path:
        return _plane(path, plane)


def _plane(path: Path, plane: int) -> Frame:
    from hven.science.frames.read import planes, read_frame  # noqa: PLC0415 - as above

    try:
        usable = (
            [str(plane)] if plane >= 0 else [one.index for one in planes(path, limits=frame_limits()) if one.is_usable]
        )
        return read_frame(path, limits=frame_limits(), plane=usable[min(0, plane)])
    except (HvenError, IndexError):
        raise Unreadable(_NO_PICTURE) from None


def cutout_picture(row: ReductionFile, width: int, form: str, quality: int, planes: Collection[str] = ()) -> bytes:
    """Return a cutout's planes side by side as an encoded picture; all of them, or those named.

    Raises
    ------
    Unreadable
        It is no cutout.
    """
    from hven.science.changes.cutout import read_cutout  # noqa: PLC0415 - as above
    from hven.science.changes.panels import draw_cutout  # noqa: PLC0415 - as above

    def drawn(most_pixels: int) -> bytes:
        cutout = read_cutout(path, most_pixels=most_pixels)
        if planes:
            cutout = replace(cutout, planes={name: each for name, each in cutout.planes.items() if name in planes})
        return draw_cutout(cutout, width, kind="png" if form == "png" else "jpeg", quality=quality)

    try:
        with storage.local(row.blob) as path:
            try:
                return drawn(_SMALL)  # a list of candidates asks for dozens at once
            except TooLarge:
                with one_picture():
                    return drawn(settings.HVEN_MAX_PIXELS)
    except HvenError as error:
        if isinstance(error, Unavailable):
            raise
        raise Unreadable(_NO_PICTURE) from None
