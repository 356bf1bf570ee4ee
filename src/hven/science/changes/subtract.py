"""Subtracting a template from a frame: matched star images, honest noise, and a map of significance.

The frame is smoothed a little where the template is not the sharper one, so that the kernel always broadens; the
score's filter, made for the noise of both frames, takes that smoothing back as far as the noise lets it. What bright
stars leave behind by errors of position and profile is measured on the frame's own stars and counted as noise there
(as the astrometric noise of Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27, section 3.3).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.kernel import KernelFit, SpatialKernel, fit_kernel, gaussian_basis
from hven.science.changes.planes import Difference, Plane
from hven.science.changes.register import centroids, register
from hven.science.changes.score import ScoreFilter, convolved, correlation, gaussian_line, score_filter, smoothed_like
from hven.science.changes.profiles import varying_profile
from hven.science.changes.stamps import Shapes, cut, shapes, spread
from hven.science.changes.warp import warp
from hven.science.stars.background import Background, estimate_background
from hven.science.stars.detect import detect, measure_fwhm

Floats = NDArray[np.float64]
_CELL = 128  # pixels of the backgrounds' mesh
_BROADER = 0.25  # by which share of the template's variance the frame's star images must exceed them
_LEAST_SMOOTHING = 0.45  # pixels, sigma
_STAMP_SNR = 20.0
_BRIGHT_SNR = 60.0  # of stars whose residuals are looked at
_TRANSLATED_PX = 0.15  # corrections of the projection below this are left to the kernel
_LOST = 0.02  # of the kernel's weight that masked pixels may hold
_MODEL_ERROR = 0.01  # of the light of a pixel: no kernel describes a star better
_FULL = 0.85  # of saturation, above which a star gives no stamp


@dataclass(frozen=True, slots=True)
class Options:
    """How to subtract; None: found from the frames."""

    order: int | None = None  # of the kernel's variation over the frame
    flux_order: int | None = None  # of the photometric scale's
    mesh_px: int | None = None  # of the backgrounds
    fwhm_px: float | None = None  # of the frame's stars
    template_fwhm_px: float | None = None  # of the template's, on the frame's grid


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Stars:
    """Where stars of the frame are; arrays of one length n."""

    x: Floats  # 0-based pixels
    y: Floats
    flux: Floats  # ADU
    snr: Floats


def subtract_from(
    frame: Plane, template: Plane, *, stars: Stars | None = None, options: Options = DEFAULT
) -> Difference:
    """Subtract a template that lies on a grid of its own: register, resample, subtract.

    Parameters
    ----------
    frame, template : Plane
        Both with a projection.
    stars : Stars, optional
        Of the frame; detected where not given.

    Raises
    ------
    Invalid
        A projection is missing, the frames do not overlap, or no stars are shared; as `subtract`.

    """
    frame, template = frame.checked("frame"), template.checked("template")
    if frame.wcs is None or template.wcs is None:
        raise Invalid("The frame and its template both need a projection onto the sky; solve them first.")
    stars = stars or found_stars(frame)
    bright = _unsaturated(frame, stars)
    mask = _whole_mask(template)
    correction = None
    fwhm = options.fwhm_px or measure_fwhm(frame.data, frame.mask)
    found = register(
        frame.data, frame.wcs, template.data, template.wcs, stars.x[bright], stars.y[bright], fwhm_px=fwhm,
        frame_mask=frame.mask, template_mask=mask,
    )  # fmt: skip
    if found is not None:
        height, width = template.data.shape
        if found.largest_px(width, height) > _TRANSLATED_PX:
            correction = found.correction
    warped = warp(template.data, template.wcs, frame.wcs, mask=mask, correction=correction)
    gain = None if template.gain is None else template.gain
    aligned = Plane(warped.data, warped.mask, gain, frame.wcs)
    return subtract(frame, aligned, stars=stars, options=replace(options, fwhm_px=fwhm))


def found_stars(frame: Plane) -> Stars:
    """Detect the stars of a frame."""
    seen = detect(frame.data, frame.mask, saturation=frame.saturation)
    return Stars(seen.x, seen.y, seen.flux, seen.snr)


def subtract(frame: Plane, template: Plane, *, stars: Stars | None = None, options: Options = DEFAULT) -> Difference:
    """Subtract a template on the frame's grid.

    Parameters
    ----------
    frame, template : Plane
        Of one size.
    stars : Stars, optional
        Of the frame; detected where not given.

    Raises
    ------
    Invalid
        The frames differ in size, all pixels are masked, a gain is not positive, or fewer than three stars are shared.

    """
    frame, template = frame.checked("frame"), template.checked("template")
    if frame.data.shape != template.data.shape:
        raise Invalid("The frame and its template differ in size; the template must be resampled onto the frame first.")
    work = _Work(frame, template, options)
    if work.mask.mean() > 0.999:
        raise Invalid("Nothing is left to subtract: the masks of frame and template cover every pixel.")
    if work.is_same:
        return work.nothing()
    return work.difference(stars or found_stars(frame))


def _whole_mask(plane: Plane) -> NDArray[np.bool_]:
    """Return where a frame has no value: masked, not finite, saturated."""
    bad = np.zeros(plane.data.shape, np.bool_) if plane.mask is None else plane.mask.copy()
    if np.issubdtype(plane.data.dtype, np.floating):
        bad |= ~np.isfinite(plane.data)
    if plane.saturation is not None:
        bad |= plane.data >= plane.saturation
    return bad


def _unsaturated(frame: Plane, stars: Stars) -> NDArray[np.int64]:
    """Return stars of good S/N that are not full, brightest first."""
    height, width = frame.data.shape
    column, row = np.rint(stars.x).astype(int).clip(1, width - 2), np.rint(stars.y).astype(int).clip(1, height - 2)
    good = stars.snr > _STAMP_SNR
    if np.count_nonzero(good) < 20:
        good = stars.snr > _STAMP_SNR / 2
    if frame.saturation is not None:
        top = cut(frame.data, column, row, 1).max(axis=(1, 2))
        good &= top < _FULL * frame.saturation
    if frame.mask is not None:
        good &= ~frame.mask[row, column]
    chosen = np.flatnonzero(good)
    return np.asarray(chosen[np.argsort(-stars.flux[chosen], kind="stable")], np.int64)


class _Work:
    """One subtraction under way."""

    def __init__(self, frame: Plane, template: Plane, options: Options) -> None:
        self.frame, self.template, self.options = frame, template, options
        self.height, self.width = frame.data.shape
        self.frame_bad, self.template_bad = _whole_mask(frame), _whole_mask(template)
        self.mask = self.frame_bad | self.template_bad
        cell = options.mesh_px or min(_CELL, max(min(self.height, self.width) // 4, 16))
        self.cell = cell

    @property
    def is_same(self) -> bool:
        """Say whether the template is the frame itself."""
        a, b = self.frame.data, self.template.data
        middle = self.height // 2
        if (a[middle][~self.mask[middle]] != b[middle][~self.mask[middle]]).any():
            return False
        return bool(((a == b) | self.mask).all())

    def nothing(self) -> Difference:
        """Return the difference of a frame and itself."""
        data = np.where(self.frame_bad, 0, self.frame.data).astype(np.float32)
        sky = estimate_background(data, self.frame_bad, self.cell)
        noise = sky.noise.rows(0, self.height)
        empty = np.zeros(data.shape, np.float32)
        one = np.ones((1, 1))
        fwhm = self.options.fwhm_px or measure_fwhm(data, self.frame_bad)
        line = gaussian_line(fwhm / 2.3548)
        psf = np.outer(line, line)
        return Difference(
            diff=empty, noise=noise, convolved=data - sky.level.rows(0, self.height), significance=empty.copy(),
            mask=self.mask, kernel=SpatialKernel(one[None], 0, self.width, self.height), psf=psf, frame_psf=psf,
            profiles=SpatialKernel(psf[None], 0, self.width, self.height),
            smoothing_px=0.0, correlation=one, star_error=(0.0, 0.0), peak_density=0.0, stars=0, chi2=0.0, fwhm_px=fwhm,
            template_fwhm_px=fwhm, identical=True,
        )  # fmt: skip

    def difference(self, stars: Stars) -> Difference:
        """Match the star images, subtract and weigh."""
        science, frame_sky = self._flattened(self.frame.data, self.frame_bad)
        reference, template_sky = self._flattened(self.template.data, self.template_bad)
        fwhm = self.options.fwhm_px or measure_fwhm(science, self.frame_bad)
        bright = _unsaturated(self.frame, stars)
        sigma_frame, sigma_template = float(np.median(frame_sky.noise.values)), float(
            np.median(template_sky.noise.values)
        )
        frame_shapes, template_shapes, smoothing = self._widths(science, reference, stars, bright, fwhm)
        smooth_line = gaussian_line(smoothing)
        smoothed = science
        if smoothing > 0:
            line = smooth_line.astype(np.float32)
            smoothed = cv2.sepFilter2D(science, -1, line, line, borderType=cv2.BORDER_REFLECT_101)
        level_noise = frame_sky.noise.rows(0, self.height)
        fit, column, row = self._kernel(smoothed, reference, stars, bright, level_noise=level_noise,
                                        smooth_line=smooth_line, widths=(frame_shapes, template_shapes, smoothing))
        kernel = fit.kernel
        matched = kernel.convolve(reference)
        diff = smoothed - matched
        middle = kernel.at((self.width - 1) / 2, (self.height - 1) / 2)
        smooth = np.outer(smooth_line, smooth_line)
        mask = _grown(self.template_bad, middle) | (_grown(self.frame_bad, smooth) if smoothing > 0 else self.frame_bad)
        if mask.mean() > 0.999:
            raise Invalid("Nothing is left of the difference: masked pixels reach everywhere by the kernel.")
        left = estimate_background(diff, mask, self.cell)
        diff -= left.level.rows(0, self.height)
        diff[mask] = 0
        # --- noise -------------------------------------------------------------------------------------------
        frame_variance = level_noise**2
        if self.frame.gain is not None:
            frame_variance += np.maximum(matched, 0) / np.float32(self.frame.gain)
        template_variance = template_sky.noise.rows(0, self.height) ** 2
        if self.template.gain is not None:
            template_variance += np.maximum(reference, 0) / np.float32(self.template.gain)
        profiles = self._profile(science, column[fit.used], row[fit.used], fwhm)
        frame_psf = profiles.at((self.width - 1) / 2, (self.height - 1) / 2)
        profiles = replace(profiles, planes=np.stack([_convolved_profile(plane, smooth) for plane in profiles.planes]))
        psf = profiles.at((self.width - 1) / 2, (self.height - 1) / 2)
        half = int(np.ceil(1.6 * max(fwhm, 2.0))) + 2
        filter_ = score_filter(psf, smooth, middle, sigma_frame, sigma_template, half)
        noise = smoothed_like(frame_variance, smooth**2) if smoothing > 0 else frame_variance.copy()
        noise += smoothed_like(template_variance, middle**2)
        np.sqrt(noise, out=noise)
        significance, star_error = self._significance(
            diff, matched, mask, filter_, (frame_variance, template_variance), stars, fwhm
        )  # fmt: skip
        size = 2 * int(np.ceil(3 * fwhm)) + 1
        return Difference(
            diff=diff, noise=noise, convolved=matched, significance=significance, mask=mask, kernel=kernel, psf=psf,
            profiles=profiles, frame_psf=frame_psf, smoothing_px=smoothing,
            correlation=correlation(smooth, middle, sigma_frame, sigma_template, min(size, 47)),
            star_error=star_error, peak_density=filter_.peak_density, stars=int(np.count_nonzero(fit.used)), chi2=fit.chi2,
            fwhm_px=float(np.median(frame_shapes.fwhm_px)), template_fwhm_px=float(np.median(template_shapes.fwhm_px)),
        )  # fmt: skip

    def _flattened(
        self, data: NDArray[np.generic], bad: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], Background]:
        """Return pixels above their background, 0 where there is none, and the background."""
        pixels = np.array(data, np.float32)
        pixels[bad] = 0
        sky = estimate_background(pixels, bad, self.cell)
        pixels -= sky.level.rows(0, self.height)
        pixels[bad] = 0
        return pixels, sky

    def _widths(
        self,
        science: NDArray[np.float32],
        reference: NDArray[np.float32],
        stars: Stars,
        bright: NDArray[np.int64],
        fwhm: float,
    ) -> tuple[Shapes, Shapes, float]:
        """Measure star images on both frames at shared stars, and say how much to smooth the frame, pixels."""
        wide = max(fwhm, self.options.template_fwhm_px or fwhm)
        half = int(np.ceil(2.0 * wide)) + 3
        chosen = bright[spread(stars.x[bright], stars.y[bright], stars.flux[bright], self.width, self.height, margin=half)]
        column, row = np.rint(stars.x[chosen]).astype(int), np.rint(stars.y[chosen]).astype(int)
        whole = ~cut(self.mask, column, row, 2).any(axis=(1, 2))
        column, row = column[whole], row[whole]
        if column.size < 3:
            raise Invalid("Fewer than three unsaturated stars are seen on both frames; their star images cannot be matched.")
        a, b = shapes(cut(science, column, row, half), wide), shapes(cut(reference, column, row, half), wide)
        good = a.good & b.good
        if np.count_nonzero(good) < 3:
            good = np.ones(column.size, np.bool_)
        one = Shapes(a.xx[good], a.yy[good], a.xy[good], a.good[good])
        two = Shapes(b.xx[good], b.yy[good], b.xy[good], b.good[good])
        needed = _needed_smoothing(one, two)
        return one, two, needed

    def _kernel(
        self,
        smoothed: NDArray[np.float32],
        reference: NDArray[np.float32],
        stars: Stars,
        bright: NDArray[np.int64],
        *,
        level_noise: NDArray[np.float32],
        smooth_line: Floats,
        widths: tuple[Shapes, Shapes, float],
    ) -> tuple[KernelFit, NDArray[np.int64], NDArray[np.int64]]:
        """Fit the kernel; return the stamps' middles too."""
        one, two, smoothing = widths
        target = np.median(one.xx + one.yy) / 2 + smoothing**2
        source = np.median(two.xx + two.yy) / 2
        sigma = float(np.sqrt(max(target - source, 0.3**2, 0.04 * target)))
        broad = float(np.sqrt(target))
        sigmas = (max(0.5, 0.7 * sigma), max(0.9, 1.5 * sigma, 0.5 * broad), max(1.8, 2.5 * sigma, 1.6 * broad))
        half = int(np.ceil(3.3 * sigmas[-1]))
        basis = gaussian_basis(sigmas, (4, 3, 2), half)
        stamp = int(np.ceil(2.8 * 2.3548 * broad)) + 1
        chosen = bright[
            spread(stars.x[bright], stars.y[bright], stars.flux[bright], self.width, self.height, margin=stamp + half + 1)
        ]
        column, row = np.rint(stars.x[chosen]).astype(int), np.rint(stars.y[chosen]).astype(int)
        variance = level_noise**2
        if smooth_line.size > 1:
            variance = variance * np.float32((smooth_line**2).sum() ** 2)
        # the template's light says what noise to expect: weights by the frame's own would favour its low pixels
        light = np.maximum(cv2.GaussianBlur(reference, (0, 0), sigma), 0)
        light *= _ratio(smoothed, reference, column, row, stamp)
        if self.frame.gain is not None:
            variance = variance + light / np.float32(self.frame.gain)
        light *= np.float32(_MODEL_ERROR)
        variance = variance + light**2
        fit = fit_kernel(
            smoothed, reference, variance, column, row, basis=basis, half=stamp,
            mask=self.mask, order=self.options.order, flux_order=self.options.flux_order,
        )  # fmt: skip
        return fit, column, row

    def _profile(
        self, science: NDArray[np.float32], column: NDArray[np.int64], row: NDArray[np.int64], fwhm: float
    ) -> SpatialKernel:
        """Return the frame's star image, as it varies, from the stamps that the kernel rests on."""
        half = int(np.ceil(3.0 * fwhm)) + 1
        x, y, good = centroids(science, column.astype(float), row.astype(float), fwhm, mask=self.frame_bad)
        inside = (column >= half) & (row >= half) & (column < self.width - half) & (row < self.height - half)
        good &= inside
        if np.count_nonzero(good) < 3:
            good = inside
        column, row = column[good], row[good]
        bad = cut(self.frame_bad, column, row, half).astype(np.bool_)
        u, v = x[good] - column, y[good] - row
        return varying_profile(cut(science, column, row, half), column + u, row + v, (self.width, self.height), bad)

    def _significance(
        self,
        diff: NDArray[np.float32],
        matched: NDArray[np.float32],
        mask: NDArray[np.bool_],
        filter_: ScoreFilter,
        variances: tuple[NDArray[np.float32], NDArray[np.float32]],
        stars: Stars,
        fwhm: float,
    ) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """Return the matched-filtered difference over its noise, and what bright stars leave."""
        flux = convolved(diff, filter_.image)
        variance = smoothed_like(variances[0], filter_.frame_weight)
        variance += smoothed_like(variances[1], filter_.template_weight)
        # what the sky alone shows beyond the theory: drizzled, compressed and textured frames
        ratio = flux / np.sqrt(variance)
        seen = estimate_background(ratio, mask, min(self.cell, 64))
        flux -= seen.level.rows(0, self.height) * np.sqrt(variance)
        factor = np.clip(seen.noise.rows(0, self.height), 0.7, None)
        variance *= factor**2
        light = convolved(np.maximum(matched, 0), filter_.image)
        slope = cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3, scale=0.125) ** 2
        slope += cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=3, scale=0.125) ** 2
        error = _star_error(flux, variance, light, slope, mask=mask, stars=stars, fwhm=fwhm)
        slope *= np.float32(error[0] ** 2)
        light *= np.float32(error[1])
        variance += slope
        variance += light**2
        flux /= np.sqrt(variance)
        flux[mask] = 0
        return flux, error


