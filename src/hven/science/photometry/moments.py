"""Places and shapes with a Gaussian window: nearly as good as a profile fit, and blind to far neighbours.

The window has the stars' width, so noise counts little (Bernstein & Jarvis 2002, AJ 123, 583, with a fixed circular
window; the place iterates like SExtractor's XWIN_IMAGE).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hven.science.photometry.stamps import Stamps, cut_stamps, mirrored

Floats = NDArray[np.float64]
_TURNS = 6
_CLOSE = 2e-4  # pixels
_FARTHEST = 1.5  # window deviations from the first place
_CHUNK = 4000
_REACH = 3.0  # of the window, in its deviations


@dataclass(frozen=True, slots=True)
class Windowed:
    """Windowed places and second moments; arrays of one length n. A star has half the window's variance."""

    x: Floats  # 0-based pixels
    y: Floats
    x_error: Floats  # pixels
    y_error: Floats
    xx: Floats  # second moments of light times window, pixels^2; NaN where there is no light
    yy: Floats
    xy: Floats
    error: Floats  # standard error of xx and of yy
    signal: Floats  # light in the window, ADU
    moved: NDArray[np.bool_]  # False where the place ran away and was left as given


def windowed(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    sigma_px: float,
    *,
    noise: Floats,
    gain: float,
    closed: NDArray[np.bool_] | None = None,
    segmentation: NDArray[np.int32] | None = None,
    numbers: NDArray[np.int64] | None = None,
    turns: int = _TURNS,
) -> Windowed:
    """Measure objects near 0-based positions (n,).

    Parameters
    ----------
    image : (height, width) float32
        The frame less its sky, ADU, finite.
    sigma_px : float
        Standard deviation of the window.
    noise : (n,)
        Of the sky there, ADU a pixel.
    gain : float
        Electrons per ADU.
    closed, segmentation, numbers
        As of `cut_stamps`; what is not usable is taken from the opposite side.
    turns : int
        Steps that the place may take; 0 leaves it.

    """
    half = max(int(np.ceil(_REACH * sigma_px)) + 1, 2)
    parts = []
    for start in range(0, x.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        stamps = cut_stamps(
            image, x[some], y[some], half, closed=closed, segmentation=segmentation,
            numbers=None if numbers is None else numbers[some],
        )  # fmt: skip
        parts.append(_measured(mirrored(stamps), x[some], y[some], sigma_px, noise=noise[some], gain=gain, turns=turns))
    if not parts:
        none = np.zeros(0)
        return Windowed(none, none, none, none, none, none, none, none, none, np.zeros(0, np.bool_))
    return Windowed(*(np.concatenate([getattr(part, name) for part in parts]) for name in Windowed.__slots__))


def levelled(found: Windowed, level: Floats, sigma_px: float) -> Windowed:
    """Return the moments with a sky level (n,), ADU a pixel, taken off the light; places do not depend on it.

    A level adds its integral over the window to the light, and the window's own variance to the moments.
    """
    area = 2 * np.pi * sigma_px**2
    before = 0.5 * found.signal
    after = before - level * area
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(after > 0, before / after, np.nan)
        taken = np.where(after > 0, level * area / after, np.nan) * sigma_px**2
    return replace(
        found,
        xx=found.xx * share - taken,
        yy=found.yy * share - taken,
        xy=found.xy * share,
        error=found.error * np.abs(share),
        signal=2 * after,
    )


def _measured(
    stamps: Stamps, x: Floats, y: Floats, sigma: float, *, noise: Floats, gain: float, turns: int
) -> Windowed:
    light = stamps.values.astype(np.float64)
    axis = stamps.axis
    start_x, start_y = x - stamps.column, y - stamps.row
    at_x, at_y = start_x.copy(), start_y.copy()
    for _ in range(turns):
        line_x, line_y = _window(axis - at_x[:, None], sigma), _window(axis - at_y[:, None], sigma)
        # the window is a product, and so are the sums
        by_row = np.einsum("nyx,nx->ny", light, line_x)
        total = np.einsum("ny,ny->n", by_row, line_y)
        safe = np.where(total > 0, total, np.inf)
        by_row_x = np.einsum("nyx,nx->ny", light, line_x * (axis - at_x[:, None]))
        step_x = 2 * np.einsum("ny,ny->n", by_row_x, line_y) / safe
        step_y = 2 * np.einsum("ny,ny->n", by_row, line_y * (axis - at_y[:, None])) / safe
        step_x, step_y = np.clip(step_x, -1, 1), np.clip(step_y, -1, 1)
        at_x, at_y = at_x + step_x, at_y + step_y
        if np.max(np.hypot(step_x, step_y), initial=0) < _CLOSE:
            break
    moved = np.hypot(at_x - start_x, at_y - start_y) < max(_FARTHEST * sigma, 1.0)
    at_x, at_y = np.where(moved, at_x, start_x), np.where(moved, at_y, start_y)
    dx, dy = axis - at_x[:, None], axis - at_y[:, None]
    line_x, line_y = _window(dx, sigma), _window(dy, sigma)
    by_row = np.einsum("nyx,nx->ny", light, line_x)
    by_row_x = np.einsum("nyx,nx->ny", light, line_x * dx)
    by_row_xx = np.einsum("nyx,nx->ny", light, line_x * dx**2)
    total = np.einsum("ny,ny->n", by_row, line_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        xx = np.einsum("ny,ny->n", by_row_xx, line_y) / total
        yy = np.einsum("ny,ny->n", by_row, line_y * dy**2) / total
        xy = np.einsum("ny,ny->n", by_row_x, line_y * dy) / total
        lost = ~(total > 0)
        for values in (xx, yy, xy):
            values[lost] = np.nan
        # variances through the squared window, the star's photons by its own light
        wide_x, wide_y = line_x**2, line_y**2
        sky = noise**2
        second = xx[:, None]
        var_place = _variance(light, wide_x * dx**2, wide_y, sky, gain)
        var_place_y = _variance(light, wide_x, wide_y * dy**2, sky, gain)
        var_second = _variance(light, wide_x * (dx**2 - second) ** 2, wide_y, sky, gain)
        x_error, y_error = 2 * np.sqrt(var_place) / total, 2 * np.sqrt(var_place_y) / total
        error = np.sqrt(var_second) / total
    # the window's own sum of squares turns its sum into the light of a star as wide as it
    scale = 2.0
    return Windowed(
        at_x + stamps.column, at_y + stamps.row, x_error, y_error, xx, yy, xy, error, scale * total, moved
    )  # fmt: skip


def _variance(light: Floats, line_x: Floats, line_y: Floats, sky: Floats, gain: float) -> Floats:
    whole = sky * line_x.sum(axis=1) * line_y.sum(axis=1)
    own = np.einsum("ny,ny->n", np.einsum("nyx,nx->ny", light, line_x), line_y)
    return np.asarray(whole + np.maximum(own, 0) / gain, np.float64)


def _window(offset: Floats, sigma: float) -> Floats:
    return np.asarray(np.exp(-0.5 * (offset / sigma) ** 2), np.float64)
