"""How faint a frame goes: the magnitude at which a star reaches a signal-to-noise ratio.

The noise of an aperture is that of its sky plus the star's own photons, N^2 = s^2 + F / g; solved for the flux F at
which F / N reaches the ratio wanted.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def sky_errors(flux: Floats, error: Floats, gain: float) -> Floats:
    """Return the part of aperture errors (n,) that is not the star's own photons, ADU."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(np.maximum(error**2 - np.maximum(flux, 0) / gain, 0)), np.float64)


def flux_at(snr: float, sky_error: ArrayLike, gain: float) -> Floats:
    """Return the flux, ADU, that stands out of a sky error by a signal-to-noise ratio."""
    sky = np.asarray(sky_error, float)
    photon = snr**2 / gain
    return np.asarray(0.5 * (photon + np.sqrt(photon**2 + 4 * snr**2 * sky**2)), np.float64)


def limiting_magnitude(snr: float, sky_error: ArrayLike, zero_point: ArrayLike, gain: float) -> Floats:
    """Return the magnitude of a star with a signal-to-noise ratio; NaN where the sky error is not positive."""
    sky = np.asarray(sky_error, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = flux_at(snr, np.where(sky > 0, sky, np.nan), gain)
        return np.asarray(np.asarray(zero_point, float) - 2.5 * np.log10(flux), np.float64)


def model_snr(mag: ArrayLike, sky_error: float, zero_point: float, gain: float) -> Floats:
    """Return the signal-to-noise ratio that stars of calibrated magnitudes have on this sky."""
    flux = 10 ** (-0.4 * (np.asarray(mag, float) - zero_point))
    return np.asarray(flux / np.sqrt(sky_error**2 + flux / gain), np.float64)