def _ratio(
    target: NDArray[np.float32], source: NDArray[np.float32], column: NDArray[np.int64], row: NDArray[np.int64], half: int
) -> np.float32:
    """Return roughly how much brighter the stars are on one frame than on the other."""
    if not column.size:
        return np.float32(1.0)
    ratio = cut(target, column, row, half).sum(axis=(1, 2)) / np.maximum(
        cut(source, column, row, half).sum(axis=(1, 2)), 1e-6
    )
    return np.float32(max(float(np.median(ratio)), 1e-6))


def _needed_smoothing(frame: Shapes, template: Shapes) -> float:
    """Return the sigma, pixels, by which the frame must be smoothed for a kernel that only broadens."""
    lack = np.stack(
        [
            np.stack([(1 + _BROADER) * template.xx - frame.xx, (1 + _BROADER) * template.xy - frame.xy], axis=-1),
            np.stack([(1 + _BROADER) * template.xy - frame.xy, (1 + _BROADER) * template.yy - frame.yy], axis=-1),
        ],
        axis=-1,
    )
    worst = float(np.percentile(np.linalg.eigvalsh(lack)[:, -1], 75))
    if worst <= 0:
        return 0.0
    return float(max(np.sqrt(worst), _LEAST_SMOOTHING))


def _grown(bad: NDArray[np.bool_], kernel: Floats) -> NDArray[np.bool_]:
    """Return where a kernel takes more than a little of its weight from masked pixels."""
    if not bad.any():
        return bad
    half = kernel.shape[0] // 2
    axis = np.arange(-half, half + 1)
    distance = np.hypot(axis[:, None], axis)
    weight = np.abs(kernel)
    radius = 1
    while radius < half and weight[distance > radius].sum() > _LOST * weight.sum():
        radius += 1
    disc = (distance[half - radius : half + radius + 1, half - radius : half + radius + 1] <= radius).astype(np.uint8)
    return np.asarray(cv2.dilate(bad.astype(np.uint8), disc), np.bool_)


