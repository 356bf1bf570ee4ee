"""Small squares about stars: which stars to take, and how wide they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_CELLS = 10  # per axis, over which stars are spread
_MOST = 240
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Shapes:
    """Best-fitting Gaussians of stars: covariances in pixels^2; arrays of one length n."""

    xx: Floats
    yy: Floats
    xy: Floats
    good: NDArray[np.bool_]

    @property
    def fwhm_px(self) -> Floats:
        """Geometric mean of the axes' full widths at half maximum."""
        return np.asarray(2.3548 * np.maximum(self.xx * self.yy - self.xy**2, 1e-6) ** 0.25)


def spread(
    x: Floats, y: Floats, flux: Floats, width: int, height: int, *, margin: int, most: int = _MOST
) -> NDArray[np.int64]:
    """Return indices of the brightest stars of every part of a frame, at least `margin` pixels from its edges."""
    inside = (x >= margin) & (y >= margin) & (x <= width - 1 - margin) & (y <= height - 1 - margin)
    order = np.flatnonzero(inside)[np.argsort(-flux[inside], kind="stable")]
    cell = (np.floor(x[order] / width * _CELLS) * _CELLS + np.floor(y[order] / height * _CELLS)).astype(int)
    by_cell = np.argsort(cell, kind="stable")
    sorted_cells = cell[by_cell]
    first = np.searchsorted(sorted_cells, sorted_cells)
    rank = np.empty(order.size, int)
    rank[by_cell] = np.arange(order.size) - first
    return np.asarray(order[np.argsort(rank, kind="stable")][:most], np.int64)


def cut(
    image: NDArray[np.generic], column: NDArray[np.int64], row: NDArray[np.int64], half: int
) -> NDArray[np.generic]:
    """Return squares of 2 half + 1 pixels about pixels that lie that far from the edges, (n, size, size)."""
    axis = np.arange(-half, half + 1)
    return np.asarray(image[row[:, None, None] + axis[:, None], column[:, None, None] + axis])


def shapes(stamps: NDArray[np.generic], fwhm_px: float) -> Shapes:
    """Fit a Gaussian to the star in the middle of each stamp (n, size, size) by adaptive moments.

    Bernstein & Jarvis 2002, AJ 123, 583: the weight takes the star's own shape. The background must be gone.
    """
    half = stamps.shape[1] // 2
    axis = np.arange(-half, half + 1.0)
    light = np.asarray(stamps, np.float64)
    n = light.shape[0]
    start = (max(fwhm_px, 1.2) / 2.3548) ** 2
    xx, yy, xy = np.full(n, start), np.full(n, start), np.zeros(n)
    u, v = np.zeros(n), np.zeros(n)
    good = np.ones(n, np.bool_)
    for _ in range(_ROUNDS):
        dx = axis[None, None, :] - u[:, None, None]
        dy = axis[None, :, None] - v[:, None, None]
        det = np.maximum(xx * yy - xy**2, 1e-3)
        a, b, c = (yy / det)[:, None, None], (xx / det)[:, None, None], (xy / det)[:, None, None]
        weighted = light * np.exp(-0.5 * (a * dx**2 + b * dy**2 - 2 * c * dx * dy))
        total = weighted.sum(axis=(1, 2))
        good &= total > 0
        total = np.where(total > 0, total, 1.0)
        mx, my = (weighted * dx).sum(axis=(1, 2)) / total, (weighted * dy).sum(axis=(1, 2)) / total
        # a Gaussian under a weight of its own shape shows half its covariance
        xx_new = 2 * ((weighted * dx**2).sum(axis=(1, 2)) / total - mx**2)
        yy_new = 2 * ((weighted * dy**2).sum(axis=(1, 2)) / total - my**2)
        xy_new = 2 * ((weighted * dx * dy).sum(axis=(1, 2)) / total - mx * my)
        u, v = np.clip(u + 2 * mx, -2, 2), np.clip(v + 2 * my, -2, 2)
        low, high = 0.15, (half / 1.5) ** 2
        xx, yy = np.clip(xx_new, low, high), np.clip(yy_new, low, high)
        xy = np.clip(xy_new, -0.9 * np.sqrt(xx * yy), 0.9 * np.sqrt(xx * yy))
    good &= (xx > 0.16) & (yy > 0.16) & (xx < 0.9 * high) & (yy < 0.9 * high) & (np.hypot(u, v) < 1.9)
    return Shapes(xx, yy, xy, good)
