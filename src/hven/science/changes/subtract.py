"""Subtracting a template from a frame: matched star images, honest noise, and a map of significance.

The frame is smoothed a little where the template is not the sharper one, so that the kernel always broadens; the
score's filter, made for the noise of both frames, takes that smoothing back as far as the noise lets it. What bright
stars leave behind by errors of position and profile is measured on the frame's own stars and counted as noise there
(as the astrometric noise of Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27, section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.kernel import SpatialKernel
from hven.science.changes.planes import Difference, Plane, Stars
from hven.science.changes.register import register
from hven.science.changes.score import correlation, gaussian_line, score_filter, smoothed_like
from hven.science.changes.significance import significance
from hven.science.changes.star_images import (
    Flat,
    flatten,
    match_star_images,
    measure_widths,
    star_profiles,
    unsaturated,
)
from hven.science.changes.warp import warp
from hven.science.stars.background import estimate_background
from hven.science.stars.detect import detect, measure_fwhm

Floats = NDArray[np.float64]
External = Callable[[Flat, Flat, float], tuple[NDArray[np.float32], NDArray[np.float32]]]
_CELL = 128  # pixels of the backgrounds' mesh
_NOISE_CELL = 64  # of the mesh on which the significance's noise is measured
_TRANSLATED_PX = 0.15  # corrections of the projection below this are left to the kernel
_LOST = 0.02  # of the kernel's weight that masked pixels may hold
_COVERED = 0.999  # share of masked pixels from which nothing is left


@dataclass(frozen=True, slots=True)
class Options:
    """How to subtract; None: found from the frames."""

    order: int | None = None  # of the kernel's variation over the frame
    flux_order: int | None = None  # of the photometric scale's
    mesh_px: int | None = None  # of the backgrounds
    fwhm_px: float | None = None  # of the frame's stars
    template_fwhm_px: float | None = None  # of the template's, on the frame's grid
    external: External | None = None  # another program's difference and convolved template, from flat frames


DEFAULT = Options()


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
    stars = stars or found_stars(frame)
    fwhm = options.fwhm_px or measure_fwhm(frame.data, frame.mask)
    aligned = aligned_template(frame, template, stars, fwhm)
    return subtract(frame, aligned, stars=stars, options=replace(options, fwhm_px=fwhm))


def aligned_template(frame: Plane, template: Plane, stars: Stars, fwhm_px: float) -> Plane:
    """Resample a template onto the frame's grid, its projection corrected by the stars of both.

    Raises
    ------
    Invalid
        A projection is missing, or the frames do not overlap.

    """
    if frame.wcs is None or template.wcs is None:
        raise Invalid("The frame and its template both need a projection onto the sky; solve them first.")
    bright = unsaturated(frame, stars)
    mask = template.bad()
    found = register(
        frame.data, frame.wcs, template.data, template.wcs, stars=(stars.x[bright], stars.y[bright]), fwhm_px=fwhm_px,
        frame_mask=frame.mask, template_mask=mask,
    )  # fmt: skip
    height, width = template.data.shape
    moved = found is not None and found.largest_px(width, height) > _TRANSLATED_PX
    correction = found.correction if found is not None and moved else None
    warped = warp(template.data, template.wcs, frame.wcs, mask=mask, correction=correction)
    return Plane(warped.data, warped.mask, template.gain, frame.wcs)


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
    height, width = frame.data.shape
    cell = options.mesh_px or min(_CELL, max(min(height, width) // 4, 16))
    bad = frame.bad() | template.bad()
    if bad.mean() > _COVERED:
        raise Invalid("Nothing is left to subtract: the masks of frame and template cover every pixel.")
    fwhm = options.fwhm_px or measure_fwhm(frame.data, frame.mask)
    if _is_same(frame, template, bad):
        return _nothing(frame, bad, cell, fwhm)
    stars = stars or found_stars(frame)
    return _difference(frame, template, stars, options=replace(options, fwhm_px=fwhm, mesh_px=cell))


def _is_same(frame: Plane, template: Plane, bad: NDArray[np.bool_]) -> bool:
    """Say whether the template is the frame itself."""
    middle = slice(frame.data.shape[0] // 2, frame.data.shape[0] // 2 + 1)
    return all(
        bool(((frame.data[part] == template.data[part]) | bad[part]).all()) for part in (middle, slice(None))
    )  # the middle row first: it tells nearly always


def _nothing(frame: Plane, bad: NDArray[np.bool_], cell: int, fwhm_px: float) -> Difference:
    """Return the difference of a frame and itself."""
    flat = flatten(frame, cell)
    height, width = flat.data.shape
    empty = np.zeros(flat.data.shape, np.float32)
    line, one = gaussian_line(fwhm_px / 2.3548), np.ones((1, 1))
    psf = np.outer(line, line)
    return Difference(
        diff=empty, noise=np.sqrt(flat.variance(flat.data)), convolved=flat.data, significance=empty.copy(), mask=bad,
        kernel=SpatialKernel(one[None], 0, width, height), psf=psf, profiles=SpatialKernel(psf[None], 0, width, height),
        frame_psf=psf, smoothing_px=0.0, correlation=one, star_error=(0.0, 0.0, 0.0), stars=0, chi2=0.0,
        peak_density=0.0, fwhm_px=fwhm_px, template_fwhm_px=fwhm_px, identical=True,
    )  # fmt: skip


def _difference(frame: Plane, template: Plane, stars: Stars, options: Options) -> Difference:
    """Match the star images, subtract and weigh."""
    cell, fwhm = options.mesh_px or _CELL, options.fwhm_px or 3.0
    science, reference = flatten(frame, cell), flatten(template, cell)
    height, width = science.data.shape
    bright = stars.chosen(unsaturated(frame, stars))
    widths = measure_widths(science, reference, bright, max(fwhm, options.template_fwhm_px or fwhm))
    if options.external is not None:
        widths = replace(widths, smoothing_px=0.0)
    line = gaussian_line(widths.smoothing_px)
    smooth = np.outer(line, line)
    smoothed = science.data
    if line.size > 1:
        single = line.astype(np.float32)
        smoothed = cv2.sepFilter2D(science.data, -1, single, single, borderType=cv2.BORDER_REFLECT_101)
    fit, column, row = match_star_images(
        smoothed, science, reference, bright, widths, smooth_line=line, order=options.order,
        flux_order=options.flux_order,
    )  # fmt: skip
    if options.external is not None:
        diff, matched = options.external(science, reference, fwhm)
    else:
        matched = fit.kernel.convolve(reference.data)
        diff = smoothed - matched
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    middle = fit.kernel.at(middle_x, middle_y)
    mask = _grown(reference.bad, middle) | (_grown(science.bad, smooth) if line.size > 1 else science.bad)
    mask |= ~np.isfinite(diff)
    if mask.mean() > _COVERED:
        raise Invalid("Nothing is left of the difference: the kernel carries masked pixels everywhere.")
    diff[mask] = 0
    diff -= estimate_background(diff, mask, cell).level.rows(0, height)
    diff[mask] = 0
    variances = science.variance(matched), reference.variance(reference.data)
    noise = smoothed_like(variances[0], smooth**2) if line.size > 1 else variances[0].copy()
    noise += smoothed_like(variances[1], middle**2)
    np.sqrt(noise, out=noise)
    own = star_profiles(science, stars, widths.stars, column[fit.used], row[fit.used], fwhm_px=fwhm)
    profiles = replace(own, planes=np.stack([_smoothed(plane, smooth) for plane in own.planes]))
    psf = profiles.at(middle_x, middle_y)
    skies = science.sky_noise, reference.sky_noise
    filter_ = score_filter(psf, smooth, middle, *skies, half=int(np.ceil(1.6 * max(fwhm, 2.0))) + 2)
    found, star_error = significance(
        diff, matched, mask, filter_=filter_, variances=variances, stars=stars, fwhm_px=fwhm,
        cell=min(cell, _NOISE_CELL),
    )  # fmt: skip
    return Difference(
        diff=diff, noise=noise, convolved=matched, significance=found, mask=mask, kernel=fit.kernel, psf=psf,
        profiles=profiles, frame_psf=own.at(middle_x, middle_y), smoothing_px=widths.smoothing_px,
        correlation=correlation(smooth, middle, *skies, half=min(int(np.ceil(6 * fwhm)), 47)),
        star_error=star_error, peak_density=filter_.peak_density, stars=int(np.count_nonzero(fit.used)),
        chi2=fit.chi2, fwhm_px=float(np.median(widths.frame.fwhm_px)),
        template_fwhm_px=float(np.median(widths.template.fwhm_px)),
    )  # fmt: skip


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
    inner = slice(half - radius, half + radius + 1)
    disc = (distance[inner, inner] <= radius).astype(np.uint8)
    return np.asarray(cv2.dilate(bad.astype(np.uint8), disc), np.bool_)


def _smoothed(image: Floats, kernel: Floats) -> Floats:
    if kernel.size == 1:
        return image
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float64)
