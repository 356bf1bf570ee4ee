"""Fitting the star image to what a difference shows at given places: flux, position, and how well it fits."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.science.changes.kernel import polynomial_terms
from hven.science.changes.planes import Difference

Floats = NDArray[np.float64]
_ROUNDS = 8
_PROFILE_ERROR = 0.06  # of a pixel's light, by which the star image is off
_BLEND_ROUNDS = 3
_CHUNK = 400
_MOST_PX = 1.5  # that a source lies from the pixel where it was looked for


@dataclass(frozen=True, slots=True)
class Fits:
    """Star images fitted to a difference; arrays of one length n."""

    x: Floats  # 0-based pixels
    y: Floats
    x_error: Floats
    y_error: Floats
    flux: Floats  # ADU in the whole star image
    flux_error: Floats
    chi2: Floats  # of the fit
    freedom: Floats  # pixels less parameters
    excess: Floats  # what the brightest of the middle nine pixels has beyond the fit, ADU
    covered: Floats  # share of the profile's weight that lies on pixels with a value


def fit_radius(fwhm_px: float) -> int:
    """Return how many pixels on each side of a source are fitted."""
    return int(np.ceil(1.3 * max(fwhm_px, 1.5))) + 1


def squares(image: NDArray[np.generic], column: NDArray[np.int64], row: NDArray[np.int64], half: int) -> Floats:
    """Return squares about pixels, (n, size, size), NaN beyond the frame."""
    height, width = image.shape
    axis = np.arange(-half, half + 1)
    rows, columns = row[:, None] + axis, column[:, None] + axis
    out = image[rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]].astype(np.float64)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    out[~inside] = np.nan
    return np.asarray(out, np.float64)


def fit_profiles(difference: Difference, column: NDArray[np.int64], row: NDArray[np.int64]) -> Fits:
    """Fit the difference's star image near pixels (n,) by Gauss-Newton steps.

    Sources whose squares overlap are fitted again in turn, each without its neighbours' light.
    """
    found = _all_fitted(difference, difference.diff, column, row)
    if column.size < 2:
        return found
    half = fit_radius(difference.fwhm_px)
    near = cKDTree(np.column_stack([found.x, found.y])).query_pairs(2.0 * half, output_type="ndarray")
    near = near[np.hypot(*(np.stack([found.x, found.y])[:, near[:, 0]] - np.stack([found.x, found.y])[:, near[:, 1]]))
                > 0.7 * difference.fwhm_px]  # fmt: skip
    blended = np.unique(near)
    if not blended.size:
        return found
    values = {name: getattr(found, name).copy() for name in Fits.__slots__}
    found = Fits(**values)
    image = difference.diff.copy()
    for number in blended:
        _take_off(image, difference, found, int(number), 1.0)
    for _ in range(_BLEND_ROUNDS):
        for number in blended:
            _take_off(image, difference, found, int(number), -1.0)
            again = _all_fitted(difference, image, column[number : number + 1], row[number : number + 1])
            for name, whole in values.items():
                whole[number] = getattr(again, name)[0]
            _take_off(image, difference, found, int(number), 1.0)
    return found


def _take_off(image: NDArray[np.float32], difference: Difference, fits: Fits, number: int, sign: float) -> None:
    """Subtract a fitted source from an image in place, or add it."""
    half = difference.psf.shape[0] // 2
    x, y = fits.x[number : number + 1], fits.y[number : number + 1]
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    profiles = local_profiles(difference, column, row)
    model = sign * fits.flux[number] * shifted(profiles, x - column, y - row, half)[0][0]
    height, width = image.shape
    left, top = int(column[0]) - half, int(row[0]) - half
    x0, x1, y0, y1 = max(left, 0), min(left + 2 * half + 1, width), max(top, 0), min(top + 2 * half + 1, height)
    if x1 > x0 and y1 > y0:
        image[y0:y1, x0:x1] -= model[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)


def local_profiles(difference: Difference, column: NDArray[np.int64], row: NDArray[np.int64]) -> Floats:
    """Return the star image of the difference at pixels, (n, size, size)."""
    local = difference.profiles
    terms = polynomial_terms(column.astype(float), row.astype(float), local.order, local.width, local.height)
    return np.asarray(np.tensordot(terms, local.planes, 1), np.float64)


def _all_fitted(
    difference: Difference, image: NDArray[np.float32], column: NDArray[np.int64], row: NDArray[np.int64]
) -> Fits:
    parts = [
        _fitted(difference, image, column[start : start + _CHUNK], row[start : start + _CHUNK])
        for start in range(0, column.size, _CHUNK)
    ]
    if not parts:
        return Fits(*(np.zeros(0) for _ in Fits.__slots__))
    return Fits(*(np.concatenate([getattr(p, name) for p in parts]) for name in Fits.__slots__))


def shifted(profiles: Floats, u: Floats, v: Floats, half: int) -> tuple[Floats, Floats, Floats]:
    """Return profiles (n, k, k) moved by (u, v) and their slopes by u and v, (n, size, size) each."""
    wide = profiles.shape[1]
    middle = wide // 2
    size = scipy.fft.next_fast_len(wide + 6, real=True)
    padded = np.zeros((profiles.shape[0], size, size))
    padded[:, :wide, :wide] = profiles
    fx, fy = scipy.fft.rfftfreq(size), scipy.fft.fftfreq(size)
    phase = np.exp(-2j * np.pi * (fx[None, None, :] * u[:, None, None] + fy[None, :, None] * v[:, None, None]))
    whole = scipy.fft.rfft2(np.roll(padded, (-middle, -middle), axis=(1, 2)), axes=(1, 2)) * phase
    place = np.arange(-half, half + 1) % size
    out = []
    for factor in (1.0, -2j * np.pi * fx[None, :], -2j * np.pi * fy[:, None]):
        image = scipy.fft.irfft2(whole * factor, (size, size), axes=(1, 2))
        out.append(image[:, place[:, None], place])
    return out[0], out[1], out[2]


def _fitted(
    difference: Difference, image: NDArray[np.float32], column: NDArray[np.int64], row: NDArray[np.int64]
) -> Fits:
    half = min(fit_radius(difference.fwhm_px), difference.psf.shape[0] // 2)
    profiles = local_profiles(difference, column, row)
    light = squares(image, column, row, half)
    noise = squares(difference.noise, column, row, half)
    closed = squares(difference.mask, column, row, half)
    bad = ~np.isfinite(light) | (closed > 0) | ~(noise > 0)
    light[bad], noise[bad] = 0.0, 1.0
    n = column.size
    u, v, flux = np.zeros(n), np.zeros(n), np.zeros(n)
    base = np.where(bad, 0.0, 1.0 / noise**2)
    weight = base
    curvature = np.zeros((n, 3, 3))
    for turn in range(_ROUNDS):
        model, slope_x, slope_y = shifted(profiles, u, v, half)
        if turn == 0:
            flux = (weight * light * model).sum(axis=(1, 2)) / np.maximum((weight * model**2).sum(axis=(1, 2)), 1e-30)
        weight = np.where(bad, 0.0, 1.0 / (noise**2 + (_PROFILE_ERROR * flux[:, None, None] * model) ** 2))
        left = light - flux[:, None, None] * model
        functions = np.stack([model, flux[:, None, None] * slope_x, flux[:, None, None] * slope_y], axis=1)
        weighted = functions * weight[:, None]
        curvature = np.einsum("nayx,nbyx->nab", weighted, functions)
        size = np.sqrt(np.maximum(np.diagonal(curvature, axis1=1, axis2=2), 1e-30))
        scaled = curvature / size[:, :, None] / size[:, None, :] + 1e-6 * np.eye(3)
        step = np.linalg.solve(scaled, (np.einsum("nayx,nyx->na", weighted, left) / size)[:, :, None])[:, :, 0] / size
        flux = flux + step[:, 0]
        u = np.clip(u + np.clip(step[:, 1], -0.5, 0.5), -_MOST_PX, _MOST_PX)
        v = np.clip(v + np.clip(step[:, 2], -0.5, 0.5), -_MOST_PX, _MOST_PX)
    model, _, _ = shifted(profiles, u, v, half)
    left = light - flux[:, None, None] * model
    chi2 = (weight * left**2).sum(axis=(1, 2))
    size = np.sqrt(np.maximum(np.diagonal(curvature, axis1=1, axis2=2), 1e-30))
    scaled = curvature / size[:, :, None] / size[:, None, :] + 1e-6 * np.eye(3)
    errors = np.sqrt(np.maximum(np.diagonal(np.linalg.inv(scaled), axis1=1, axis2=2), 0)) / size
    inner = (slice(None), slice(half - 1, half + 2), slice(half - 1, half + 2))
    nine = np.where(bad, -np.inf, light)[inner].reshape(n, 9)
    top, each = nine.argmax(axis=1), np.arange(n)
    excess = nine[each, top] - (flux[:, None, None] * model)[inner].reshape(n, 9)[each, top]
    return Fits(
        x=column + u,
        y=row + v,
        x_error=errors[:, 1],
        y_error=errors[:, 2],
        flux=flux,
        flux_error=errors[:, 0],
        chi2=chi2,
        freedom=np.maximum(np.count_nonzero(~bad, axis=(1, 2)) - 3.0, 1.0),
        excess=np.where(np.isfinite(excess), excess, 0.0),
        covered=np.where(bad, 0.0, model).sum(axis=(1, 2)) / np.maximum(model.sum(axis=(1, 2)), 1e-9),
    )
