"""Light in circles above the level of a ring around them, with errors that hold.

The rim's pixels count by the exact area inside the circle. The level comes from a ring's pixels that belong to no
object, clipped; its own error is part of the sum's. Weighted sums follow Naylor (1998, MNRAS 296, 339).
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import sep
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.photometry.objects import Flag
from hven.science.photometry.psf import PsfModel
from hven.science.photometry.stamps import cut_stamps, mirrored

Floats = NDArray[np.float64]
_LEAST_SHARE = 0.25  # of a ring's pixels that must be good
_LEAST_PIXELS = 12
_MOST_PIXELS = 1200  # of a ring that are looked at
_CLIP = 3.0
_ROUNDS = 4
_WIDE = 60.0  # pixels: the rim does not matter in such circles
_CELLS = 3_000_000  # pixels gathered at once


@dataclass(frozen=True, slots=True)
class Rings:
    """Sky levels in rings; arrays of one length n."""

    level: Floats  # ADU a pixel
    error: Floats  # of the level
    deviation: Floats  # of the pixels, ADU
    is_poor: NDArray[np.bool_]  # too few good pixels: level 0, and the noise given


@dataclass(frozen=True, slots=True)
class Sums:
    """Aperture sums; arrays of one length n."""

    flux: Floats  # ADU
    error: Floats  # ADU: photons, sky, and the level's error
    area_px: Floats  # of the circle, in the frame
    noise_area_px: Floats  # pixels whose noise the sum holds: those on the rim count less than their share
    rings: Rings
    flags: NDArray[np.int64]  # of `Flag`


def measure_rings(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    inner_px: float,
    outer_px: float,
    *,
    noise: Floats,
    closed: NDArray[np.bool_] | None = None,
) -> Rings:
    """Measure the sky in rings about 0-based positions (n,).

    Parameters
    ----------
    image : (height, width) float32
        Finite pixels, ADU.
    inner_px, outer_px : float
        Radii.
    noise : (n,)
        Of the sky there, ADU a pixel: what a poor ring falls back to.
    closed : (height, width) bool, optional
        Pixels of objects and masked ones.

    Raises
    ------
    Invalid
        The radii do not make a ring.

    """
    if not 0 <= inner_px < outer_px < 2000:
        raise Invalid("The sky's ring needs an outer radius larger than its inner one, and below 2,000 pixels.")
    height, width = image.shape
    dy, dx = _ring(inner_px, outer_px)
    level, error, deviation = np.zeros(x.size), np.zeros(x.size), noise.astype(float).copy()
    poor = np.ones(x.size, np.bool_)
    column, row = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    step = max(_CELLS // dx.size, 1)
    flat = image.ravel()
    shut = None if closed is None else closed.ravel()
    for start in range(0, x.size, step):
        some = slice(start, start + step)
        rows, columns = row[some, None] + dy, column[some, None] + dx
        good = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        place = np.where(good, rows * width + columns, 0)
        if shut is not None:
            good &= ~shut[place]
        values = flat[place]
        count = np.count_nonzero(good, axis=1)
        enough = count >= max(_LEAST_SHARE * dx.size, _LEAST_PIXELS)
        mean, scatter, used = _clipped(values, good, noise[some])
        level[some] = np.where(enough, mean, 0.0)
        deviation[some] = np.where(enough, scatter, noise[some])
        # thinned rings stand for all their pixels only as far as these are independent
        error[some] = np.where(enough, scatter / np.sqrt(np.maximum(used, 1)), 0.0)
        poor[some] = ~enough
    return Rings(level, error, deviation, poor)


def aperture_flux(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    radius_px: float,
    rings: Rings,
    *,
    noise: Floats,
    gain: float,
    closed: NDArray[np.bool_] | None = None,
) -> Sums:
    """Sum the light in circles about 0-based positions (n,) above the rings' levels.

    Parameters
    ----------
    image : (height, width) float32
        Finite pixels, ADU, holes bridged: bridged pixels count as they are and are flagged.
    radius_px : float
        Of the circles.
    noise : (n,)
        Of the sky there, ADU a pixel.
    gain : float
        Electrons per ADU.
    closed : (height, width) bool, optional
        Masked pixels.

    Raises
    ------
    Invalid
        The radius is not a positive number of pixels.

    """
    if not 0 < radius_px < 1000:
        raise Invalid("An aperture's radius is a positive number of pixels, below 1,000.")
    flags = np.zeros(x.size, np.int64)
    if not x.size:
        return Sums(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0), rings, flags)
    total, _, own = sep.sum_circle(image, x, y, radius_px, subpix=0)
    area = np.full(x.size, np.pi * radius_px**2)
    cut = own > 0
    height, width = image.shape
    near = np.zeros(x.size, np.bool_)
    if closed is not None:
        reach = int(np.ceil(radius_px))
        near = _any_closed(closed, x, y, reach)
    if cut.any():
        # sep stops at the frame's edge: only the area inside holds sky
        ones = np.ones_like(image)
        area[cut] = sep.sum_circle(ones, x[cut], y[cut], radius_px, subpix=0)[0]
        flags[cut] |= Flag.APERTURE_INCOMPLETE
    if near.any() and closed is not None:
        share = sep.sum_circle(closed.astype(np.float32), x[near], y[near], radius_px, subpix=0)[0]
        flags[np.flatnonzero(near)[share > 1e-3]] |= Flag.MASKED_APERTURE
    flux = total - rings.level * area
    noise_area = area * noise_share(round(float(radius_px), 2))
    variance = noise_area * noise**2 + np.maximum(flux, 0) / gain + (area * rings.error) ** 2
    flags[rings.is_poor] |= Flag.ANNULUS_POOR
    off = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5) | (area <= 0)
    return Sums(
        np.where(off, np.nan, flux),
        np.where(off, np.nan, np.sqrt(variance)),
        np.where(off, 0.0, area),
        np.where(off, 0.0, noise_area),
        rings,
        flags,
    )


@lru_cache(maxsize=256)
def noise_share(radius_px: float) -> float:
    """Return the sum of a circle's squared pixel weights by that of the weights, averaged over its places on pixels.

    A pixel on the rim that counts half brings half of its noise, and so a quarter of its variance.
    """
    if radius_px > _WIDE:
        return 1.0
    half, fine = int(np.ceil(radius_px)) + 1, 12
    axis = (np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5
    shares = []
    for at_x, at_y in ((0.0, 0.0), (0.5, 0.5), (0.5, 0.0), (0.25, 0.4), (0.1, 0.3)):
        inside = (axis - at_x) ** 2 + (axis[:, None] - at_y) ** 2 <= radius_px**2
        weight = inside.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean(axis=(1, 3))
        shares.append(float(np.sum(weight**2) / np.sum(weight)))
    return float(np.mean(shares))


def optimal_flux(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    psf: PsfModel,
    sums: Sums,
    *,
    radius_px: float,
    noise: Floats,
    gain: float,
    closed: NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats]:
    """Return flux and error (n,) of sums weighted with the stars' profile, on the scale of the circle's light.

    The weights count the star's own photons, as far as its light in the circle tells: of a bright star they make a
    plain sum, on which an error of the profile has no effect, and of a faint one Naylor's sky-limited weights.

    Parameters
    ----------
    image, x, y, noise, gain, closed
        As of `aperture_flux`.
    sums : Sums
        Of the same circles.
    psf : PsfModel
        The stars' profile.
    radius_px : float
        Of the circle whose scale the fluxes have.

    """
    half = int(np.ceil(radius_px)) + 1
    flux, error, level = np.zeros(x.size), np.zeros(x.size), sums.rings.level
    step = max(_CELLS // (2 * half + 1) ** 2, 1)
    for start in range(0, x.size, step):
        some = slice(start, start + step)
        stamps = mirrored(cut_stamps(image, x[some], y[some], half, closed=closed))
        model = psf.stamps(x[some] - stamps.column, y[some] - stamps.row, half, x[some], y[some])
        model = np.where(stamps.usable, model, 0) / _in_circle(psf, radius_px, x[some], y[some])[:, None, None]
        sky = np.maximum(noise[some, None, None], 1e-9) ** 2
        own = np.nan_to_num(np.maximum(sums.flux[some], 0))[:, None, None] * np.maximum(model, 0) / gain
        weight = model / (sky + own)
        weight /= np.maximum(np.sum(weight * model, axis=(1, 2)), 1e-12)[:, None, None]
        light = np.where(stamps.usable, stamps.values - level[some, None, None], 0)
        flux[some] = np.sum(weight * light, axis=(1, 2))
        variance = np.sum(weight**2 * (sky + own), axis=(1, 2))
        error[some] = np.sqrt(variance + (weight.sum(axis=(1, 2)) * sums.rings.error[some]) ** 2)
    return flux, error


def _in_circle(psf: PsfModel, radius_px: float, x: Floats, y: Floats) -> Floats:
    """Return the share of the profile's light inside a centred circle, (n,)."""
    half = int(np.ceil(radius_px)) + 2
    grid_x = np.linspace(0, psf.width - 1, 3)
    grid_y = np.linspace(0, psf.height - 1, 3)
    where_x, where_y = (g.ravel() for g in np.meshgrid(grid_x, grid_y))
    stamps = psf.stamps(np.zeros(9), np.zeros(9), half, where_x, where_y)
    share = np.array(
        [
            sep.sum_circle(np.ascontiguousarray(s, np.float32), [float(half)], [float(half)], radius_px, subpix=0)[0][0]
            for s in stamps
        ]
    )
    # quadratic through nine points: the share varies slowly
    design = _quadratic(where_x / psf.width, where_y / psf.height)
    solution = np.linalg.lstsq(design, share, rcond=None)[0]
    return np.asarray(_quadratic(np.asarray(x) / psf.width, np.asarray(y) / psf.height) @ solution, np.float64)


