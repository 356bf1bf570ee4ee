"""The map of significance: the matched-filtered difference over its noise, what bright stars leave included."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.science.changes.planes import Stars
from hven.science.changes.score import ScoreFilter, convolved, smoothed_like
from hven.science.changes.stamps import cut
from hven.science.stars.background import estimate_background

_BRIGHT_SNR = 60.0  # of stars whose residuals are looked at
_LEAST_POSITION_PX, _LEAST_SHARE = 0.003, 0.001
_UNKNOWN = 0.02, 0.01, 0.0  # where no star tells
_HALO_FWHM = 0.6  # by which the light is smoothed for the halo
_OUTER_FWHM = 1.3  # where it is looked at


def significance(
    diff: NDArray[np.float32],
    matched: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    filter_: ScoreFilter,
    variances: tuple[NDArray[np.float32], NDArray[np.float32]],
    stars: Stars,
    fwhm_px: float,
    cell: int,
) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    """Return the significance of a new source at each pixel (height, width), and what stars leave.

    Parameters
    ----------
    diff, matched : (height, width) float32
        The difference and the template that was subtracted, ADU.
    mask : (height, width) bool
        True where there is no difference.
    variances : (frame's, template's)
        (height, width) float32 each, ADU^2 a pixel, before either was convolved.
    stars : Stars
        Of the frame: their residuals show position errors (pixels), and profile errors (shares of light and halo).
    cell : int
        Pixels of the mesh on which the noise is measured beside the theory.

    """
    height = diff.shape[0]
    flux = convolved(diff, filter_.image)
    variance = smoothed_like(variances[0], filter_.frame_weight)
    variance += smoothed_like(variances[1], filter_.template_weight)
    # what the sky alone shows beyond the theory: drizzled, compressed and textured frames
    ratio = flux / np.sqrt(variance)
    seen = estimate_background(ratio, mask, cell)
    flux -= seen.level.rows(0, height) * np.sqrt(variance)
    factor = np.clip(seen.noise.rows(0, height), 0.7, None)
    variance *= factor**2
    light = convolved(np.maximum(matched, 0), filter_.image)
    slope = cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3, scale=0.125) ** 2
    slope += cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=3, scale=0.125) ** 2
    halo = cv2.GaussianBlur(light, (0, 0), _HALO_FWHM * fwhm_px)
    error = _star_error(flux, variance, (light, slope, halo), mask=mask, stars=stars, fwhm_px=fwhm_px)
    slope *= np.float32(error[0] ** 2)
    light *= np.float32(error[1])
    halo *= np.float32(error[2])
    variance += slope
    variance += light**2
    variance += halo**2
    flux /= np.sqrt(variance)
    flux[mask] = 0
    return flux, error


def _star_error(
    flux: NDArray[np.float32],
    variance: NDArray[np.float32],
    shapes: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    *,
    mask: NDArray[np.bool_],
    stars: Stars,
    fwhm_px: float,
) -> tuple[float, float, float]:
    """Return what stars leave on the filtered difference: a position error, pixels, and shares of light and halo.

    `shapes` are the filtered template's light, the square of its slope, and its halo. In a star's middle the slope
    vanishes and its light tells; around it the slope does, and further out what the kernel did not match.
    """
    light, slope, halo = shapes
    height, width = flux.shape
    reach = int(np.ceil(1.5 * fwhm_px)) + 1
    column, row = np.rint(stars.x).astype(int), np.rint(stars.y).astype(int)
    inside = (column > reach) & (row > reach) & (column < width - 1 - reach) & (row < height - 1 - reach)
    column, row = column[inside], row[inside]
    if column.size:
        whole = ~cut(mask, column, row, 2).any(axis=(1, 2))
        column, row = column[whole], row[whole]
    strength = light[row, column] / np.sqrt(np.maximum(variance[row, column], 1e-12))
    order = np.argsort(-strength)
    order = order[: max(int(np.count_nonzero(strength > _BRIGHT_SNR)), 20)][:400]
    column, row = column[order], row[order]
    if column.size < 5:
        return _UNKNOWN
    # medians do not see the few that vary; 0.4549 is the median of a squared normal deviate
    excess = (flux[row, column] ** 2 - 0.4549 * variance[row, column]) / np.maximum(light[row, column], 1e-6) ** 2
    share = float(np.sqrt(max(np.median(excess) / 0.4549, 0.0)))
    around = _ring(column, row, max(0.6 * fwhm_px, 1.0))
    squares = flux[around] ** 2 - variance[around] - share**2 * light[around] ** 2
    position = _root_of_median(squares, slope[around])
    outer = _ring(column, row, _OUTER_FWHM * fwhm_px)
    squares = flux[outer] ** 2 - variance[outer] - share**2 * light[outer] ** 2 - position**2 * slope[outer]
    wings = _root_of_median(squares, halo[outer] ** 2)
    return max(position, _LEAST_POSITION_PX), max(share, _LEAST_SHARE), wings


def _ring(
    column: NDArray[np.int64], row: NDArray[np.int64], radius_px: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of points about pixels, (n, points) each."""
    angles = np.arange(12) * np.pi / 6
    return (
        row[:, None] + np.rint(radius_px * np.sin(angles)).astype(np.int64),
        column[:, None] + np.rint(radius_px * np.cos(angles)).astype(np.int64),
    )


def _root_of_median(squares: NDArray[np.float32], scale: NDArray[np.float32]) -> float:
    """Return the root of the stars' median ratio of mean squares; 0 where noise accounts for all."""
    ratio = squares.mean(axis=1) / np.maximum(scale.mean(axis=1), 1e-12)
    return float(np.sqrt(max(float(np.median(ratio)), 0.0)))
