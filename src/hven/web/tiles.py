"""The cache of tile pyramids: one folder for each data file, made on the first view, the least seen removed first."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from hven.archive.models import DataFile
from hven.errors import Invalid, NotFound
from hven.imaging.services.limits import frame_limits
from hven.storage import services as storage

if TYPE_CHECKING:
    from hven.science.frames.tiles import Pyramid

_SEEN_NOTED_EVERY = 60  # seconds


def cache_folder() -> Path:
    """Return where the pyramids lie."""
    return settings.HVEN_FOLDERS.data / "cache" / "tiles"


def pyramid_of(data_file: DataFile, plane: str = "") -> Pyramid:
    """Return the pyramid of a data file, or of one plane of it, built first where there is none.

    Raises
    ------
    Invalid
        The file is no picture.
    NotFound, Unavailable
        Its bytes are lost, or the disk has no room for tiles.
    """
    from hven.science.frames.tiles import open_pyramid  # noqa: PLC0415 - OpenCV, wanted by viewers only

    if data_file.format == "list":
        raise Invalid("What was handed over is a list of sources: there is no picture to show.")
    folder = cache_folder() / str(data_file.uuid)
    if plane:
        folder = folder.with_name(f"{folder.name}-{hashlib.sha256(plane.encode()).hexdigest()[:16]}")
    try:
        pyramid = open_pyramid(folder)
    except NotFound:
        with _lock():
            try:
                pyramid = open_pyramid(folder)  # somebody else built it meanwhile
            except NotFound:
                pyramid = _build(data_file, folder, plane)
                evict(settings.HVEN_TILE_CACHE, keep=folder)
    _note_seen(folder)
    return pyramid


def forget(uuid: UUID) -> None:
    """Remove the pyramids of a data file that was deleted."""
    for folder in cache_folder().glob(f"{uuid}*"):
        shutil.rmtree(folder, ignore_errors=True)


def evict(limit: int, keep: Path | None = None) -> int:
    """Remove the pyramids seen longest ago until all take at most `limit` bytes; return how many went."""
    sizes = {folder: _size(folder) for folder in cache_folder().iterdir() if folder.is_dir()}
    total, removed = sum(sizes.values()), 0
    for folder in sorted(sizes, key=_seen):
        if total <= limit:
            break
        if folder != keep:
            # Whoever has its levels mapped keeps them; the bytes go when the last one lets go.
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]
            removed += 1
    return removed


def _build(data_file: DataFile, folder: Path, plane: str) -> Pyramid:
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above
    from hven.science.frames.tiles import build_pyramid, open_pyramid  # noqa: PLC0415 - as above

    working = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(working, ignore_errors=True)
    # float32 with its levels takes four thirds of four bytes a pixel, and a mask as many single bytes.
    storage.check_room(7 * (data_file.width or 0) * (data_file.height or 0))
    try:
        with storage.local(data_file.blob) as path:
            frame = read_frame(path, limits=frame_limits(), plane=plane or None)
        build_pyramid(frame, working)
        shutil.rmtree(folder, ignore_errors=True)
        working.rename(folder)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    return open_pyramid(folder)


@contextmanager
def _lock() -> Iterator[None]:
    """One pyramid at a time for all threads and processes: a frame in memory may take gigabytes."""
    cache_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache_folder() / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _note_seen(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > _SEEN_NOTED_EVERY:
            os.utime(folder)


def _seen(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0
