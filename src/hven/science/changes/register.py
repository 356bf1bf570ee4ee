"""Fine registration: where the template's stars lie against where its projection says they lie.

Centroids are weighted by a Gaussian as wide as the stars, moved until they rest (Stone 1989, AJ 97, 1227), with the
same weight on both frames, so that what biases them cancels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.science.changes.warp import Affine
from hven.science.sky.wcs import Wcs
from hven.science.stars.detect import detect

Floats = NDArray[np.float64]
_ROUNDS = 8
_FEWEST = 5  # stars for an offset
_FEWEST_AFFINE = 12
_SEARCH_PX = 60.0  # how far off a projection may be
_BIN_PX = 3.0
_CLIP = 3.5  # standard deviations
_MOST = 300  # stars


@dataclass(frozen=True, slots=True)
class Registration:
    """How a template's projection is off, as measured on stars."""

    correction: Affine  # of positions on the template's grid
    stars: int  # that agree
    scatter_px: float  # of their positions about the correction, per axis, pixels of the template

    def largest_px(self, width: int, height: int) -> float:
        """Return the largest correction in the corners of a template, pixels."""
        x, y = np.array([0.0, width, 0.0, width]), np.array([0.0, 0.0, height, height])
        u, v = self.correction(x, y)
        return float(np.hypot(u - x, v - y).max())


