"""Aperture sums on a difference, with errors that know how its noise hangs together, and limits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.planes import Difference

Floats = NDArray[np.float64]
_SUBSAMPLING = 7
_LEAST_RING = 12  # pixels
POGSON = 2.5 / np.log(10)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns counts of the frame's aperture into magnitudes: m = zero point - 2.5 log10(flux)."""

    zero_point: float | Callable[[Floats, Floats], Floats]  # mag, or of 0-based places
    zero_point_error: float = 0.0
    band: str = ""  # for columns: "rmag"
    colour: str = ""  # "gmag - rmag"
    colour_term: float = 0.0

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the zero point at places (n,)."""
        if callable(self.zero_point):
            return np.asarray(self.zero_point(x, y), np.float64)
        return np.full(np.shape(x), float(self.zero_point))


@dataclass(frozen=True, slots=True)
class Fluxes:
    """Aperture sums on a difference; arrays of one length n."""

    flux: Floats  # ADU, as the same aperture on the frame would show a source alone
    error: Floats
    background: Floats  # ADU per pixel of the ring, taken off
    background_error: Floats  # ADU per pixel
    area_px: Floats  # of the aperture that has values
    masked: NDArray[np.bool_]  # masked pixels in the aperture
    poor_ring: NDArray[np.bool_]  # too few pixels about it: nothing was taken off


def measure(
    difference: Difference,
    x: Floats,
    y: Floats,
    radius_px: float,
    *,
    gain: float | None = None,
    ring_px: tuple[float, float] | None = None,
) -> Fluxes:
    """Sum a difference in circles about 0-based positions (n,).

    Parameters
    ----------
    radius_px : float
        The aperture of the frame's own list.
    gain : float, optional
        Electrons per ADU of the frame, for the photons of the new source itself.
    ring_px : (inner, outer), optional
        Where a local level is measured; nothing is taken off where not given.

    Raises
    ------
    Invalid
        The radius is not positive, or the ring is none.

    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if not 0 < radius_px < 1000:
        raise Invalid("An aperture's radius is a positive number of pixels.")
    if ring_px is not None and not 0 <= ring_px[0] < ring_px[1] < 2000:
        raise Invalid("The sky's ring needs an outer radius larger than its inner one.")
    none = np.zeros(0)
    if not x.size:
        return Fluxes(none, none, none, none, none, np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    near_x, near_y = x.clip(-1e6, 1e6), y.clip(-1e6, 1e6)
    total, error, flags = sep.sum_circle(
        difference.diff, near_x, near_y, radius_px, err=difference.noise, mask=difference.mask, subpix=_SUBSAMPLING
    )
    area = np.pi * radius_px**2
    good = np.asarray((~difference.mask).astype(np.float32))
    covered = sep.sum_circle(good, near_x, near_y, radius_px, subpix=_SUBSAMPLING)[0]
    level, level_error = np.zeros(x.size), np.zeros(x.size)
    poor = np.zeros(x.size, np.bool_)
    if ring_px is not None:
        level, level_error, poor = _rings(difference, x, y, ring_px)
    factor = noise_factor(difference, radius_px)
    kept = enclosed(difference.psf, radius_px) / enclosed(difference.frame_psf, radius_px)
    flux = (total - level * area) / kept
    variance = (error * factor) ** 2 + (level_error * area) ** 2
    if gain is not None:
        variance = variance + np.maximum(flux * kept, 0) / gain
    inside = np.isfinite(x) & np.isfinite(y) & (covered > 0.1 * area)
    return Fluxes(
        flux=np.where(inside, flux, np.nan),
        error=np.where(inside, np.sqrt(variance) / kept, np.nan),
        background=level,
        background_error=level_error,
        area_px=covered,
        masked=np.asarray((flags != 0) | (covered < 0.995 * area), np.bool_),
        poor_ring=poor,
    )


def noise_factor(difference: Difference, radius_px: float) -> float:
    """Return by how much the error of an aperture sum exceeds that of independent pixels."""
    covariance = difference.correlation
    half = covariance.shape[0] // 2
    wide = int(np.ceil(radius_px)) + 1
    axis = np.arange(-wide, wide + 1)
    disc = np.clip(radius_px + 0.5 - np.hypot(axis[:, None], axis), 0, 1)
    size = 2 * (wide + half) + 2
    spectrum = np.abs(np.fft.rfft2(disc, (size, size))) ** 2
    overlap = np.roll(np.fft.irfft2(spectrum, (size, size)), (half, half), axis=(0, 1))[: 2 * half + 1, : 2 * half + 1]
    return float(np.sqrt(max((overlap * covariance).sum() / (disc**2).sum(), 0.05)))


def enclosed(psf: Floats, radius_px: float) -> float:
    """Return the share of a star image's light inside a circle about its middle."""
    half = psf.shape[0] // 2
    if radius_px >= half:
        return 1.0
    image = np.ascontiguousarray(psf, np.float64)
    return float(sep.sum_circle(image, [half], [half], radius_px, subpix=_SUBSAMPLING)[0][0])


def limits(x: Floats, y: Floats, errors: Floats, calibration: Calibration, *, sn: float) -> Floats:
    """Return the magnitudes (n,) of sources of S/N `sn` at places, from the errors of their sums; NaN without value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(calibration.at(x, y) - 2.5 * np.log10(sn * errors), np.float64)


def _rings(
    difference: Difference, x: Floats, y: Floats, ring_px: tuple[float, float]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the median of the difference in rings, its error, and where there were too few pixels."""
    inner, outer = ring_px
    height, width = difference.diff.shape
    reach = int(np.ceil(outer)) + 1
    level, error, poor = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size, np.bool_)
    for number in range(x.size):
        if not (np.isfinite(x[number]) and np.isfinite(y[number])):
            poor[number] = True
            continue
        column, row = round(float(np.clip(x[number], -1e6, 1e6))), round(float(np.clip(y[number], -1e6, 1e6)))
        part = (
            slice(max(row - reach, 0), max(row + reach + 1, 0)),
            slice(max(column - reach, 0), max(column + reach + 1, 0)),
        )
        rows, columns = np.ogrid[part[0].start : min(part[0].stop, height), part[1].start : min(part[1].stop, width)]
        distance = np.hypot(rows - y[number], columns - x[number])
        chosen = (distance >= inner) & (distance <= outer) & ~difference.mask[part]
        values = difference.diff[part][chosen]
        if values.size < _LEAST_RING:
            poor[number] = True
            continue
        middle = float(np.median(values))
        scatter = 1.4826 * float(np.median(np.abs(values - middle)))
        kept = values[np.abs(values - middle) <= 3 * scatter] if scatter > 0 else values
        level[number] = float(np.median(kept))
        error[number] = 1.2533 * scatter / np.sqrt(max(kept.size, 1))
    return level, error, poor
