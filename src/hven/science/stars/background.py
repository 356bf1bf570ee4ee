"""The sky under the stars: its level and its noise on a mesh of cells.

In each cell a sample of the pixels is sorted once and thinned to its order statistics, on which clipping costs
next to nothing. Cells without sky (masks, blooming, the edge of a dome) borrow
from their neighbours. The mode is estimated as in Bertin & Arnouts (1996, A&AS 117, 393).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_CLIP = 2.5  # standard deviations
_ROUNDS = 5
_ORDERS = 128
_MIN_SHARE = 0.15  # of a cell's samples that must be usable


@dataclass(frozen=True, slots=True)
class Mesh:
    """A quantity on a mesh of square cells that covers a frame; values are means over the cells."""

    values: NDArray[np.float32]  # (rows, columns)
    cell: int  # pixels
    width: int  # of the frame, pixels
    height: int
    continues: bool = False  # whether a slope goes on beyond the outer cells' centres

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the interpolated quantity for rows start..stop of the frame, (stop - start, width), float32."""
        if self.values.size == 1:
            return np.full((stop - start, self.width), self.values.flat[0], np.float32)
        padded = self._padded()
        first = max(start // self.cell - 1, 0)
        last = min(-(-stop // self.cell) + 3, padded.shape[0])
        part = np.ascontiguousarray(padded[first:last])
        size = (part.shape[1] * self.cell, part.shape[0] * self.cell)
        whole = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
        offset = (first - 1) * self.cell
        return np.asarray(whole[start - offset : stop - offset, self.cell : self.cell + self.width], np.float32)

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the quantity at 0-based pixel positions, by linear interpolation, (n,)."""
        m = self._padded()
        rows, columns = m.shape
        u = np.clip((np.asarray(x, float) + 0.5) / self.cell + 0.5, 0, columns - 1)
        v = np.clip((np.asarray(y, float) + 0.5) / self.cell + 0.5, 0, rows - 1)
        i, j = np.minimum(u.astype(int), columns - 2), np.minimum(v.astype(int), rows - 2)
        fu, fv = u - i, v - j
        low = m[j, i] * (1 - fu) + m[j, i + 1] * fu
        high = m[j + 1, i] * (1 - fu) + m[j + 1, i + 1] * fu
        return np.asarray(low * (1 - fv) + high * fv, np.float64)

    def _padded(self) -> NDArray[np.float32]:
        """Return the values with a cell more on each side: the frame's edge lies beyond the outer cells' centres."""
        if not self.continues or min(self.values.shape) < 2:
            return np.pad(self.values, 1, mode="edge")
        return np.pad(self.values, 1, mode="reflect", reflect_type="odd")


@dataclass(frozen=True, slots=True)
class Background:
    """Level and noise of the sky, ADU per pixel."""

    level: Mesh
    noise: Mesh


def cell_size(width: int, height: int) -> int:
    """Return the side of a mesh cell in pixels that suits a frame."""
    return int(np.clip(min(width, height) // 8, 8, 64))


def estimate_background(
    data: NDArray[np.generic], mask: NDArray[np.bool_] | None = None, cell: int | None = None
) -> Background:
    """Measure the sky of a 2-D frame of any real dtype.

    Parameters
    ----------
    data : (height, width)
        Pixels, ADU; NaN and infinities are left out.
    mask : (height, width), optional
        True where a pixel has no value.
    cell : int, optional
        Side of the mesh cells, pixels.

    """
    height, width = data.shape
    cell = cell or cell_size(width, height)
    rows = range(0, height, cell)
    samples = [mesh_samples(data[top : top + cell], cell, mask, top) for top in rows]
    level, noise = mesh_statistics(samples)
    return Background(Mesh(level, cell, width, height, continues=True), Mesh(noise, cell, width, height))


def mesh_samples(
    band: NDArray[np.generic], cell: int, mask: NDArray[np.bool_] | None = None, top: int = 0
) -> NDArray[np.float32]:
    """Return samples of one row of cells, (columns, n), NaN where there is no value.

    `band` holds the rows of the cells, `mask` is the whole frame's and `top` the first row's place in it. Large
    cells are sampled at every third pixel of every third row: an odd step sees all colours of a mosaic.
    """
    height, width = band.shape
    columns = -(-width // cell)
    step = 3 if cell >= 32 else 1
    chosen = np.full((len(range(0, height, step)), columns * cell), np.nan, np.float32)
    chosen[:, :width] = band[::step]
    if mask is not None:
        chosen[:, :width][mask[top : top + height : step]] = np.nan
    blocks = chosen.reshape(chosen.shape[0], columns, cell)[:, :, ::step]
    samples = np.ascontiguousarray(blocks.transpose(1, 0, 2)).reshape(columns, -1)
    if not np.issubdtype(band.dtype, np.integer):
        samples[np.isinf(samples)] = np.nan
    return samples


def mesh_statistics(samples: list[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mode and standard deviation of all cells, (rows, columns) each, from the samples of each row."""
    rows, columns = len(samples), samples[0].shape[0]
    most = samples[0].shape[1]
    table = np.full((rows, columns, most), np.nan, np.float32)
    for row, part in enumerate(samples):
        table[row, :, : part.shape[1]] = part
    mode, deviation = clipped_statistics(table.reshape(rows * columns, most))
    return mended(mode.reshape(rows, columns)), mended(deviation.reshape(rows, columns))


def clipped_statistics(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mode and standard deviation of each row of (k, n) samples, clipped; NaN where few are usable."""
    k, n = samples.shape
    ordered = np.sort(samples, axis=1)  # NaN go last
    usable = n - np.count_nonzero(np.isnan(ordered), axis=1)
    empty = usable < max(_MIN_SHARE * n, 4)
    # a hundred order statistics carry all that the sample tells
    grid = (np.arange(_ORDERS) + 0.5) / _ORDERS
    places = np.minimum((usable[:, None] * grid).astype(int), n - 1)
    values = np.take_along_axis(ordered, places, axis=1).astype(np.float64)
    values[empty] = 0.0
    pivot = values[:, _ORDERS // 2, None]
    values = values - pivot
    # stars only add light: the first cut is made by the lower half, which they hardly touch
    median = np.zeros(k)
    deviation = -values[:, int(0.16 * _ORDERS)]
    mean = median
    for turn in range(_ROUNDS):
        kept = np.abs(values - median[:, None]) <= (_CLIP * deviation)[:, None]
        count = np.maximum(np.count_nonzero(kept, axis=1), 1)
        first = np.argmax(kept, axis=1)
        chosen = np.where(kept, values, 0.0)
        mean = chosen.sum(axis=1) / count
        median = (
            0.5
            * (
                np.take_along_axis(values, (first + (count - 1) // 2)[:, None], axis=1)
                + np.take_along_axis(values, (first + count // 2).clip(max=_ORDERS - 1)[:, None], axis=1)
            ).ravel()
        )
        # a cut at 2.5 deviations takes 5 per cent of a normal distribution's scatter
        scatter = 1.0515 * np.sqrt(np.maximum((chosen**2).sum(axis=1) / count - mean**2, 0.0))
        if turn and np.all(np.abs(scatter - deviation) <= 1e-3 * deviation):
            break
        deviation = scatter
    skewed = np.abs(mean - median) > 0.3 * deviation
    mode = np.where(skewed, median, 2.5 * median - 1.5 * mean) + pivot[:, 0]
    return (
        np.where(empty, np.nan, mode).astype(np.float32),
        np.where(empty, np.nan, deviation).astype(np.float32),
    )


def mended(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill gaps from their neighbours, and take out cells that stand alone (3x3 median)."""
    mesh = mesh.copy()
    for _ in range(max(mesh.shape)):
        gaps = ~np.isfinite(mesh)
        if not gaps.any():
            break
        if gaps.all():
            mesh[:] = 0.0
            break
        known = np.where(gaps, 0, mesh).astype(np.float32)
        total = cv2.blur(known, (3, 3), borderType=cv2.BORDER_CONSTANT)
        share = cv2.blur((~gaps).astype(np.float32), (3, 3), borderType=cv2.BORDER_CONSTANT)
        near = gaps & (share > 0.05)
        mesh[near] = total[near] / share[near]
    if min(mesh.shape) < 3:
        return mesh
    return np.asarray(cv2.medianBlur(mesh, 3), np.float32)
