"""Which objects have the shape of the frame's own stars.

The stars define a locus: their windowed moments as smooth functions of the place in the frame, with the scatter that
they really have. An object is an outlier where it differs from the locus both significantly (its own noise included)
and by an amount that matters. Trailed stars are long together; then length is the norm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.science.photometry.moments import Windowed

Floats = NDArray[np.float64]
_SIGNIFICANT = 3.4  # standard deviations
_LARGER = 0.05  # of the stars' own size
_SMALLER = 0.14
_LONGER = 0.12
_ROUNDS = 6
_CLIP = 2.7
_CROWD = 6  # a share of the objects that stars make up at least
_BLENDED = 2.5  # times as tolerant where an object shares light with a neighbour
_PER_TERM = 8
_FEWEST = 8
_CURVED = 2  # order of the locus in x and y, at most


@dataclass(frozen=True, slots=True)
class Locus:
    """The stars' windowed moments over the frame."""

    centre: tuple[float, float]  # pixels
    half: float  # pixels that the coordinates are divided by
    order: int
    columns: NDArray[np.float64]  # (terms, 3): of the mean of xx and yy, half their difference, and xy
    scatter: NDArray[np.float64]  # (3,), beyond noise
    stars: int

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return size, difference and cross moment at positions, (n, 3) pixels^2."""
        return np.asarray(_design(x, y, self.centre, self.half, self.order) @ self.columns, np.float64)


def star_locus(found: Windowed, chosen: NDArray[np.bool_], width: int, height: int) -> Locus | None:
    """Fit the locus to the objects `chosen` (n,) bool, clipping; None where there are fewer than 8."""
    values, errors = _parts(found)
    good = chosen & np.all(np.isfinite(values), axis=1) & np.isfinite(found.error) & (found.error > 0)
    if np.count_nonzero(good) < _FEWEST:
        return None
    centre, half = (0.5 * (width - 1), 0.5 * (height - 1)), 0.5 * max(width, height)
    keep = good & _common(values[:, 0], good)
    columns, scatter, order = np.zeros((1, 3)), np.zeros(3), 0
    for turn in range(_ROUNDS):
        number = int(np.count_nonzero(keep))
        if number < _FEWEST:
            return None
        order = next(o for o in range(_CURVED, -1, -1) if o == 0 or number >= _PER_TERM * (o + 1) * (o + 2))
        # the first fit sees the blends and galaxies still, and must not bend towards them
        order = 0 if turn == 0 else order
        design = _design(found.x, found.y, centre, half, order)
        weight = 1 / np.hypot(errors[keep], np.maximum(scatter, 0.01 * np.median(values[keep, 0])))
        columns = np.stack(
            [
                np.linalg.lstsq(design[keep] * weight[:, [k]], values[keep, k] * weight[:, k], rcond=None)[0]
                for k in range(3)
            ],
            axis=1,
        )
        rest = values - design @ columns
        scatter = np.array([_beyond_noise(rest[keep, k], errors[keep, k]) for k in range(3)])
        inside = np.abs(rest) <= _CLIP * np.hypot(errors, scatter) + 0.01 * np.abs(columns[0, 0])
        keep = good & np.all(inside, axis=1)
    return Locus(centre, half, order, columns, scatter, int(np.count_nonzero(keep)))


def shape_outliers(found: Windowed, locus: Locus, blended: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which objects (n,) are not of the stars' shape; those without moments are not.

    Parameters
    ----------
    found : Windowed
        Of all objects.
    locus : Locus
        Of the stars.
    blended : (n,) bool
        Objects that share light with neighbours, to which more is allowed.

    """
    values, errors = _parts(found)
    norm = locus.at(found.x, found.y)
    size = np.maximum(norm[:, 0], 1e-6)
    rest = values - norm
    sigma = np.hypot(errors, locus.scatter)
    ease = np.where(blended, _BLENDED, 1.0)
    with np.errstate(invalid="ignore"):
        larger = (rest[:, 0] > _SIGNIFICANT * sigma[:, 0] * ease) & (rest[:, 0] > _LARGER * size * ease)
        smaller = (rest[:, 0] < -_SIGNIFICANT * sigma[:, 0]) & (rest[:, 0] < -_SMALLER * size * ease)
        stretch = np.hypot(rest[:, 1], rest[:, 2])
        unsure = np.hypot(sigma[:, 1], sigma[:, 2]) / np.sqrt(2)
        longer = (stretch > _SIGNIFICANT * unsure * ease) & (stretch > _LONGER * size * ease)
        without = ~np.isfinite(values[:, 0])
    return np.asarray(larger | smaller | longer | without, np.bool_)


def _parts(found: Windowed) -> tuple[Floats, Floats]:
    """Return size, difference and cross moment, (n, 3), with their errors."""
    values = np.stack([0.5 * (found.xx + found.yy), 0.5 * (found.xx - found.yy), found.xy], axis=1)
    error = found.error / np.sqrt(2)
    # of a round window: the mean and the half difference of two moments, and the cross moment, are equally well known
    return values, np.stack([error, error, error], axis=1)


def _common(size: Floats, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which sizes lie at the peak of their distribution: stars pile up there, galaxies spread out."""
    ordered = np.sort(size[good])
    count = ordered.size
    span = max(count // _CROWD, min(count, 8))
    widths = ordered[span - 1 :] - ordered[: count - span + 1]
    first = int(np.argmin(widths))
    low, high = ordered[first], ordered[first + span - 1]
    middle, reach = 0.5 * (low + high), max(1.5 * (high - low), 0.05 * abs(low) + 1e-9)
    return np.asarray(np.abs(size - middle) <= reach, np.bool_)


def _beyond_noise(rest: Floats, error: Floats) -> float:
    """Return the scatter that the errors do not explain, from the middle of the distribution."""
    total = 1.4826 * np.median(np.abs(rest - np.median(rest)))
    return float(np.sqrt(max(total**2 - np.median(error) ** 2, 0.0)))


def _design(x: Floats, y: Floats, centre: tuple[float, float], half: float, order: int) -> Floats:
    u, v = (x - centre[0]) / half, (y - centre[1]) / half
    return np.stack([u**p * v**q for p in range(order + 1) for q in range(order + 1 - p)], axis=1)
