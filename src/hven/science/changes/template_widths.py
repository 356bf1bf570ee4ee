"""How wide a template's stars are, measured where the frame has stars, as a table and as a picture."""

import math

import numpy as np
from numpy.typing import NDArray

from hven.science.photometry.plots import as_png, dots, new_figure

Floats = NDArray[np.float64]
_REACH = 4.0  # widths to which a star's light is added up
_RING = 1.5  # times that: to where its sky is taken
_LARGEST_PX = 40  # that a star's light is added up to


def half_light_widths(plane: NDArray[np.floating], x: Floats, y: Floats, *, fwhm_px: float) -> Floats:
    """Return twice the radius (pixels) that holds half of each star's light; NaN where that cannot be said.

    Parameters
    ----------
    plane : (height, width)
        Pixels; NaN where one has no value.
    x, y : (n,)
        Where the stars are, 0-based pixels.
    fwhm_px : float
        About how wide they are.

    """
    reach = min(_REACH * fwhm_px, _LARGEST_PX)
    half = math.ceil(_RING * reach)
    height, width = plane.shape
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (column >= half) & (column < width - half) & (row >= half) & (row < height - half)
    found = np.full(x.size, np.nan)
    offset = np.arange(-half, half + 1)
    for star in np.flatnonzero(inside):
        stamp = plane[row[star] - half : row[star] + half + 1, column[star] - half : column[star] + half + 1]
        radius = np.hypot(offset[None, :] - (x[star] - column[star]), offset[:, None] - (y[star] - row[star])).ravel()
        light, ring = radius <= reach, (radius > reach) & (radius <= half)
        values = stamp.ravel()
        if not np.isfinite(values[light]).all() or np.count_nonzero(np.isfinite(values[ring])) < 20:
            continue
        order = np.argsort(radius[light])
        grown = np.cumsum(values[light][order] - np.nanmedian(values[ring]))
        if grown[-1] > 0:
            passed = int(np.argmax(grown >= 0.5 * grown[-1]))
            # the light within a radius, counted in whole pixels, is that of a disk of as many
            before = grown[passed - 1] if passed else 0.0
            pixels = passed + (0.5 * grown[-1] - before) / max(grown[passed] - before, 1e-30)
            found[star] = 2 * math.sqrt(pixels / math.pi)
    return found


def widths_plot(mag: Floats, width_px: Floats, fwhm_px: float) -> bytes:
    """Return a picture (PNG) of widths (n,) against magnitudes (n,), with the width that the subtraction took."""
    figure, axes = new_figure(7.2, 4.6)
    dots(axes, mag, width_px, "#2b6cb0", f"stars ({np.count_nonzero(np.isfinite(width_px))})")
    axes.axhline(fwhm_px, color="#c53030", lw=1, label=f"taken: {fwhm_px:.2f} px")
    axes.set(ylim=(0, 3.5 * fwhm_px), xlabel="magnitude on the frame", ylabel="twice the half-light radius (px)")
    axes.set_title("Width of the template's stars", y=1.02)
    return as_png(figure, axes)
