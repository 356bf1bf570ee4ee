"""Cosmic-ray hits and hot pixels, by Laplacian edge detection (van Dokkum 2001, PASP 113, 1420).

Only the few pixels that stand out of the sky are looked at, so the cost grows with what is in the frame and not with
its area. The contrast that tells a hit from a star is asked of a model star as sharp as the frame's own: the usual
fixed limit takes the cores of undersampled stars away.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.science.photometry.masks import Bits, MaskBit
from hven.science.stars.background import Background
from hven.science.stars.saturation import nonzero_bytes

Floats = NDArray[np.float32]
_PAD = 5
_CANDIDATE = 3.0  # standard deviations above the sky
_CLIP = 4.7
_CLIP_BESIDE = 3.0  # for pixels that touch a hit
_CONTRAST = 4.0  # of a Laplacian against the fine structure, at least
_SAFETY = 2.0  # over the contrast of a model star
_ROUNDS = 5
_HIGHEST = 40.0  # contrast: above are hits of any frame
_TAIL, _FEW = 0.08, 8  # peaks above the limit, as a share of those below and at least, that make it too low
_CHUNK = 60_000


def find_cosmics(
    residual: NDArray[np.float32], background: Background, bits: Bits, *, gain: float, fwhm_px: float
) -> NDArray[np.intp]:
    """Return the flat indices of pixels hit by cosmic rays, and of hot pixels.

    Parameters
    ----------
    residual : (height, width) float32
        The frame less its sky, ADU.
    background : Background
        The sky's noise, which holds the read noise.
    bits : (height, width) uint8
        Pixels to leave alone: saturated stars have edges as sharp as a hit's.
    gain : float
        Electrons per ADU.
    fwhm_px : float
        Of the frame's stars.

    """
    height, width = residual.shape
    image = cv2.copyMakeBorder(residual, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REPLICATE)
    closed = cv2.copyMakeBorder(bits, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_CONSTANT, value=0)
    noise = background.noise.rows(0, height)
    above = cv2.compare(residual, _CANDIDATE * noise, cv2.CMP_GT)
    full = closed & MaskBit.SATURATED
    near_full = cv2.dilate(full, np.ones((5, 5), np.uint8)) if cv2.countNonZero(full) else full
    if cv2.countNonZero(closed):
        # what is masked must not make an edge
        image[(closed & ~MaskBit.SATURATED) > 0] = 0
    place = nonzero_bytes(above)
    rows, columns = np.divmod(place, width)
    stride = width + 2 * _PAD
    padded = (rows + _PAD) * stride + columns + _PAD
    forbidden = (near_full.ravel() > 0) | (closed.ravel() > 0)
    free = ~forbidden[padded]
    place, padded = place[free], padded[free]
    sigma = noise.ravel()[place]
    limit = contrast_limit(round(float(np.clip(fwhm_px, 0.8, 6.0)), 1))
    flat = image.ravel()
    steep = laplacian(flat, padded, stride) > 2 * _CLIP * sigma
    padded = padded[steep]
    contrast = _contrasts(flat, padded, sigma[steep], stride=stride, gain=gain, clip=_CLIP)
    around = np.array([dy * stride + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    is_peak = flat[padded] >= flat[padded[:, None] + around].max(axis=1, initial=-np.inf)
    limit = _own_limit(limit, contrast, is_peak)
    found = padded[contrast > limit]
    fresh = found
    spread = np.array([dy * stride + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx])
    taken = forbidden
    for _ in range(_ROUNDS):
        if not fresh.size:
            break
        taken[fresh] = True
        _clean(flat, fresh, taken, stride)
        beside = np.unique((fresh[:, None] + spread).ravel())
        inside = _inside(beside, stride, height, width)
        beside = beside[inside & ~taken[beside]]
        sigma = noise.ravel()[_frame_index(beside, stride, width)]
        steep = laplacian(flat, beside, stride) > 2 * _CLIP_BESIDE * sigma
        beside, sigma = beside[steep], sigma[steep]
        fresh = beside[_contrasts(flat, beside, sigma, stride=stride, gain=gain, clip=_CLIP_BESIDE) > limit]
        found = np.concatenate([found, fresh])
    return np.sort(_frame_index(found, stride, width))


def laplacian(flat: Floats, at: NDArray[np.intp], stride: int) -> Floats:
    """Return van Dokkum's L+ at flat places: the Laplacian of the frame sampled twice as fine, without its negatives.

    Each of a pixel's four quarters has two neighbours in the pixel itself, one beside and one above or below it.
    """
    centre = flat[at]
    total = np.zeros_like(centre)
    left, right = centre - flat[at - 1], centre - flat[at + 1]
    below, above = centre - flat[at - stride], centre - flat[at + stride]
    for across in (left, right):
        for along in (below, above):
            total += np.maximum(across + along, 0)
    return np.asarray(0.25 * total, np.float32)


def _contrasts(
    flat: Floats, at: NDArray[np.intp], sigma: Floats, *, stride: int, gain: float, clip: float
) -> NDArray[np.float64]:
    """Return the contrast of Laplacian and fine structure of candidates, 0 for those that are not significant."""
    contrast = np.zeros(at.size)
    for start in range(0, at.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        steep, fine, smooth = _structure(flat, at[some], stride)
        high = flat[at[some]] - smooth
        # the noise of what would be there without the hit
        noise = np.sqrt(sigma[some] ** 2 + np.maximum(smooth, 0) / gain)
        # the Laplacian alone would take noise between two low neighbours
        significant = (steep > 2 * clip * noise) & (high > clip * noise)
        contrast[some] = np.where(significant, steep / np.maximum(np.maximum(fine, 0.5 * noise), 1e-12), 0.0)
    return contrast


def _own_limit(limit: float, contrast: NDArray[np.float64], is_peak: NDArray[np.bool_]) -> float:
    """Raise the limit where the frame's stars reach beyond it, as the sharpest do where the focus varies.

    Hits have contrasts far above; a crowd of peaks just above the limit that goes on from one below it is of stars.
    """
    peaks = contrast[is_peak & (contrast > 0)]
    while limit < _HIGHEST:
        below = np.count_nonzero((peaks > limit / 2.5) & (peaks <= limit))
        above = np.count_nonzero((peaks > limit) & (peaks <= 1.6 * limit))
        if above <= max(_TAIL * below, _FEW):
            break
        limit *= 1.25
    return limit


def _structure(flat: Floats, at: NDArray[np.intp], stride: int) -> tuple[Floats, Floats, Floats]:
    """Return the Laplacian less its surroundings', the fine structure and the 5x5 median at flat places."""
    nine = np.array([dy * stride + dx for dy in range(-4, 5) for dx in range(-4, 5)])
    patch = flat[at[:, None] + nine].reshape(-1, 9, 9)
    inner = patch[:, 2:7, 2:7]
    smooth = np.asarray(np.median(inner.reshape(-1, 25), axis=1), np.float32)
    # quarters of the 5x5 pixels about the candidate
    left, right = inner - patch[:, 2:7, 1:6], inner - patch[:, 2:7, 3:8]
    below, above = inner - patch[:, 1:6, 2:7], inner - patch[:, 3:8, 2:7]
    steep = np.zeros_like(inner)
    for across in (left, right):
        for along in (below, above):
            steep += np.maximum(across + along, 0)
    steep *= 0.25
    extra: Floats = steep[:, 2, 2] - np.median(steep.reshape(-1, 25), axis=1)
    small = _medians_of_three(patch)  # (n, 7, 7)
    fine = (small[:, 3, 3] - np.median(small.reshape(-1, 49), axis=1)).astype(np.float32)
    return extra, fine, smooth


