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
_UNKNOWN = 0.02, 0.01  # where no star tells


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
) -> tuple[NDArray[np.float32], tuple[float, float]]:
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
        Of the frame: their residuals show position errors (pixels) and profile errors (share of their light).
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
    error = _star_error(flux, variance, light, slope, mask=mask, stars=stars, fwhm_px=fwhm_px)
    slope *= np.float32(error[0] ** 2)
    light *= np.float32(error[1])
    variance += slope
    variance += light**2
    flux /= np.sqrt(variance)
    flux[mask] = 0
    return flux, error


def _star_error(
    flux: NDArray[np.float32],
    variance: NDArray[np.float32],
    light: NDArray[np.float32],
    slope: NDArray[np.float32],
    *,
    mask: NDArray[np.bool_],
    stars: Stars,
    fwhm_px: float,
) -> tuple[float, float]:
    """Return what stars leave on the filtered difference: a position error, pixels, and a share of their light.

    In a star's middle the slope vanishes and its light tells; around it the slope does.
    """
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
    ring = max(0.6 * fwhm_px, 1.0)
    angles = np.arange(8) * np.pi / 4
    around_x = column[:, None] + np.rint(ring * np.cos(angles)).astype(int)
    around_y = row[:, None] + np.rint(ring * np.sin(angles)).astype(int)
    squares = flux[around_y, around_x] ** 2 - variance[around_y, around_x]
    squares = squares - share**2 * light[around_y, around_x] ** 2
    mean_slope = np.maximum(slope[around_y, around_x].mean(axis=1), 1e-12)
    position = float(np.sqrt(max(np.median(squares.mean(axis=1) / mean_slope), 0.0)))
    return max(position, _LEAST_POSITION_PX), max(share, _LEAST_SHARE)
