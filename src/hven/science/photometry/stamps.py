"""Small squares of pixels about many positions at once, and which of their pixels belong to whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stamps:
    """Squares of 2 half + 1 pixels about whole pixels; n of them."""

    values: NDArray[np.float32]  # (n, side, side); 0 where not usable
    usable: NDArray[np.bool_]  # (n, side, side)
    column: NDArray[np.intp]  # (n,) of the middle pixel
    row: NDArray[np.intp]
    half: int

    @property
    def axis(self) -> NDArray[np.float64]:
        """Pixel offsets from the middle, (side,)."""
        return np.arange(-self.half, self.half + 1, dtype=float)


def cut_stamps(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    half: int,
    *,
    closed: NDArray[np.bool_] | None = None,
    segmentation: NDArray[np.int32] | None = None,
    numbers: NDArray[np.int64] | None = None,
) -> Stamps:
    """Cut squares about 0-based positions (n,).

    Parameters
    ----------
    image : (height, width) float32
        Finite pixels.
    closed : (height, width) bool, optional
        Pixels that are not usable.
    segmentation, numbers : optional
        With both, pixels of other objects than a stamp's own number are not usable.

    """
    height, width = image.shape
    column = np.clip(np.rint(x), -1e6, 1e6).astype(np.intp)
    row = np.clip(np.rint(y), -1e6, 1e6).astype(np.intp)
    axis = np.arange(-half, half + 1)
    rows, columns = row[:, None] + axis, column[:, None] + axis
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    r, c = rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]
    values = image[r, c]
    usable = inside
    if closed is not None:
        usable &= ~closed[r, c]
    if segmentation is not None and numbers is not None:
        owner = segmentation[r, c]
        usable &= (owner == 0) | (owner == numbers[:, None, None])
    values[~usable] = 0
    return Stamps(values, usable, column, row, half)


def mirrored(stamps: Stamps) -> Stamps:
    """Fill what is not usable with the pixel opposite the middle, where that one is: stars are even about it."""
    opposite, there = stamps.values[:, ::-1, ::-1], stamps.usable[:, ::-1, ::-1]
    fill = ~stamps.usable & there
    if not fill.any():
        return stamps
    values = np.where(fill, opposite, stamps.values)
    return Stamps(values, stamps.usable | there, stamps.column, stamps.row, stamps.half)