def centroids(
    data: NDArray[np.generic], x: Floats, y: Floats, fwhm_px: float, *, mask: NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return Gaussian-weighted centroids near 0-based positions (n,), and which of them came to rest on a star."""
    sigma = max(fwhm_px, 1.5) / 2.355
    half = int(np.ceil(2.0 * max(fwhm_px, 1.5))) + 2
    height, width = data.shape
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    good = (column >= half) & (row >= half) & (column < width - half) & (row < height - half)
    axis = np.arange(-half, half + 1)
    safe_row, safe_column = row.clip(half, height - 1 - half), column.clip(half, width - 1 - half)
    places = (safe_row[:, None, None] + axis[:, None], safe_column[:, None, None] + axis)
    stamps = data[places].astype(np.float64)
    if mask is not None:
        good &= ~mask[places].any(axis=(1, 2))
    stamps = np.nan_to_num(stamps)
    rim = np.concatenate([stamps[:, 0], stamps[:, -1], stamps[:, :, 0], stamps[:, :, -1]], axis=1)
    level = np.median(rim, axis=1)
    noise = 1.4826 * np.median(np.abs(rim - level[:, None]), axis=1)
    stamps -= level[:, None, None]
    u, v = x - column, y - row
    light = np.zeros_like(u)
    least = 1e-6 * np.abs(stamps).max(axis=(1, 2), initial=1e-30)
    for _ in range(_ROUNDS):
        wx = np.exp(-0.5 * ((axis - u[:, None]) / sigma) ** 2)
        wy = np.exp(-0.5 * ((axis - v[:, None]) / sigma) ** 2)
        light = np.einsum("nij,ni,nj->n", stamps, wy, wx)
        safe = np.where(light > least, light, 1.0)
        move_x = 2 * np.einsum("nij,ni,nj->n", stamps, wy, wx * (axis - u[:, None])) / safe
        move_y = 2 * np.einsum("nij,ni,nj->n", stamps, wy * (axis - v[:, None]), wx) / safe
        u, v = u + np.clip(move_x, -1, 1), v + np.clip(move_y, -1, 1)
        u, v = np.clip(u, -half, half), np.clip(v, -half, half)
    at_rest = (np.abs(move_x) < 0.05) & (np.abs(move_y) < 0.05) & (np.hypot(u, v) < half - 1)
    bright = light > 6 * noise * sigma * np.sqrt(np.pi)
    return column + u, row + v, good & at_rest & bright


def register(
    frame: NDArray[np.generic],
    frame_wcs: Wcs,
    template: NDArray[np.generic],
    template_wcs: Wcs,
    *,
    stars: tuple[Floats, Floats],
    fwhm_px: float,
    frame_mask: NDArray[np.bool_] | None = None,
    template_mask: NDArray[np.bool_] | None = None,
) -> Registration | None:
    """Measure how far a template's stars lie from where both projections put the frame's.

    Parameters
    ----------
    frame, template : (height, width)
        Pixels of each, ADU, on grids of their own.
    stars : (x, y)
        Of the frame, (n,) each, 0-based pixels, brightest first, unsaturated.
    fwhm_px : float
        Of the frame's stars, in the frame's pixels; the template's are taken to be as wide on the sky.

    Returns
    -------
    Registration, or None where too few stars agree

    """
    x, y = stars[0][:_MOST], stars[1][:_MOST]
    x, y, seen = centroids(frame, x, y, fwhm_px, mask=frame_mask)
    x, y = x[seen], y[seen]
    if x.size < _FEWEST:
        return None
    wide = max(fwhm_px * frame_wcs.scale_arcsec / template_wcs.scale_arcsec, 1.5)
    u, v = template_wcs.to_pixel(*frame_wcs.to_sky(x, y))
    there = np.isfinite(u) & np.isfinite(v)
    u, v = u[there], v[there]
    for offset in ((0.0, 0.0), None):
        if offset is None:
            offset = _offset(template, template_mask, u, v)  # noqa: PLW2901 - looked for only where none was right
            if offset is None:
                return None
        p, q, good = centroids(template, u + offset[0], v + offset[1], wide, mask=template_mask)
        found = _fitted(u[good], v[good], p[good], q[good], wide)
        if found is not None:
            return found
    return None


def _fitted(u: Floats, v: Floats, p: Floats, q: Floats, wide: float) -> Registration | None:
    """Fit p, q = affine(u, v) with clipping; None where the stars do not agree."""
    n = u.size
    if n < _FEWEST:
        return None
    centre = float(u.mean()), float(v.mean())
    columns = [np.ones(n)]
    if n >= _FEWEST_AFFINE:
        columns += [u - centre[0], v - centre[1]]
    a = np.stack(columns, axis=1)
    dx, dy = p - u, q - v
    kept = np.hypot(dx - np.median(dx), dy - np.median(dy)) < max(1.5, wide)
    scatter = 0.0
    for _ in range(6):
        if np.count_nonzero(kept) < max(_FEWEST, 0.4 * n):
            return None
        cx = np.linalg.lstsq(a[kept], dx[kept], rcond=None)[0]
        cy = np.linalg.lstsq(a[kept], dy[kept], rcond=None)[0]
        off = np.hypot(dx - a @ cx, dy - a @ cy)
        scatter = float(np.median(off[kept])) / 1.1774  # of a two-dimensional normal distribution
        kept = off < max(_CLIP * scatter, 0.02)
    if scatter > 0.25 * wide:
        return None
    matrix = ((float(cx[1]), float(cx[2])), (float(cy[1]), float(cy[2]))) if cx.size == 3 else ((0.0, 0.0), (0.0, 0.0))
    return Registration(
        Affine((float(cx[0]), float(cy[0])), matrix, centre), int(np.count_nonzero(kept)), scatter
    )  # fmt: skip


def _offset(
    template: NDArray[np.generic], mask: NDArray[np.bool_] | None, u: Floats, v: Floats
) -> tuple[float, float] | None:
    """Return the offset that most pairs of expected and detected stars share."""
    seen = detect(template, mask, limit=2 * _MOST)
    if len(seen) < _FEWEST:
        return None
    dx, dy = seen.x[:, None] - u, seen.y[:, None] - v
    near = (np.abs(dx) < _SEARCH_PX) & (np.abs(dy) < _SEARCH_PX)
    bins = int(2 * _SEARCH_PX / _BIN_PX)
    span = [[-_SEARCH_PX, _SEARCH_PX]] * 2
    votes, edges, _ = np.histogram2d(dx[near], dy[near], bins=bins, range=span)
    # a shared offset may fall on an edge of bins
    summed = votes[:-1, :-1] + votes[1:, :-1] + votes[:-1, 1:] + votes[1:, 1:]
    i, j = np.unravel_index(int(summed.argmax()), summed.shape)
    if summed[i, j] < max(_FEWEST, 5 * float(np.sqrt(summed.mean() + 1))):
        return None
    low_x, low_y = edges[i], edges[j]
    chosen = near & (dx >= low_x) & (dx < low_x + 2 * _BIN_PX) & (dy >= low_y) & (dy < low_y + 2 * _BIN_PX)
    return float(np.median(dx[chosen])), float(np.median(dy[chosen]))