def _quadratic(u: Floats, v: Floats) -> Floats:
    return np.column_stack([np.ones_like(u), u, v, u**2, u * v, v**2])


def _ring(inner: float, outer: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixel offsets of a ring, evenly thinned where there are very many."""
    reach = int(np.ceil(outer))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(dx, dy)
    inside = (distance >= inner) & (distance <= outer)
    dy, dx = dy[inside], dx[inside]
    if dy.size > _MOST_PIXELS:
        chosen = np.linspace(0, dy.size - 1, _MOST_PIXELS).astype(int)
        dy, dx = dy[chosen], dx[chosen]
    return dy.astype(np.intp), dx.astype(np.intp)


def _clipped(
    values: NDArray[np.float32], good: NDArray[np.bool_], noise: Floats
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return mean, deviation and count of each row's good values, clipped at 3 deviations about the median."""
    ordered = np.sort(np.where(good, values, np.float32(np.inf)), axis=1)
    count = np.count_nonzero(good, axis=1)
    last = np.maximum(count - 1, 0)
    row = np.arange(values.shape[0])
    middle = ordered[row, last // 2].astype(float)
    low = ordered[row, (0.1587 * last).astype(int)].astype(float)
    some = count > 1
    scatter = np.where(some, np.where(some, middle, 0) - np.where(some, low, 0), noise)
    ordered = np.where(np.arange(values.shape[1]) < count[:, None], ordered, np.float32(0)).astype(np.float64)
    middle = np.where(count > 0, middle, 0.0)
    first, second = np.zeros((2, values.shape[0], values.shape[1] + 1))
    np.cumsum(ordered, axis=1, out=first[:, 1:])
    np.cumsum(ordered**2, axis=1, out=second[:, 1:])
    used = count
    mean = middle
    for _ in range(_ROUNDS):
        inside = (np.abs(ordered - mean[:, None]) <= _CLIP * scatter[:, None]) & (
            np.arange(values.shape[1]) < count[:, None]
        )
        begin = np.argmax(inside, axis=1)
        used = np.count_nonzero(inside, axis=1)
        end = begin + used
        n = np.maximum(used, 1)
        mean = (first[row, end] - first[row, begin]) / n
        square = (second[row, end] - second[row, begin]) / n
        # a cut at three deviations takes 1.4 per cent of a normal distribution's scatter
        scatter = 1.014 * np.sqrt(np.maximum(square - mean**2, 0.0))
    return mean, np.where(scatter > 0, scatter, noise), used


def _any_closed(closed: NDArray[np.bool_], x: Floats, y: Floats, reach: int) -> NDArray[np.bool_]:
    """Say which squares hold a masked pixel, from sums over the frame; False at once where none is."""
    if not closed.any():
        return np.zeros(x.size, np.bool_)
    sums = cv2.integral(closed.view(np.uint8))
    height, width = closed.shape
    left, right = (np.rint(x).astype(int) + d for d in (-reach, reach + 1))
    low, high = (np.rint(y).astype(int) + d for d in (-reach, reach + 1))
    left, right = left.clip(0, width), right.clip(0, width)
    low, high = low.clip(0, height), high.clip(0, height)
    return np.asarray(sums[high, right] - sums[low, right] - sums[high, left] + sums[low, left] > 0, np.bool_)