def _medians_of_three(patch: Floats) -> Floats:
    """Return the 3x3 medians of (n, 9, 9) patches, (n, 7, 7): by OpenCV, the patches side by side in one picture."""
    count = patch.shape[0]
    wide = np.ascontiguousarray(patch.reshape(count * 9, 9))
    return np.asarray(cv2.medianBlur(wide, 3).reshape(count, 9, 9)[:, 1:8, 1:8])


def _clean(flat: Floats, at: NDArray[np.intp], taken: NDArray[np.bool_], stride: int) -> None:
    """Put the median of the untouched 5x5 neighbours in place of hits."""
    around = np.array([dy * stride + dx for dy in range(-2, 3) for dx in range(-2, 3)])
    places = at[:, None] + around
    values = np.where(taken[places], np.nan, flat[places])
    values[np.all(np.isnan(values), axis=1)] = 0
    flat[at] = np.nanmedian(values, axis=1)


def _inside(padded: NDArray[np.intp], stride: int, height: int, width: int) -> NDArray[np.bool_]:
    rows, columns = np.divmod(padded, stride)
    return np.asarray((rows >= _PAD) & (rows < height + _PAD) & (columns >= _PAD) & (columns < width + _PAD), np.bool_)


def _frame_index(padded: NDArray[np.intp], stride: int, width: int) -> NDArray[np.intp]:
    rows, columns = np.divmod(padded, stride)
    return np.asarray((rows - _PAD) * width + columns - _PAD, np.intp)


@lru_cache(maxsize=64)
def contrast_limit(fwhm_px: float) -> float:
    """Return the contrast of Laplacian to fine structure above which nothing with this FWHM can be a star."""
    # the frame's typical width holds the pixel's own, and is overestimated where it is small
    sharp = max(fwhm_px - float(np.interp(fwhm_px, (2.4, 3.6), (0.75, 0.3))), 0.6)
    worst = 0.0
    fine = (np.arange(21 * 11) + 0.5) / 11 - 10.5
    sigma = sharp / 2.355
    for shift_y in np.linspace(-0.5, 0.5, 5):
        for shift_x in np.linspace(-0.5, 0.5, 5):
            line_x = np.exp(-0.5 * ((fine - shift_x) / sigma) ** 2).reshape(21, 11).mean(axis=1)
            line_y = np.exp(-0.5 * ((fine - shift_y) / sigma) ** 2).reshape(21, 11).mean(axis=1)
            star = np.outer(line_y, line_x).astype(np.float32)
            star /= star.max()
            rows, columns = np.mgrid[8:13, 8:13]
            steep, structure, _ = _structure(star.ravel(), (rows * 21 + columns).ravel(), 21)
            seen = steep > 0.1 * steep.max()
            worst = max(worst, float(np.max(steep[seen] / np.maximum(structure[seen], 0.004))))
    return max(_CONTRAST, _SAFETY * worst)