def _convolved_profile(psf: Floats, smooth: Floats) -> Floats:
    if smooth.size == 1:
        return psf
    return np.asarray(cv2.filter2D(psf, -1, smooth, borderType=cv2.BORDER_CONSTANT), np.float64)


def _star_error(
    flux: NDArray[np.float32],
    variance: NDArray[np.float32],
    light: NDArray[np.float32],
    slope: NDArray[np.float32],
    *,
    mask: NDArray[np.bool_],
    stars: Stars,
    fwhm: float,
) -> tuple[float, float]:
    """Return what stars leave on the filtered difference: a position error, pixels, and a share of their light.

    In a star's middle the slope vanishes and its light tells; around it the slope does.
    """
    height, width = flux.shape
    reach = int(np.ceil(1.5 * fwhm)) + 1
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
        return 0.02, 0.01
    # medians do not see the few that vary; 0.4549 is the median of a squared normal deviate
    excess = (flux[row, column] ** 2 - 0.4549 * variance[row, column]) / np.maximum(light[row, column], 1e-6) ** 2
    share = float(np.sqrt(max(np.median(excess) / 0.4549, 0.0)))
    ring = max(0.6 * fwhm, 1.0)
    angles = np.arange(8) * np.pi / 4
    around_x = column[:, None] + np.rint(ring * np.cos(angles)).astype(int)
    around_y = row[:, None] + np.rint(ring * np.sin(angles)).astype(int)
    squares = flux[around_y, around_x] ** 2 - variance[around_y, around_x]
    squares = squares - share**2 * light[around_y, around_x] ** 2
    mean_slope = np.maximum(slope[around_y, around_x].mean(axis=1), 1e-12)
    position = float(np.sqrt(max(np.median(squares.mean(axis=1) / mean_slope), 0.0)))
    return max(position, 0.003), max(share, 0.001)
