"""Data files unit by unit as pages show them: what they hold, with small pictures that are kept beside the tiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings

from hven.archive.models import DataFile
from hven.errors import HvenError, Invalid, NotFound
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.pictures import one_picture
from hven.storage import services as storage
from hven.web.tiles import cache_folder, evict

if TYPE_CHECKING:
    from hven.science.frames.units import Series, TableHead, Unit

FIRST = "first"  # in place of a number: the first unit that is a picture
SIZES = (240, 640, 1600)  # pixels of the longer side
_LOOKED_AFTER = 50  # after so many files the cache is brought back to its size
_AT_ONCE = 20_000_000  # bytes of a file that is read without waiting in line


def units_of(data_file: DataFile) -> tuple[list[Unit], str]:
    """Return what a file holds, and a sentence where it cannot be read."""
    from hven.science.frames.units import units  # noqa: PLC0415 - readers, wanted by few requests

    try:
        with storage.local(data_file.blob) as path:
            return units(path, limits=frame_limits()), ""
    except HvenError as error:
        return [], str(error)


def unit_picture(data_file: DataFile, index: str, size: int) -> bytes:
    """Return one unit of a file as a JPEG, from the cache where it was made before; whoever asks may open the file.

    Raises
    ------
    Invalid, NotFound
        There is no such size, or nothing that can be shown as a picture.
    Unavailable
        Others' pictures take all the time just now.
    """
    if size not in SIZES:
        raise Invalid(f"Pictures are {', '.join(str(each) for each in SIZES)} pixels wide.")
    if index != FIRST and not (index.isascii() and index.isdecimal() and len(index) < 6):
        raise NotFound("The file holds no such unit.")
    folder = cache_folder() / f"{data_file.uuid}-units"
    kept = folder / f"{index}-{size}.jpg"
    try:
        return kept.read_bytes()
    except OSError:
        pass
    small = data_file.size < _AT_ONCE
    if small:
        content = _render(data_file, index, size)
    else:
        with one_picture():
            content = _render(data_file, index, size)
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if data_file.pk % _LOOKED_AFTER == 0:  # adding up the whole cache takes its time
            evict(settings.HVEN_TILE_CACHE, keep=folder)
    part = kept.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(kept)
    return content


def series_of(data_file: DataFile, index: str) -> Series:
    """Return a spectrum of a file; NotFound or Invalid as `read_series`."""
    from hven.science.frames.units import read_series  # noqa: PLC0415 - as above

    with storage.local(data_file.blob) as path:
        return read_series(path, index, limits=frame_limits())


def table_of(data_file: DataFile, index: str) -> TableHead:
    """Return the first rows of a table of a file; NotFound or Invalid as `read_table_head`."""
    from hven.science.frames.units import read_table_head  # noqa: PLC0415 - as above

    with storage.local(data_file.blob) as path:
        return read_table_head(path, index, limits=frame_limits())


def _render(data_file: DataFile, index: str, size: int) -> bytes:
    from hven.science.frames.preview import preview  # noqa: PLC0415 - OpenCV, wanted by few requests
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    with storage.local(data_file.blob) as path:
        frame = read_frame(path, limits=frame_limits(), plane=None if index == FIRST else index)
    return preview(frame, size)
