"""Cutting a large frame into overlapping tiles, for a subtraction that would not fit in memory whole."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from hven.errors import Invalid
from hven.science.changes.planes import Plane
from hven.science.sky.wcs import Wcs

MOST_PX = 12_000_000  # pixels subtracted at once: some 20 arrays of 4 bytes
OVERLAP_PX = 50


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a frame: first column and row, and those beyond the last; the core is its share without overlap."""

    x0: int
    y0: int
    x1: int
    y1: int
    core: tuple[int, int, int, int]  # x0, y0, x1, y1 in the frame; cores cover it once

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def core_in_frame(self) -> tuple[slice, slice]:
        """Rows and columns of the core in the frame."""
        x0, y0, x1, y1 = self.core
        return slice(y0, y1), slice(x0, x1)

    @property
    def core_in_tile(self) -> tuple[slice, slice]:
        """Rows and columns of the core in the tile."""
        x0, y0, x1, y1 = self.core
        return slice(y0 - self.y0, y1 - self.y0), slice(x0 - self.x0, x1 - self.x0)

    def holds(self, x: float, y: float) -> bool:
        """Say whether a 0-based place of the frame is this tile's own."""
        x0, y0, x1, y1 = self.core
        return x0 - 0.5 <= x < x1 - 0.5 and y0 - 0.5 <= y < y1 - 0.5


def tiles(width: int, height: int, *, side_px: int | None = None, overlap_px: int = OVERLAP_PX) -> Iterator[Tile]:
    """Yield tiles of at most `side_px` without their overlap, or as few as memory allows.

    Raises
    ------
    Invalid
        Tiles are smaller than their overlap, or than 64 pixels.

    """
    if side_px is None:
        side_px = int(MOST_PX**0.5) if width * height > MOST_PX else max(width, height, 64, 2 * overlap_px + 1)
    if side_px < 64 or overlap_px < 0 or side_px <= 2 * overlap_px:
        raise Invalid("Tiles have at least 64 pixels a side, and more than twice their overlap.")
    columns, rows = _edges(width, side_px), _edges(height, side_px)
    for bottom, top in pairwise(rows):
        for left, right in pairwise(columns):
            yield Tile(
                max(left - overlap_px, 0), max(bottom - overlap_px, 0),
                min(right + overlap_px, width), min(top + overlap_px, height), (left, bottom, right, top),
            )  # fmt: skip


def _edges(size: int, side_px: int) -> list[int]:
    parts = -(-size // side_px)
    return [round(k * size / parts) for k in range(parts + 1)]


def cropped(plane: Plane, tile: Tile) -> Plane:
    """Return a tile of a frame, its projection with it."""
    wcs = shifted(plane.wcs, tile.x0, tile.y0, tile.x1 - tile.x0, tile.y1 - tile.y0) if plane.wcs is not None else None
    mask = None if plane.mask is None else plane.mask[tile.box]
    return replace(plane, data=plane.data[tile.box], mask=mask, wcs=wcs)


def shifted(wcs: Wcs, x0: int, y0: int, width: int, height: int) -> Wcs:
    """Return the projection of a part of a frame that begins at column x0 and row y0."""
    return replace(wcs, crpix=(wcs.crpix[0] - x0, wcs.crpix[1] - y0), width=width, height=height)
