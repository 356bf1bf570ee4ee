"""The stars' profile from the stars themselves, on a grid finer than the pixels.

A Moffat function (1969, A&A 3, 455) is fitted first and carries what the stars do not sample; what is left is
averaged on the fine grid, as Anderson & King (2000, PASP 112, 1360) do, with terms linear in the place where there are
stars enough. The profile includes the pixel's own width: it is evaluated, not integrated, at the pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import least_squares

from hven.errors import Invalid
from hven.science.photometry.stamps import cut_stamps

Floats = NDArray[np.float64]
_FINE = 4  # grid points a pixel and axis
_LEAST_STARS = 5
_LINEAR_STARS = 40
_MOST_STARS = 300
_PRIOR = 3.0  # samples' worth of trust in the Moffat function at each grid point
_LINEAR_PRIOR = 12.0
_ROUNDS = 3
_REJECT = 5.0


@dataclass(frozen=True, slots=True)
class PsfModel:
    """A profile on a fine grid, linear in the place in the frame; sums to 1 over its pixels."""

    terms: NDArray[np.float64]  # (1 or 3, m, m): constant, and per half frame along x and along y
    fine: int  # grid points a pixel
    width: int  # of the frame, pixels
    height: int
    fwhm_px: float  # of the Moffat function, pixels included
    stars: int  # that it was made of

    @property
    def half_px(self) -> int:
        """How far from its middle the profile is known, pixels."""
        return int((self.terms.shape[1] // 2) // self.fine)

    def stamps(self, dx: Floats, dy: Floats, half: int, x: Floats, y: Floats) -> NDArray[np.float64]:
        """Return profiles with centres (dx, dy) from the middle pixel, (n, 2 half + 1, 2 half + 1).

        Parameters
        ----------
        dx, dy : (n,)
            Pixels.
        half : int
            Pixels on each side of the middle one; beyond `half_px` the profile is 0.
        x, y : (n,)
            Where in the frame.

        """
        axis = np.arange(-half, half + 1, dtype=float)
        middle = self.terms.shape[1] // 2
        u = (axis - np.asarray(dx, float)[:, None]) * self.fine + middle
        v = (axis - np.asarray(dy, float)[:, None]) * self.fine + middle
        side = 2 * half + 1
        places = np.stack(
            [
                np.broadcast_to(v[:, :, None], (u.shape[0], side, side)),
                np.broadcast_to(u[:, None], (u.shape[0], side, side)),
            ]
        )
        total = np.zeros((u.shape[0], side, side))
        for term, factor in zip(self.terms, self._factors(x, y), strict=False):
            known = map_coordinates(spline_filter(term, order=3), places, order=3, prefilter=False, cval=0.0)
            total += factor[:, None, None] * known
        return total

    def kernel(self, x: float | None = None, y: float | None = None, half: int | None = None) -> NDArray[np.float64]:
        """Return the profile at a place (the frame's middle where none is given) on whole pixels, of unit sum."""
        at_x = np.array([0.5 * (self.width - 1) if x is None else x])
        at_y = np.array([0.5 * (self.height - 1) if y is None else y])
        zero = np.zeros(1)
        stamp = self.stamps(zero, zero, self.half_px if half is None else half, at_x, at_y)[0]
        return np.asarray(stamp / stamp.sum(), np.float64)

    def _factors(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        u, v = _unit(np.asarray(x, float), self.width), _unit(np.asarray(y, float), self.height)
        return np.ones_like(u), u, v


def fit_psf(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    flux: Floats,
    *,
    fwhm_px: float,
    level: Floats | float = 0.0,
    closed: NDArray[np.bool_] | None = None,
    half_px: int | None = None,
) -> PsfModel:
    """Make the profile of stars at 0-based positions (n,), best bright, alone and not saturated.

    Parameters
    ----------
    image : (height, width) float32
        The frame less its sky, ADU, finite.
    x, y, flux : (n,)
        Places, and light within some circle, ADU.
    fwhm_px : float
        A first guess.
    level : (n,) or float
        What is left of the sky at each star, ADU a pixel.
    closed : (height, width) bool, optional
        Pixels not to use.
    half_px : int, optional
        How far out the profile goes; 3 FWHM where not given.

    Raises
    ------
    Invalid
        There are fewer than 5 stars.

    """
    bright = np.argsort(-flux)[:_MOST_STARS]
    x, y, flux = x[bright], y[bright], flux[bright]
    levels = np.broadcast_to(np.asarray(level, float), bright.shape if np.ndim(level) == 0 else np.shape(level))
    levels = levels[bright] if np.ndim(level) else levels
    if x.size < _LEAST_STARS:
        raise Invalid(f"A profile needs {_LEAST_STARS} stars that are bright, alone and not saturated.")
    height, width = image.shape
    half = half_px or int(np.ceil(3.0 * fwhm_px))
    stamps = cut_stamps(image, x, y, half, closed=closed)
    values = (stamps.values - levels[:, None, None]) / flux[:, None, None]
    shape = values.shape
    dx = np.broadcast_to((stamps.axis - (x - stamps.column)[:, None])[:, None, :], shape)
    dy = np.broadcast_to((stamps.axis - (y - stamps.row)[:, None])[:, :, None], shape)
    star = np.broadcast_to(np.arange(x.size)[:, None, None], shape)
    keep = stamps.usable & (np.maximum(np.abs(dx), np.abs(dy)) <= half)
    dx, dy, values, star = dx[keep], dy[keep], values[keep], star[keep]
    amplitude, alpha, beta = _moffat(np.hypot(dx, dy), values, fwhm_px)
    middle = half * _FINE
    axis = np.arange(-middle, middle + 1) / _FINE
    base = amplitude * (1 + (axis[:, None] ** 2 + axis**2) / alpha**2) ** -beta
    linear = x.size >= _LINEAR_STARS
    terms = np.zeros((3 if linear else 1, base.shape[0], base.shape[0]))
    terms[0] = base
    u, v = _unit(x, width), _unit(y, height)
    factors = [np.ones_like(u), u, v][: terms.shape[0]]
    # faint stars' samples are noisier, none counts alone
    weight_star = flux / np.median(flux)
    weight = np.minimum(weight_star, 3.0)[star] ** 2 / 9.0 * 3.0
    for _ in range(_ROUNDS):
        terms = _corrected(terms, (dx, dy), values, weight, [f[star] for f in factors])
    total = np.maximum(terms[0].sum() / _FINE**2, 1e-12)
    core = 2 * alpha * np.sqrt(2 ** (1 / beta) - 1)
    return PsfModel(terms / total, _FINE, width, height, float(core), int(x.size))


def _corrected(
    terms: Floats, offsets: tuple[Floats, Floats], values: Floats, weight: Floats, factors: list[Floats]
) -> Floats:
    """Add to each grid point what the samples near it say is missing."""
    dx, dy = offsets
    side = terms.shape[1]
    u, v = dx * _FINE + side // 2, dy * _FINE + side // 2
    model = np.zeros_like(values)
    for term, factor in zip(terms, factors, strict=True):
        model += factor * map_coordinates(spline_filter(term, order=3), np.stack([v, u]), order=3, prefilter=False)
    rest = values - model
    # scatter by distance from the middle: the core is noisier than the wings
    ring = np.minimum(np.hypot(dx, dy).astype(int), side // (2 * _FINE))
    spread = np.array(
        [1.48 * np.median(np.abs(rest[ring == r])) if np.any(ring == r) else 0.0 for r in range(ring.max() + 1)]
    )
    weight = np.where(np.abs(rest) <= _REJECT * np.maximum(spread[ring], 1e-9), weight, 0.0)
    i, j = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    fu, fv = u - i, v - j
    count = len(factors)
    matrix = np.zeros((count, count, side * side))
    target = np.zeros((count, side * side))
    for step_v, step_u, share in (
        (0, 0, (1 - fv) * (1 - fu)), (0, 1, (1 - fv) * fu), (1, 0, fv * (1 - fu)), (1, 1, fv * fu)
    ):  # fmt: skip
        place = np.minimum(j + step_v, side - 1) * side + np.minimum(i + step_u, side - 1)
        w = share * weight
        for p in range(count):
            target[p] += np.bincount(place, w * factors[p] * rest, side * side)
            for q in range(p, count):
                matrix[p, q] += np.bincount(place, w * factors[p] * factors[q], side * side)
    for p in range(count):
        for q in range(p):
            matrix[p, q] = matrix[q, p]
        matrix[p, p] += _LINEAR_PRIOR / 3 if p else _PRIOR / 3
    step = np.linalg.solve(np.moveaxis(matrix, 2, 0), np.moveaxis(target, 1, 0)[..., None])[..., 0]
    return np.asarray(terms + np.moveaxis(step, 1, 0).reshape(count, side, side), np.float64)


def _moffat(radius: Floats, values: Floats, fwhm: float) -> tuple[float, float, float]:
    """Fit amplitude, alpha and beta to normalised samples, by the medians in rings."""
    edges = np.arange(0, radius.max() + 0.26, 0.25)
    which = np.digitize(radius, edges) - 1
    places, levels = [], []
    for k in range(edges.size):
        mine = which == k
        if np.count_nonzero(mine) >= 3:
            places.append(float(np.mean(radius[mine])))
            levels.append(float(np.median(values[mine])))
    r, f = np.array(places), np.array(levels)
    if r.size < 4:
        return 0.5 / fwhm**2, fwhm, 3.0
    top = max(float(f.max()), 1e-6)

    def miss(p: Floats) -> Floats:
        return np.asarray((p[0] * (1 + (r / p[1]) ** 2) ** -p[2] - f) / top, np.float64)

    found = least_squares(
        miss,
        (top, fwhm, 3.0),
        bounds=((0, 0.2 * fwhm, 1.1), (10 * top + 1, 10 * fwhm, 12.0)),
        loss="soft_l1",
        f_scale=0.02,
    )
    return float(found.x[0]), float(found.x[1]), float(found.x[2])


def _unit(place: Floats, length: int) -> Floats:
    return (place - 0.5 * (length - 1)) / (0.5 * length)
