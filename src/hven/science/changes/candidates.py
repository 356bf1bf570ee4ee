"""Candidates on a difference: found on the map of significance, measured on the difference, told from artefacts."""

from dataclasses import dataclass

import cv2
import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hven.science.changes.adjust import Adjustments, adjust
from hven.science.changes.fitting import Fits, fit_profiles
from hven.science.changes.fluxes import POGSON, Calibration, Fluxes, limits, measure
from hven.science.changes.planes import Difference
from hven.science.sky.wcs import Wcs

Floats = NDArray[np.float64]
_MOST = 5000  # peaks looked at
_MARGIN = 2  # pixels from the edge, within which no star can be told from noise; more where the frame was smoothed
_CHI2_SIGMA = 7.0  # deviations of chi2, above which a source has not the shape of a star
_MISFIT = 0.05  # share of a source's S/N by which its star image may fit worse than noise allows
_SHARP = 0.6  # excess of the brightest pixel over the star image
_SHARP_SIGMA = 4.0
_LEAST_COVERED = 0.6  # share of the star image on pixels with a value
_DARK = 0.5  # of a peak's significance that a dark spot beside it may have

DISTURBED, SATURATED, TRUNCATED = 1, 4, 8
MASKED_FOOTPRINT, MASKED_APERTURE, ANNULUS_POOR, SHAPE = 0x100, 0x200, 0x400, 0x800


@dataclass(frozen=True, slots=True)
class Search:
    """How to look for candidates."""

    radius_px: float  # of the aperture, the frame's own
    ring_px: tuple[float, float] | None = None
    sn: float = 5.0  # least significance
    false_alarms: float = 0.5  # expected peaks of noise in a frame, to which the least significance is raised
    gain: float | None = None  # electrons per ADU of the frame
    shape_filter: bool = True  # drop what has not the shape of a star
    adjust_filter: bool = True  # drop what a small shift and scale of the template explain


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a search found."""

    table: Table  # columns as of an object list, see `columns`
    adjustments: Adjustments  # of its rows
    rejected: dict[str, int]  # how many peaks were dropped, by reason


def find(
    difference: Difference, search: Search, *, calibration: Calibration | None = None, wcs: Wcs | None = None
) -> Candidates:
    """Find new and brightened sources on a difference, brightest first.

    `sn` is asked of the map of significance, which weighs every pixel; the aperture's own S/N may be less. A large
    frame holds so many independent places that noise passes 5 deviations now and then; see `Search.false_alarms`.
    """
    column, row = peaks(difference, max(search.sn, difference.threshold(search.false_alarms)))
    fits = fit_profiles(difference, column, row)
    rejected: dict[str, int] = {}
    keep = np.ones(column.size, np.bool_)
    keep &= _counted(rejected, keep, fits.covered >= _LEAST_COVERED, "mostly masked")
    outlier = shape_outliers(difference, fits, column, row)
    if search.shape_filter:
        keep &= _counted(rejected, keep, ~outlier, "not of the shape of a star")
    keep &= _counted(rejected, keep, ~_doubles(fits, keep, difference.fwhm_px), "beside a brighter one")
    tested = adjust(difference, fits.x[keep], fits.y[keep], fits.chi2[keep])
    explained = np.zeros(column.size, np.bool_)
    explained[np.flatnonzero(keep)] = tested.explains
    if search.adjust_filter:
        keep &= _counted(rejected, keep, ~explained, "explained by a shift or a change of its star")
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(-fits.flux[chosen], kind="stable")]
    part = Fits(*(getattr(fits, name)[chosen] for name in Fits.__slots__))
    table = measured(difference, part.x, part.y, search, calibration=calibration, wcs=wcs, fits=part)
    significance = difference.significance[row[chosen], column[chosen]]
    table["snr"] = significance.astype(float)
    table["flags"] |= np.where(outlier[chosen], SHAPE, 0)
    adjustments = adjust(difference, part.x, part.y, part.chi2)
    table["adjust_dx"], table["adjust_dy"] = adjustments.shift_x_px, adjustments.shift_y_px
    table["adjust_scale"] = adjustments.scale
    table["adjust_chi2_0"], table["adjust_chi2"] = adjustments.chi2_before, adjustments.chi2_after
    table["adjust_pval"] = adjustments.p_value
    return Candidates(table, adjustments, {reason: count for reason, count in rejected.items() if count})


def peaks(difference: Difference, sn: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return columns and rows of the local maxima of significance of at least `sn`, the foremost first."""
    significance = difference.significance
    size = 5 if difference.fwhm_px > 2.5 else 3
    top = cv2.dilate(significance, np.ones((size, size), np.uint8))
    found = (significance >= max(sn, 1e-6)) & (significance == top) & ~difference.mask
    margin = _MARGIN + int(np.ceil(2 * difference.smoothing_px))
    found[:margin], found[-margin:], found[:, :margin], found[:, -margin:] = False, False, False, False
    row, column = np.nonzero(found)
    order = np.argsort(-significance[row, column], kind="stable")[:_MOST]
    return column[order].astype(np.int64), row[order].astype(np.int64)


