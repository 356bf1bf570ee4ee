"""Photometry at given positions, whether anything is seen there or not."""

from dataclasses import dataclass

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.photometry.apertures import aperture_flux, measure_rings, optimal_flux
from hven.science.photometry.limits import limiting_magnitude
from hven.science.photometry.masks import Bits, MaskBit
from hven.science.photometry.measure import Measured, MeasureSettings
from hven.science.photometry.moments import windowed
from hven.science.photometry.objects import Flag
from hven.science.photometry.solution import ZeroPoint
from hven.science.stars.background import Background

Floats = NDArray[np.float64]
_POGSON = 2.5 / np.log(10)
_SIGMA = 2.3548
_TURNS = 5


@dataclass(frozen=True, slots=True)
class ForcedSettings:
    """How positions are measured, beyond the settings of the objects."""

    snr: float = 5.0  # of the limits
    centroid: bool = False  # move to where the light is centred


def forced_photometry(
    measured: Measured,
    background: Background,
    bits: Bits,
    x: Floats,
    y: Floats,
    *,
    settings: MeasureSettings,
    forced: ForcedSettings,
    gain: float,
    zero_point: ZeroPoint | None,
) -> Table:
    """Measure 0-based positions (n,) as the frame's objects were measured.

    Parameters
    ----------
    measured : Measured
        The frame's objects, with the image and the aperture.
    background, bits
        The sky and the mask.
    zero_point : ZeroPoint, optional
        Without one there are no calibrated magnitudes and limits.

    Returns
    -------
    astropy.table.Table
        x, y, flags, bg_local, npix_aper, bg_fluxerr, flux, fluxerr, mag, magerr, mag_calib, mag_calib_err, mag_limit,
        with x_orig and y_orig where positions were moved. Magnitudes of a negative flux are NaN.

    Raises
    ------
    Invalid
        A position is off the frame or not a number; the sentence says which.

    """
    height, width = measured.image.shape
    x, y = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
    for k in range(x.size):
        if not (np.isfinite(x[k]) and np.isfinite(y[k])):
            raise Invalid(f"Position {k + 1} is not on this frame: its projection does not reach it.")
        if not (-0.5 <= x[k] <= width - 0.5 and -0.5 <= y[k] <= height - 0.5):
            raise Invalid(
                f"Position {k + 1} is off the frame, at x = {x[k]:.1f}, y = {y[k]:.1f} of {width} by {height} pixels."
            )
    image, fwhm, radius = measured.image, measured.fwhm_px, measured.aperture_px
    closed = (bits & ~MaskBit.SATURATED) > 0
    noise = background.noise.at(x, y)
    start_x, start_y = x, y
    if forced.centroid:
        moved = windowed(image, x, y, max(fwhm / _SIGMA, 0.7), noise=noise, gain=gain, closed=closed, turns=_TURNS)
        x, y = np.where(moved.moved, moved.x, x), np.where(moved.moved, moved.y, y)
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    owned = measured.segmentation > 0
    rings = measure_rings(
        image,
        x,
        y,
        settings.ring_inner_fwhm * fwhm,
        settings.ring_outer_fwhm * fwhm,
        noise=noise,
        closed=owned | closed,
    )
    sums = aperture_flux(image, x, y, radius, rings, noise=noise, gain=gain, closed=bits > 0)
    flux, error = sums.flux, sums.error
    if measured.psf is not None and settings.optimal:
        flux, error = optimal_flux(
            image, x, y, measured.psf, sums, radius_px=radius, noise=noise, gain=gain, closed=closed
        )
    # the ring's own scatter, where it is more than the mesh says, is what limits a detection here
    local = np.where(rings.is_poor, noise, np.maximum(rings.deviation, 0))
    sky_error = np.sqrt(sums.noise_area_px * local**2 + (sums.area_px * rings.error) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        light = np.where(flux > 0, flux, np.nan)
        mag, magerr = -2.5 * np.log10(light), _POGSON * error / light
    table = Table({"x": x, "y": y, "flags": sums.flags | _own_flags(measured, bits, x, y)})
    table["bg_local"] = rings.level
    table["npix_aper"] = sums.area_px
    table["bg_fluxerr"] = sky_error
    table["flux"], table["fluxerr"], table["mag"], table["magerr"] = flux, error, mag, magerr
    if zero_point is not None:
        table["mag_calib"] = zero_point.calibrated(mag, x, y)
        table["mag_calib_err"] = np.hypot(magerr, zero_point.error_at(x, y))
        scale = np.where(error > 0, error / np.maximum(sums.error, 1e-12), 1.0) if measured.psf is not None else 1.0
        table["mag_limit"] = limiting_magnitude(forced.snr, scale * sky_error, zero_point.at(x, y), gain)
    if forced.centroid:
        table["x_orig"], table["y_orig"] = start_x, start_y
    return table


def _own_flags(measured: Measured, bits: Bits, x: Floats, y: Floats) -> NDArray[np.int64]:
    """Mark positions on saturated pixels, and those whose object was marked as deblended or saturated."""
    row, column = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    height, width = bits.shape
    row, column = row.clip(0, height - 1), column.clip(0, width - 1)
    flags = np.where(bits[row, column] & MaskBit.SATURATED, int(Flag.SATURATED), 0).astype(np.int64)
    number = measured.segmentation[row, column]
    known = {int(n): int(f) for n, f in zip(measured.objects["NUMBER"], measured.objects["flags"], strict=True)}
    kept = int(Flag.DEBLENDED | Flag.SATURATED | Flag.DISTURBED)
    own = [known.get(int(n), 0) & kept if n else 0 for n in number]
    return flags | np.array(own, np.int64)
