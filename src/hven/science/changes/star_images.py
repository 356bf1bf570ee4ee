"""Making the star images of two frames alike: how much to smooth one, and the kernel for the other."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.changes.kernel import KernelFit, SpatialKernel, fit_kernel, gaussian_basis
from hven.science.changes.planes import Plane, Stars
from hven.science.changes.profiles import varying_profile
from hven.science.changes.register import centroids
from hven.science.changes.stamps import Shapes, cut, shapes, spread
from hven.science.stars.background import Background, estimate_background

Floats = NDArray[np.float64]
_BROADER = 0.25  # by which share of the template's variance the frame's star images must exceed them
_LEAST_SMOOTHING = 0.45  # pixels, sigma
_SNR = 20.0
_ALIKE = 1.5  # how far a star's size may be from the usual one, as a factor of its area
_TELLING = 10  # brightest stars that tell how much smoothing is needed, at least
_ENOUGH = 12  # stars, from which galaxies and blends are not asked for the kernel
_FULL = 0.85  # of saturation, above which a star gives no stamp
_MODEL_ERROR = 0.01  # of the light of a pixel: no kernel describes a star better
_LONELY = 12  # stars without neighbours, from which the others are not asked
_NEIGHBOUR = 0.03  # of a star's light, above which another one matters
_TOO_FEW = "Fewer than three unsaturated stars are seen on both frames; their star images cannot be matched."


@dataclass(frozen=True, slots=True)
class Flat:
    """A frame above its background."""

    data: NDArray[np.float32]  # (height, width), ADU, 0 where there is no value
    bad: NDArray[np.bool_]
    sky: Background
    gain: float | None  # electrons per ADU

    @property
    def sky_noise(self) -> float:
        """Typical standard deviation of a pixel of empty sky, ADU."""
        return float(np.median(self.sky.noise.values))

    def variance(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the variance of pixels that hold `light` above the sky, ADU^2."""
        variance = self.sky.noise.rows(0, self.data.shape[0]) ** 2
        if self.gain is not None:
            variance += np.maximum(light, 0) / np.float32(self.gain)
        return np.asarray(variance, np.float32)


@dataclass(frozen=True, slots=True)
class Widths:
    """Star images of the same stars on both frames."""

    frame: Shapes
    template: Shapes
    stars: Stars  # what looks like a star on both: not galaxies, not blends
    smoothing_px: float  # sigma of the Gaussian that the frame needs, so that the kernel only broadens


def flatten(plane: Plane, cell: int) -> Flat:
    """Take the background off a frame, on a mesh of `cell` pixels."""
    bad = plane.bad()
    pixels = np.array(plane.data, np.float32)
    pixels[bad] = 0
    sky = estimate_background(pixels, bad, cell)
    pixels -= sky.level.rows(0, pixels.shape[0])
    pixels[bad] = 0
    return Flat(pixels, bad, sky, plane.gain)


def unsaturated(frame: Plane, stars: Stars) -> NDArray[np.int64]:
    """Return the stars of good S/N that are not full, brightest first."""
    height, width = frame.data.shape
    column, row = np.rint(stars.x).astype(int).clip(1, width - 2), np.rint(stars.y).astype(int).clip(1, height - 2)
    good = stars.snr > _SNR
    if np.count_nonzero(good) < 20:
        good = stars.snr > _SNR / 2
    if frame.saturation is not None:
        top = np.asarray(cut(frame.data, column, row, 1), np.float64).max(axis=(1, 2))
        good &= top < _FULL * frame.saturation
    if frame.mask is not None:
        good &= ~frame.mask[row, column]
    chosen = np.flatnonzero(good)
    return np.asarray(chosen[np.argsort(-stars.flux[chosen], kind="stable")], np.int64)