def shape_outliers(
    difference: Difference, fits: Fits, column: NDArray[np.int64], row: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which sources the star image does not describe: cosmic rays, hot pixels, trails, halves of dipoles."""
    if not column.size:
        return np.zeros(0, np.bool_)
    # noise that hangs together makes chi2 scatter more
    spread = np.sqrt(2 * np.maximum((difference.correlation**2).sum(), 1.0) / fits.freedom)
    # a star image known from few stars is a little off, which shows on bright sources
    misfit = (_MISFIT * fits.flux / np.maximum(fits.flux_error, 1e-30)) ** 2 / fits.freedom
    outlier = fits.chi2 / fits.freedom > 1 + _CHI2_SIGMA * spread + misfit
    height, width = difference.diff.shape
    x, y = np.rint(fits.x).astype(int).clip(0, width - 1), np.rint(fits.y).astype(int).clip(0, height - 1)
    psf = difference.psf
    half = psf.shape[0] // 2
    outlier |= (fits.excess > _SHARP * fits.flux * psf[half, half]) & (
        fits.excess > _SHARP_SIGMA * difference.noise[y, x]
    )
    outlier |= ~(fits.flux > 0)
    reach = max(int(np.ceil(1.3 * difference.fwhm_px)), 2)
    axis = np.arange(-reach, reach + 1)
    rows, columns = (row[:, None] + axis).clip(0, height - 1), (column[:, None] + axis).clip(0, width - 1)
    darkest = difference.significance[rows[:, :, None], columns[:, None, :]].min(axis=(1, 2))
    outlier |= -darkest > np.maximum(_DARK * difference.significance[row, column], 4.0)
    return np.asarray(outlier, np.bool_)


def measured(
    difference: Difference,
    x: Floats,
    y: Floats,
    search: Search,
    *,
    calibration: Calibration | None = None,
    wcs: Wcs | None = None,
    fits: Fits | None = None,
) -> Table:
    """Return the object list of sources at 0-based positions (n,) on a difference.

    Without `fits` the positions are taken as they are, which is forced photometry.
    """
    sums = measure(difference, x, y, search.radius_px, gain=search.gain, ring_px=search.ring_px)
    table = Table()
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = np.where(sums.flux > 0, sums.flux, np.nan)
        table["mag"] = -2.5 * np.log10(positive)
        table["magerr"] = POGSON * sums.error / positive
    table["flux"], table["fluxerr"] = sums.flux, sums.error
    table["x"], table["y"] = x, y
    _add_shapes(table, difference, fits)
    table["flags"] = _flags(difference, sums, x, y, search.radius_px)
    table["NUMBER"] = np.arange(1, x.size + 1)
    if wcs is not None:
        table["ra"], table["dec"] = wcs.to_sky(x, y)
    table["bg"], table["bg_local"] = sums.background, sums.background
    table["npix_aper"], table["bg_fluxerr"] = sums.area_px, sums.background_error * np.pi * search.radius_px**2
    if calibration is not None:
        table["mag_calib"] = table["mag"] + calibration.at(x, y)
        table["mag_calib_err"] = np.hypot(table["magerr"], calibration.zero_point_error)
        table["mag_limit"] = limits(x, y, sums.error, calibration, sn=search.sn)
        table["mag_filter_name"] = np.full(x.size, calibration.band)
        table["mag_color_name"] = np.full(x.size, calibration.colour)
        table["mag_color_term"] = np.full(x.size, calibration.colour_term)
    for name, unit in (("flux", "ct"), ("fluxerr", "ct"), ("x", "pix"), ("y", "pix"), ("ra", "deg"), ("dec", "deg")):
        if name in table.colnames:
            table[name].unit = unit
    return table


def _add_shapes(table: Table, difference: Difference, fits: Fits | None) -> None:
    n = len(table)
    sigma = difference.fwhm_px / 2.3548
    table["xerr"] = fits.x_error if fits is not None else np.zeros(n)
    table["yerr"] = fits.y_error if fits is not None else np.zeros(n)
    table["a"], table["b"], table["theta"] = np.full(n, sigma), np.full(n, sigma), np.zeros(n)
    table["fwhm"], table["FLUX_RADIUS"] = np.full(n, difference.fwhm_px), np.full(n, 0.5 * difference.fwhm_px)
    if fits is not None:
        half = difference.psf.shape[0] // 2
        table["psf_flux"], table["psf_fluxerr"] = fits.flux, fits.flux_error
        table["chi2"] = fits.chi2 / fits.freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            table["MAG_AUTO"] = -2.5 * np.log10(np.where(fits.flux > 0, fits.flux, np.nan))
        table["FLUX_AUTO"] = fits.flux
        table["FLUX_MAX"] = fits.flux * difference.psf[half, half]


def _flags(difference: Difference, sums: Fluxes, x: Floats, y: Floats, radius_px: float) -> NDArray[np.int64]:
    height, width = difference.diff.shape
    flags = np.zeros(x.size, np.int64)
    flags[sums.masked] |= MASKED_APERTURE
    flags[sums.poor_ring] |= ANNULUS_POOR
    edge = (x < radius_px) | (y < radius_px) | (x > width - 1 - radius_px) | (y > height - 1 - radius_px)
    flags[edge] |= TRUNCATED
    if difference.mask.any() and x.size:
        near = cv2.dilate(difference.mask.astype(np.uint8), np.ones((3, 3), np.uint8))
        column, row = np.nan_to_num(x, nan=-1), np.nan_to_num(y, nan=-1)
        column, row = np.rint(column).astype(int).clip(0, width - 1), np.rint(row).astype(int).clip(0, height - 1)
        flags[near[row, column] > 0] |= MASKED_FOOTPRINT
    return flags


def _doubles(fits: Fits, among: NDArray[np.bool_], fwhm_px: float) -> NDArray[np.bool_]:
    """Say which peaks lie within half a FWHM of a more significant one: both fits went to the same source."""
    double = np.zeros(among.size, np.bool_)
    kept: list[int] = []
    for number in np.flatnonzero(among):
        near = [k for k in kept if np.hypot(fits.x[k] - fits.x[number], fits.y[k] - fits.y[number]) < 0.5 * fwhm_px]
        if near:
            double[number] = True
        else:
            kept.append(int(number))
    return double


def _counted(
    rejected: dict[str, int], among: NDArray[np.bool_], passed: NDArray[np.bool_], reason: str
) -> NDArray[np.bool_]:
    rejected[reason] = int(np.count_nonzero(among & ~passed))
    return passed
