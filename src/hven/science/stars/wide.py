"""The rung of wide fields: patterns of four stars looked up in the hash table of tetra3rs."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.fit import fit_projection
from hven.science.stars.search import Depth, Search
from hven.science.stars.solution import Hints, Solution

Floats = NDArray[np.float64]
_CENTROIDS = 100
_NARROWEST_WORTH_A_LOOK = 1.0  # degrees: bright stars alone may place a frame far under the table's fields
_NOMINAL_DEG = 20.0
_MOST_PATTERNS = 60_000
_PARTS = (0.7, 0.5, 0.35)  # of the frame's sides
_CHECKED_IN_PART = (12, 26)
_FEWEST_IN_PART = 8


def try_patterns(
    search: Search, depth: Depth, stars: int, hint: Hints | None = None, spread: bool = False
) -> Solution | None:
    """Look up patterns of the brightest `stars` sources (evenly spread ones with `spread`)."""
    if search.data.patterns is None:
        return None
    low, high = width_bounds(search, hint)
    if high < _NARROWEST_WORTH_A_LOOK:
        return None
    x, y, flux = search.to_match(depth, _CENTROIDS, 5 if spread else 0)
    if x.size < 4:
        return None
    if spread:
        flux = np.linspace(2.0, 1.0, x.size)
    whole = _Part((search.width - 1) / 2, (search.height - 1) / 2, search.width, search.height)
    search.tell("Looking up patterns of bright stars")
    rough = _looked_up(search, whole, (x, y, flux), stars, _estimate(low, high))
    if rough is None or not _is_near(rough, hint):
        return None
    size = float(np.hypot(search.width, search.height))
    return search.consider(
        rough, "patterns of bright stars", tolerance_px=max(0.009 * size, 4.0), hint=hint, depth=depth
    )


def try_parts(search: Search, depth: Depth, hint: Hints | None = None) -> Solution | None:
    """Look up patterns in parts of the frame, where a lens distorts less and fewer sources are no stars."""
    low, high = width_bounds(search, hint)
    if search.data.patterns is None or high < _NARROWEST_WORTH_A_LOOK:
        return None
    x, y, _ = search.to_match(depth, 4 * _CENTROIDS)
    if x.size < 2 * _FEWEST_IN_PART:
        return None
    size = float(np.hypot(search.width, search.height))
    search.tell("Looking up patterns in parts of the frame")
    for part in _parts(search.width, search.height):
        inside = (np.abs(x - part.x) < part.width / 2) & (np.abs(y - part.y) < part.height / 2)
        chosen = np.flatnonzero(inside)[:_CENTROIDS]
        if chosen.size < _FEWEST_IN_PART:
            continue
        share = part.width / search.width
        places = x[chosen], y[chosen], np.linspace(2.0, 1.0, chosen.size)
        for stars in _CHECKED_IN_PART:
            search.check()
            rough = _looked_up(search, part, places, stars, share * _estimate(low, high))
            if rough is None or not _is_near(rough, hint):
                continue
            # what a part says of the rest of the frame is the less certain, the smaller it is
            tolerance_px = max(0.009 / share * size, 4.0)
            found = search.consider(rough, "patterns in a part of the frame", tolerance_px=tolerance_px, hint=hint,
                                    depth=depth)  # fmt: skip
            if found is not None:
                return found
            break
    return None


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of the frame: its middle, width and height, pixels."""

    x: float
    y: float
    width: float
    height: float


def _parts(width: int, height: int) -> Iterator[_Part]:
    """Yield the parts of a frame, larger ones first and the middle first of each size."""
    for share in _PARTS:
        across, down = (1 - share) / 2 * width, (1 - share) / 2 * height
        for i, j in sorted(itertools.product((-1, 0, 1), repeat=2), key=lambda place: abs(place[0]) + abs(place[1])):
            yield _Part((width - 1) / 2 + i * across, (height - 1) / 2 + j * down, share * width, share * height)


def _estimate(low: float, high: float) -> float:
    """Return a width in degrees to begin with, from bounds that may be none."""
    return min(float(np.sqrt(low * high)) if low > 0 else _NOMINAL_DEG, 120.0)


def _looked_up(
    search: Search, part: _Part, places: tuple[Floats, Floats, Floats], stars: int, estimate_deg: float
) -> Wcs | None:
    """Return where the table puts a part of the frame, as a projection of the whole; None where it knows it not."""
    x, y, flux = places
    result = search.data.patterns.solve_from_centroids(  # type: ignore[union-attr] # the callers looked
        np.ascontiguousarray(np.column_stack([x - part.x, y - part.y, flux]), dtype=float),
        fov_estimate_deg=estimate_deg,
        fov_max_error_deg=None,
        image_width=round(part.width),
        image_height=round(part.height),
        match_threshold=1e-4,
        pattern_checking_stars=stars,
        max_patterns_checked=_MOST_PATTERNS,
        solve_timeout_ms=None,
    )
    return _projection(result, search, part) if result else None


def _is_near(rough: Wcs, hint: Hints | None) -> bool:
    """Say whether a proposal lies where a hint expects it."""
    if hint is None or hint.ra is None or hint.dec is None or hint.radius is None:
        return True
    return bool(separation(*rough.centre, hint.ra, hint.dec) <= hint.radius + rough.radius_deg)


def width_bounds(search: Search, hint: Hints | None) -> tuple[float, float]:
    """Return the bounds of the frame's width in degrees that a hint sets (0 and infinity where it does not)."""
    if hint is None:
        return 0.0, np.inf
    low = (hint.scale_low or 0.0) * search.width / 3600
    high = (hint.scale_high or np.inf) * search.width / 3600
    return (low, high) if np.isfinite(high) else (0.0, np.inf)


def _projection(result: object, search: Search, part: _Part) -> Wcs | None:
    """Return the solver's answer as a projection about the part's centre, from a grid of places."""
    x0, y0 = part.x, part.y
    grid_x, grid_y = np.meshgrid(np.linspace(-0.4, 0.4, 5) * part.width, np.linspace(-0.4, 0.4, 5) * part.height)
    ra, dec = result.pixel_to_world(grid_x.ravel(), grid_y.ravel())  # type: ignore[attr-defined] # untyped
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    good = np.isfinite(ra) & np.isfinite(dec)
    if np.count_nonzero(good) < 9 or not good[12]:
        return None
    scale = float(separation(ra[12], dec[12], ra[13], dec[13])) / (0.2 * part.width)
    guess = Wcs((float(ra[12]), float(dec[12])), (x0, y0), ((scale, 0.0), (0.0, scale)), search.width, search.height)
    x, y = grid_x.ravel()[good] + x0, grid_y.ravel()[good] + y0
    return fit_projection(guess, (x, y), (ra[good], dec[good]), sigma=np.ones(x.size))