def measure_widths(frame: Flat, template: Flat, stars: Stars, fwhm_px: float) -> Widths:
    """Measure the star images of shared stars; `stars` are unsaturated ones.

    Raises
    ------
    Invalid
        Fewer than three are seen on both frames.

    """
    height, width = frame.data.shape
    half = int(np.ceil(2.0 * fwhm_px)) + 3
    chosen = spread(stars.x, stars.y, stars.flux, width, height, margin=half)
    column, row = np.rint(stars.x[chosen]).astype(int), np.rint(stars.y[chosen]).astype(int)
    whole = ~cut(frame.bad | template.bad, column, row, 2).any(axis=(1, 2))
    chosen, column, row = chosen[whole], column[whole], row[whole]
    if column.size < 3:
        raise Invalid(_TOO_FEW)
    one = shapes(cut(frame.data, column, row, half), fwhm_px)
    two = shapes(cut(template.data, column, row, half), fwhm_px)
    good = one.good & two.good
    if np.count_nonzero(good) < 3:
        good = np.ones(column.size, np.bool_)
    good &= _star_like(one, stars.flux[chosen], good) & _star_like(two, stars.flux[chosen], good)
    a, b = (Shapes(s.xx[good], s.yy[good], s.xy[good], s.good[good]) for s in (one, two))
    brightest = np.argsort(-stars.flux[chosen[good]])[: max(_TELLING, np.count_nonzero(good) // 2)]
    return Widths(a, b, stars.chosen(chosen[good]), _needed_smoothing(a, b, brightest))


def _star_like(found: Shapes, flux: Floats, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which shapes are about as large as those of the brightest sources, which stars mostly are."""
    size = found.xx + found.yy
    order = np.flatnonzero(good)[np.argsort(-flux[good])]
    usual = float(np.median(size[order[: max(5, order.size // 2)]]))
    alike = np.abs(np.log(size / usual)) < np.log(_ALIKE)
    return alike if np.count_nonzero(alike & good) >= 3 else np.ones(size.size, np.bool_)


def match_star_images(
    smoothed: NDArray[np.float32],
    frame: Flat,
    template: Flat,
    stars: Stars,
    widths: Widths,
    *,
    smooth_line: Floats,
    order: int | None = None,
    flux_order: int | None = None,
) -> tuple[KernelFit, NDArray[np.int64], NDArray[np.int64]]:
    """Fit the kernel that gives the template the star images of the smoothed frame.

    Returns the fit, and columns and rows of the stamps that it was offered.

    Raises
    ------
    Invalid
        Too few stars are seen on both frames.

    """
    height, width = smoothed.shape
    if widths.stars.x.size >= _ENOUGH:
        stars = widths.stars
    target = float(np.median(widths.frame.xx + widths.frame.yy) / 2 + widths.smoothing_px**2)
    source = float(np.median(widths.template.xx + widths.template.yy) / 2)
    sigma = float(np.sqrt(max(target - source, 0.3**2, 0.04 * target)))
    broad = float(np.sqrt(target))
    # a core, the body, and wings that Gaussians do not have
    sigmas = (max(0.5, 0.7 * sigma), max(0.9, 1.5 * sigma, 0.5 * broad), max(1.8, 2.5 * sigma, 1.6 * broad))
    half = int(np.ceil(3.3 * sigmas[-1]))
    basis = gaussian_basis(sigmas, (4, 3, 2), half)
    stamp = int(np.ceil(2.8 * 2.3548 * broad)) + 1
    chosen = spread(stars.x, stars.y, stars.flux, width, height, margin=stamp + half + 1)
    column, row = np.rint(stars.x[chosen]).astype(int), np.rint(stars.y[chosen]).astype(int)
    if column.size < 3:
        raise Invalid(_TOO_FEW)
    # the template's light says what noise to expect: weights by the frame's own would favour its low pixels
    light = np.maximum(cv2.GaussianBlur(template.data, (0, 0), sigma), 0)
    light *= _ratio(smoothed, template.data, column, row, stamp)
    variance = frame.variance(np.zeros_like(light)) * np.float32((smooth_line**2).sum() ** 2)
    if frame.gain is not None:
        variance += light / np.float32(frame.gain)
    light *= np.float32(_MODEL_ERROR)
    variance += light**2
    fit = fit_kernel(
        smoothed, template.data, variance, column, row, basis=basis, half=stamp,
        mask=frame.bad | template.bad, order=order, flux_order=flux_order,
    )  # fmt: skip
    return fit, column, row


def star_profiles(
    frame: Flat, stars: Stars, like: Stars, column: NDArray[np.int64], row: NDArray[np.int64], *, fwhm_px: float
) -> SpatialKernel:
    """Return the frame's star image, as it varies, from stars in the middle of stamps; lonely ones if there are some.

    `stars` are all that were detected, `like` those that look like stars.
    """
    height, width = frame.data.shape
    half = int(np.ceil(3.0 * fwhm_px)) + 1
    wanted = _near(like, column, row)
    if np.count_nonzero(wanted) >= 3:
        column, row = column[wanted], row[wanted]
    lonely = _lonely(stars, column, row, 3.0 * fwhm_px)
    if np.count_nonzero(lonely) >= _LONELY:
        column, row = column[lonely], row[lonely]
    x, y, good = centroids(frame.data, column.astype(float), row.astype(float), fwhm_px, mask=frame.bad)
    inside = (column >= half) & (row >= half) & (column < width - half) & (row < height - half)
    good &= inside
    if np.count_nonzero(good) < 3:
        good = inside
    column, row = column[good], row[good]
    if not column.size:
        raise Invalid(_TOO_FEW)
    bad = cut(frame.bad, column, row, half).astype(np.bool_)
    x, y = np.clip(x[good], column - 0.5, column + 0.5), np.clip(y[good], row - 0.5, row + 0.5)
    return varying_profile(
        cut(frame.data, column, row, half), column, row, offsets=(x - column, y - row), size=(width, height), bad=bad
    )


def _near(stars: Stars, column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which places are those of stars of a list."""
    distance, _ = cKDTree(np.column_stack([stars.x, stars.y])).query(np.column_stack([column, row]))
    return np.asarray(distance < 1.5, np.bool_)


def _lonely(stars: Stars, column: NDArray[np.int64], row: NDArray[np.int64], reach_px: float) -> NDArray[np.bool_]:
    """Say which places have one star that matters within reach."""
    tree = cKDTree(np.column_stack([stars.x, stars.y]))
    near = tree.query_ball_point(np.column_stack([column, row]), reach_px)
    found = np.ones(column.size, np.bool_)
    for number, members in enumerate(near):
        light = np.sort(stars.flux[members])[::-1]
        found[number] = light.size < 2 or light[1] < _NEIGHBOUR * light[0]
    return found


def _ratio(
    target: NDArray[np.float32],
    source: NDArray[np.float32],
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    half: int,
) -> np.float32:
    """Return roughly how much brighter the stars are on one frame than on the other."""
    ratio = cut(target, column, row, half).sum(axis=(1, 2)) / np.maximum(
        cut(source, column, row, half).sum(axis=(1, 2)), 1e-6
    )
    return np.float32(max(float(np.median(ratio)), 1e-6))


def _needed_smoothing(frame: Shapes, template: Shapes, which: NDArray[np.int64]) -> float:
    """Return the sigma, pixels, by which the frame must be smoothed for a kernel that only broadens."""
    xx, yy, xy = ((1 + _BROADER) * t - f for f, t in (
        (frame.xx, template.xx), (frame.yy, template.yy), (frame.xy, template.xy)
    ))  # fmt: skip
    lack = np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-1)
    worst = float(np.percentile(np.linalg.eigvalsh(lack[which])[:, -1], 75))
    return float(max(np.sqrt(worst), _LEAST_SMOOTHING)) if worst > 0 else 0.0
