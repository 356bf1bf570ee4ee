"""The image of a star on a frame, as it varies over it, from bright stars.

Stars are moved onto the middle of a pixel by their Fourier phases, scaled to unit light in the core, and each pixel
is fitted by a polynomial of the place with clipping, so that neighbours do not enter.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from hven.science.changes.kernel import SpatialKernel, polynomial_terms

Floats = NDArray[np.float64]
_CLIP = 2.5  # deviations of a pixel among stars: neighbours lie beyond
_BEST = 60  # stars of a constant profile
_MOST = 160  # of a varying one
_STARS_PER_TERM = 12
_ROUNDS = 3
_DOMINANT = 5.0  # times the typical star's light, beyond which one weighs no more
_UNLIKE = 0.1  # by which share of a pixel stars may differ before they are clipped
_VARIES = 0.5  # the same before the variation is known


def varying_profile(
    stamps: NDArray[np.generic],
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    *,
    offsets: tuple[Floats, Floats],
    size: tuple[int, int],
    bad: NDArray[np.bool_] | None = None,
) -> SpatialKernel:
    """Return the image of a star of unit light, varying over the frame where that is seen.

    Parameters
    ----------
    stamps : (n, size, size)
        Background-subtracted squares about the pixels nearest to the stars.
    column, row : (n,)
        Those pixels.
    offsets : (n,) twice
        Of the centroids from them, in x and y, pixels.
    size : (width, height)
        Of the frame.
    bad : (n, size, size) bool, optional
        Pixels without a value.

    """
    light = np.asarray(stamps, np.float64).copy()
    if bad is not None:
        light[bad] = 0.0
    moved = _centred(light, *offsets)
    half = moved.shape[1] // 2
    axis = np.arange(-half, half + 1)
    core = np.hypot(axis[:, None], axis) <= max(0.3 * half, 1.5)
    strength = moved[:, core].sum(axis=1)
    best = np.argsort(-strength)[:_MOST]
    best = best[strength[best] > 0] if np.any(strength > 0) else best[:1]
    strength = np.maximum(strength[best], 1e-9)
    moved = moved[best] / strength[:, None, None]
    usable = np.ones(moved.shape, np.bool_) if bad is None else ~bad[best]
    width, height = size
    x, y = column.astype(float), row.astype(float)
    worth = _worth(strength)
    planes = _fitted(moved[:_BEST], usable[:_BEST], np.ones((min(best.size, _BEST), 1)), strength[:_BEST])
    order = 0
    effective = float(worth.sum() ** 2 / (worth**2).sum())
    for higher in (1, 2):
        terms = polynomial_terms(x[best], y[best], higher, width, height)
        if best.size < _STARS_PER_TERM * terms.shape[1]:
            break
        before = polynomial_terms(x[best], y[best], order, width, height)
        plain = _left(planes, before, moved, usable & core, worth)
        trial = _fitted(moved, usable, terms, strength)
        left = _left(trial, terms, moved, usable & core, worth)
        # the Bayesian criterion, each pixel of the core having as many stars as their weights are worth
        if effective * np.log(plain / left) > (terms.shape[1] - before.shape[1]) * np.log(effective):
            planes, order = trial, higher
    return SpatialKernel(_normalised(planes), order, width, height)


def _centred(light: Floats, u: Floats, v: Floats) -> Floats:
    """Return squares moved by (-u, -v)."""
    size = light.shape[1]
    full = scipy.fft.next_fast_len(size + 4, real=True)
    fx, fy = scipy.fft.rfftfreq(full), scipy.fft.fftfreq(full)
    phase = np.exp(2j * np.pi * (fx[None, None, :] * u[:, None, None] + fy[None, :, None] * v[:, None, None]))
    moved = scipy.fft.irfft2(scipy.fft.rfft2(light, (full, full), axes=(1, 2)) * phase, (full, full), axes=(1, 2))
    return np.asarray(moved[:, :size, :size], np.float64)


def _fitted(moved: Floats, usable: NDArray[np.bool_], terms: Floats, strength: Floats) -> Floats:
    """Fit each pixel by the terms with clipping; return the planes (terms, size, size)."""
    n, size = moved.shape[0], moved.shape[1]
    flat, good = moved.reshape(n, -1), usable.reshape(n, -1)
    worth = _worth(strength)
    bright = flat[np.argsort(-strength)[: max(n // 2, min(n, 5))]]
    coefficients = np.zeros((terms.shape[1], flat.shape[1]))
    coefficients[0] = np.median(bright, axis=0)
    for turn in range(_ROUNDS):
        model = terms @ coefficients
        off = np.abs(flat - model) * strength[:, None]
        # the first look is from the median, from which a varying profile itself departs
        share = _VARIES if turn == 0 and terms.shape[1] > 1 else _UNLIKE
        limit = _CLIP * 1.4826 * np.median(off, axis=0) + share * np.abs(model) * strength[:, None]
        weight = (good & (off <= limit)) * worth[:, None]
        weight /= worth.max()
        matrix = np.einsum("np,nt,ns->pts", weight, terms, terms) + 1e-9 * np.eye(terms.shape[1])
        vector = np.einsum("np,nt->pt", weight * flat, terms)
        solved = np.linalg.solve(matrix, vector[:, :, None])[:, :, 0].T
        enough = np.count_nonzero(weight, axis=0) >= max(2 * terms.shape[1], 1)
        coefficients = np.where(enough, solved, coefficients)
    return np.asarray(coefficients.reshape(-1, size, size), np.float64)


def _worth(strength: Floats) -> Floats:
    """Return the weights of stars: the sky's noise is the same in all before they are scaled."""
    return np.asarray(np.minimum(strength, _DOMINANT * np.median(strength)) ** 2, np.float64)


def _left(planes: Floats, terms: Floats, moved: Floats, good: NDArray[np.bool_], worth: Floats) -> float:
    """Return the weighted mean square of what planes leave, outliers held to five deviations."""
    squares = (moved - np.tensordot(terms, planes, 1)) ** 2 * worth[:, None, None]
    if not good.any():
        return 1.0
    typical = float(np.median(squares[good]))
    return max(float(np.minimum(squares[good], 25 * typical / 0.4549).mean()), 1e-30)


def _normalised(planes: Floats) -> Floats:
    """Return planes whose first has unit sum and whose others have none: a star's light is the same everywhere."""
    first = planes[0]
    rim = np.concatenate([first[0], first[-1], first[:, 0], first[:, -1]])
    # unresolved neighbours and an imperfect background lift the whole square; a star's own wings are far below that
    first = first - float(np.median(rim))
    total = first.sum()
    if not total > 0:
        half = planes.shape[1] // 2
        first = np.zeros_like(first)
        first[half, half] = total = 1.0
    shape = first / total
    others = [plane / total - shape * (plane.sum() / total) for plane in planes[1:]]
    return np.stack([shape, *others])
