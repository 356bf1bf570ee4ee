"""Light inside circles: aperture sums with their errors.

The sums run over the raw pixels and the background's level, known per position, is taken off afterwards, so that no
copy of the frame is made for it. Pixels on the rim count by the share inside the circle (sep's subsampling).
"""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.stars.background import Background

Floats = NDArray[np.float64]
_SUBSAMPLING = 5


@dataclass(frozen=True, slots=True)
class Apertures:
    """Aperture sums; arrays of one length n."""

    flux: Floats  # ADU above the background
    error: Floats  # ADU, of background noise and photon noise
    is_whole: NDArray[np.bool_]  # False where the circle leaves the frame or holds masked pixels


def aperture_sums(
    data: NDArray[np.generic],
    x: Floats,
    y: Floats,
    radius_px: float,
    background: Background,
    *,
    gain: float | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Apertures:
    """Sum the light in circles about 0-based positions (n,).

    Parameters
    ----------
    data : (height, width)
        Pixels, ADU; float32 is used as it is, other types are copied to it.
    radius_px : float
        Of the circles.
    gain : float, optional
        Electrons per ADU, for the photon noise; left out where not given.
    mask : (height, width) bool, optional
        True where a pixel has no value; such pixels are replaced by the mean of the circle's others.

    Raises
    ------
    Invalid
        The radius is not positive, or positions differ in number.

    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape:
        raise Invalid("Each aperture needs an x and a y.")
    if not 0 < radius_px < 10_000:
        raise Invalid("An aperture's radius is a positive number of pixels.")
    none = np.zeros(0)
    if not x.size:
        return Apertures(none, none, np.zeros(0, np.bool_))
    pixels = np.ascontiguousarray(data, dtype=np.float32)
    if not np.issubdtype(data.dtype, np.integer):
        bad = ~np.isfinite(pixels)
        if bad.any():
            mask = bad if mask is None else mask | bad
            pixels = np.where(bad, np.float32(0), pixels)
    total, _, flags = sep.sum_circle(pixels, x, y, radius_px, mask=mask, subpix=_SUBSAMPLING)
    level, noise = background.level.at(x, y), background.noise.at(x, y)
    circle = np.pi * radius_px**2
    area = np.full(x.size, circle)
    whole = flags == 0
    if not whole.all():
        height, width = data.shape
        ones = np.ones_like(pixels) if mask is None else (~mask).astype(np.float32)
        inside = area.copy()
        inside[~whole] = sep.sum_circle(ones, x[~whole], y[~whole], radius_px, subpix=_SUBSAMPLING)[0]
        if mask is not None:
            # sep has already put the mean in place of masked pixels
            near_edge = (x < radius_px) | (y < radius_px) | (x > width - 1 - radius_px) | (y > height - 1 - radius_px)
            inside = np.where(near_edge, inside, area)
        area = inside
    flux = total - level * area
    variance = area * noise**2
    if gain:
        variance = variance + np.maximum(flux, 0.0) / gain
    return Apertures(np.asarray(flux), np.sqrt(variance), np.asarray(whole, np.bool_))
