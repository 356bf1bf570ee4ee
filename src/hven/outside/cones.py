"""Cones of catalogues, kept on the disk: asked for a little rounded, so that the next frame of the same field hits.

A cone is widened to one around the centre of a HEALPix cell (nested) with a radius from a coarse ladder; all frames
whose cones lie within it share the file. Files are written whole and renamed into place; what was used longest ago
goes when all take more than the limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hven.science.sky.sphere import angles, separation, tangent_basis

if TYPE_CHECKING:
    from astropy.table import Table

_SHARE = 0.3  # of the radius, that the centre may lie off
_MARGIN = 1.35  # so much wider a circle about any point of the cell lies within the one about its centre
_STEP = 1.3  # between radii of the ladder
_SMALLEST_DEG = 0.05


@dataclass(frozen=True, slots=True)
class RoundedCone:
    """A circle that holds the one asked for and is the same for its neighbours."""

    ra: float  # ICRS degrees
    dec: float
    radius_deg: float
    name: str  # for files


def rounded(ra: float, dec: float, radius_deg: float) -> RoundedCone:
    """Return the rounded circle around a circle, degrees."""
    from astropy_healpix import healpy  # noqa: PLC0415 - not for the web

    # By the radius alone, so that all fields within a cell come to the same circle.
    step = int(np.ceil(np.log(_MARGIN * max(radius_deg, _SMALLEST_DEG) / _SMALLEST_DEG) / np.log(_STEP)))
    wide = _SMALLEST_DEG * _STEP**step
    order = 0
    while order < 12 and np.degrees(np.sqrt(np.pi / 3)) / 2**order > _SHARE * wide / (_MARGIN * _STEP):
        order += 1
    cell = int(healpy.ang2pix(2**order, ra % 360.0, dec, nest=True, lonlat=True))
    lon, lat = (float(angle) for angle in healpy.pix2ang(2**order, cell, nest=True, lonlat=True))
    return RoundedCone(lon, lat, wide, f"{order}-{cell}-{step}")


def seven_within(ra: float, dec: float, radius_deg: float) -> list[tuple[float, float, float]]:
    """Return seven circles of a little more than half the radius that cover a circle: one in its middle, six around."""
    half = 0.52 * radius_deg  # the little more makes up for the curvature of the sky, up to a radius of 20 degrees
    out = np.radians(radius_deg * np.sqrt(3) / 2)
    east, north, outward = tangent_basis(ra, dec)
    turns = np.radians(60 * np.arange(6))
    around = np.cos(out) * outward + np.sin(out) * (np.outer(np.cos(turns), east) + np.outer(np.sin(turns), north))
    lon, lat = angles(around)
    return [(ra, dec, half), *((float(a), float(d), half) for a, d in zip(lon, lat, strict=True))]


def within(table: Table, ra: float, dec: float, radius_deg: float) -> Table:
    """Return the rows of a table (RAJ2000, DEJ2000, degrees) within a circle."""
    if not len(table):
        return table
    return table[separation(table["RAJ2000"], table["DEJ2000"], ra, dec) <= radius_deg]


class DiskCache:
    """Files under keys in a folder, the most recently used up to a limit of bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit

    def path(self, *key: str, suffix: str = "") -> Path:
        """Return where the file of a key lies, or would: a name that a person can read, told apart by a digest."""
        text = "\0".join(key)
        readable = re.sub(r"[^A-Za-z0-9.+-]+", "_", "-".join(key))[:80].strip("._") or "x"
        return self.folder / f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}{suffix}"

    def get(self, path: Path) -> Path | None:
        """Return the file if it is there, and count it as used."""
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def put(self, path: Path, write: Callable[[Path], object]) -> Path:
        """Let something write a file, and keep it once it is whole; what it raises leaves nothing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        work = Path(tempfile.mkdtemp(prefix=".work-", dir=self.folder))
        try:
            write(work / path.name)
            (work / path.name).replace(path)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self.trim(keep=path)
        return path

    def trim(self, keep: Path | None = None) -> None:
        """Remove what was used longest ago until all fit the limit; the file just written stays."""
        found = []
        for path in self.folder.glob("*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                if path.is_file() and path != keep:
                    found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found) + (keep.stat().st_size if keep is not None and keep.exists() else 0)
        for _, size, path in sorted(found):
            if total <= self.limit:
                break
            path.unlink(missing_ok=True)
            total -= size

    def bytes(self) -> int:
        """Return what the files take together."""
        return sum(path.stat().st_size for path in self.folder.glob("*") if path.is_file())
