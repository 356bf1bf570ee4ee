"""The rung of wide fields: patterns of four stars looked up in the hash table of tetra3rs."""

import numpy as np

from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.fit import fit_projection
from hven.science.stars.search import Depth, Search
from hven.science.stars.solution import Hints, Solution

_CENTROIDS = 100
_NARROWEST_WORTH_A_LOOK = 1.0  # degrees: bright stars alone may place a frame far under the table's fields
_NOMINAL_DEG = 20.0
_MOST_PATTERNS = 60_000


def try_patterns(
    search: Search, depth: Depth, stars: int, hint: Hints | None = None, spread: bool = False
) -> Solution | None:
    """Look up patterns of the brightest `stars` sources (evenly spread ones with `spread`)."""
    table = search.data.patterns
    if table is None:
        return None
    low, high = width_bounds(search, hint)
    if high < _NARROWEST_WORTH_A_LOOK:
        return None
    x, y, flux = search.to_match(depth, _CENTROIDS, 5 if spread else 0)
    if x.size < 4:
        return None
    if spread:
        flux = np.linspace(2.0, 1.0, x.size)
    centred = np.column_stack([x - (search.width - 1) / 2, y - (search.height - 1) / 2, flux])
    bounded = low > 0
    estimate = float(np.sqrt(low * high)) if bounded else _NOMINAL_DEG
    search.tell("Looking up patterns of bright stars")
    result = table.solve_from_centroids(
        np.ascontiguousarray(centred, dtype=float),
        fov_estimate_deg=min(estimate, 120.0),
        fov_max_error_deg=None,
        image_width=search.width,
        image_height=search.height,
        match_threshold=1e-4,
        pattern_checking_stars=stars,
        max_patterns_checked=_MOST_PATTERNS,
        solve_timeout_ms=None,
    )
    if not result:
        return None
    rough = _projection(result, search)
    if rough is None or not _is_near(rough, hint):
        return None
    size = float(np.hypot(search.width, search.height))
    return search.consider(
        rough, "patterns of bright stars", tolerance_px=max(0.009 * size, 4.0), hint=hint, depth=depth
    )


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


def _projection(result: object, search: Search) -> Wcs | None:
    """Return the solver's answer as a projection about the frame's centre, from a grid of places."""
    x0, y0 = (search.width - 1) / 2, (search.height - 1) / 2
    grid_x, grid_y = np.meshgrid(np.linspace(-0.4, 0.4, 5) * search.width, np.linspace(-0.4, 0.4, 5) * search.height)
    ra, dec = result.pixel_to_world(grid_x.ravel(), grid_y.ravel())  # type: ignore[attr-defined] # untyped
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    good = np.isfinite(ra) & np.isfinite(dec)
    if np.count_nonzero(good) < 9 or not good[12]:
        return None
    scale = float(separation(ra[12], dec[12], ra[13], dec[13])) / (0.2 * search.width)
    guess = Wcs((float(ra[12]), float(dec[12])), (x0, y0), ((scale, 0.0), (0.0, scale)), search.width, search.height)
    x, y = grid_x.ravel()[good] + x0, grid_y.ravel()[good] + y0
    return fit_projection(guess, (x, y), (ra[good], dec[good]), sigma=np.ones(x.size))
