"""The rung of fisheye lenses: fields that no flat picture of the sky can hold.

Near any direction such a lens draws the sky as it is, up to a known shear. A patch of the frame is drawn anew as a
flat picture, for some guesses of the lens's scale, and looked up in the pattern table. From the patch that matches,
the projection is grown outward over the frame: pairs of sources and reference stars within a widening circle free
more and more of the lens's numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import unit_vectors
from hven.science.sky.wcs import Wcs
from hven.science.sky.zenithal import EQUIDISTANT
from hven.science.stars.fit import recentred
from hven.science.stars.refine import References, described, pair_up, source_errors
from hven.science.stars.search import Depth, Search, Stopped
from hven.science.stars.solution import Hints, Solution, SourceList
from hven.science.stars.uniform import uniform_order
from hven.science.stars.verify import ACCEPTED, Evidence, weigh
from hven.science.stars.zenithal_fit import STAGES, fit_zenithal, freedom_for, rays_of, turned

Floats = NDArray[np.float64]
RUNG = "patterns of bright stars through a fisheye"
# Degrees from the axis to the middle of the frame's longer edge, as a guess.
_EDGES = np.geomspace(34.0, 125.0, 8)
_PATCH_DEG = 25.0
_OFF_AXIS = 0.45  # of the way to the edge
_STARS = 300
_IN_PATCH = 60
_CHECKED = 16
_BRIGHT = 500  # reference stars on the whole sky that a proposal is grown with: to about 4.9 mag
_DEEP = 4000
_FISHEYE_FROM_DEG = 35.0
_SCATTERED_PX = 1.5
_WORTH = 1.1
_GROWTH = 1.3
_LEAST_PAIRS = 8
_FREEDOM = 6  # of the matches count as bought by the fit and the search


@dataclass(frozen=True, slots=True)
class _Patch:
    """A part of the frame drawn flat: where its middle lies in the camera, and the guess it was drawn with."""

    middle: Floats  # (3,), unit vector in the camera
    right: Floats  # (3,), towards rising x of the drawing
    down: Floats  # (3,)
    scale_deg: float  # degrees per pixel at the axis, guessed


def try_fisheye(search: Search, depth: Depth, hint: Hints | None = None) -> Solution | None:
    """Look up patches of the frame, and grow the projection from the first that holds."""
    if search.data.patterns is None or len(search.list_of(depth)) < 2 * _LEAST_PAIRS:
        return None
    axis = (search.width - 1) / 2, (search.height - 1) / 2
    half = 0.5 * max(search.width, search.height)
    low, high = _scale_bounds(hint)
    x, y, _ = search.to_match(depth, _STARS)
    search.tell("Looking up patches of a fisheye's picture")
    for off_axis in (False, True):
        for edge in _EDGES:
            if not low / 1.1 < edge / half * 3600 < high * 1.1:
                continue
            rays = rays_of(x, y, float(edge / half), axis)
            for patch in _patches(float(edge), half, off_axis=off_axis):
                search.check()
                rough = _looked_up(search, rays, patch, axis)
                if rough is None:
                    continue
                found = consider_fisheye(search, rough, patch_ray=patch.middle, depth=depth, hint=hint)
                if found is not None:
                    return found
    return None


def consider_fisheye(
    search: Search,
    rough: Wcs,
    *,
    patch_ray: Floats | None = None,
    depth: Depth = Depth.FULL,
    hint: Hints | None = None,
    rung: str = RUNG,
) -> Solution | None:
    """Weigh a zenithal proposal on all stars; return the refined solution if chance can be excluded.

    `patch_ray` says around which direction of the camera the proposal holds; by default it holds everywhere.
    """
    sources = search.list_of(depth)
    head = uniform_order(sources.x, sources.y, sources.width, sources.height, 8)[: 2 * _STARS]
    x, y = sources.x[head], sources.y[head]
    bright = _references(search, _BRIGHT)
    size = float(max(search.width, search.height))
    wcs = rough
    span = 180.0 if patch_ray is None else _PATCH_DEG
    middle = np.array([0.0, 0.0, 1.0]) if patch_ray is None else patch_ray
    tolerance = 0.012 * size
    while True:
        near = bright.chosen(_within(wcs, bright, middle, span))
        grown = _settled(wcs, (x, y), near, tolerance, span_deg=min(span + _off_deg(middle), 180.0))
        if grown is None:
            return None
        wcs, spread = grown
        if span >= 180.0:
            break
        span = min(span * _GROWTH, 180.0)
        tolerance = max(0.006 * size, 4 * spread)
    if not search.is_allowed(wcs, hint):
        return None
    evidence = _weighed(wcs, sources, bright, spread)
    if not evidence.accepted:
        return None
    return _refined(search, wcs, sources, evidence, rung)


def through_fisheye(search: Search, solution: Solution) -> Solution | None:
    """Return a wide frame's solution measured anew as a fisheye's picture, where that explains it better.

    The middle of such a picture looks like any other lens's, so other rungs may find it; the rest then fits badly.
    """
    flat = recentred(solution.wcs)
    if solution.wcs.radial is not None or flat.scale_arcsec * max(flat.width, flat.height) / 3600 < _FISHEYE_FROM_DEG:
        return None
    # a flat fit of a curved picture scatters
    scattered = solution.rms_arcsec > _SCATTERED_PX * flat.scale_arcsec
    try:
        found = consider_fisheye(
            search, replace(flat, radial=EQUIDISTANT), patch_ray=np.array([0.0, 0.0, 1.0]),
            rung=f"{solution.rung}, then through a fisheye",
        )  # fmt: skip
        if found is None and scattered:
            found = try_fisheye(search, search.depths()[0])
    except Stopped:
        return None
    # a flat projection that does as well is better understood by other software
    better = found is not None and found.log_odds > _WORTH * solution.log_odds + ACCEPTED
    return found if better else None


def _scale_bounds(hint: Hints | None) -> tuple[float, float]:
    """Return the bounds of the scale in arcsec per pixel."""
    if hint is None:
        return 0.0, np.inf
    return hint.scale_low or 0.0, hint.scale_high or np.inf


def _patches(edge_deg: float, half: float, *, off_axis: bool) -> Iterator[_Patch]:
    """Yield the middle patch, or those around it."""
    scale = edge_deg / half
    if not off_axis:
        yield _Patch(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), scale)
        return
    z = np.radians(_OFF_AXIS * edge_deg)
    for turn in np.radians(np.arange(0, 360, 60)):
        cosine, sine = np.cos(turn), np.sin(turn)
        middle = np.array([np.sin(z) * cosine, np.sin(z) * sine, np.cos(z)])
        right = np.array([np.cos(z) * cosine, np.cos(z) * sine, -np.sin(z)])
        yield _Patch(middle, right, np.array([-sine, cosine, 0.0]), scale)


def _looked_up(search: Search, rays: Floats, patch: _Patch, axis: tuple[float, float]) -> Wcs | None:
    """Return the whole lens's projection as a patch suggests it, None where the patch matches nothing."""
    cosine = rays @ patch.middle
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero(cosine > np.cos(np.radians(_PATCH_DEG)))[:_IN_PATCH]
    if near.size < _LEAST_PAIRS:
        return None
    wide = np.tan(np.radians(_PATCH_DEG))
    flat = 1000 / wide * np.column_stack([rays[near] @ patch.right, rays[near] @ patch.down]) / cosine[near, None]
    result = search.data.patterns.solve_from_centroids(  # type: ignore[union-attr] # the caller looked
        np.ascontiguousarray(np.column_stack([flat, np.linspace(2.0, 1.0, near.size)])),
        fov_estimate_deg=2 * _PATCH_DEG,
        fov_max_error_deg=None,
        image_width=2000,
        image_height=2000,
        match_threshold=1e-4,
        pattern_checking_stars=_CHECKED,
        max_patterns_checked=20_000,
        solve_timeout_ms=None,
    )
    return None if not result else _lens_of(result, search, patch, axis)


def _lens_of(result: Any, search: Search, patch: _Patch, axis: tuple[float, float]) -> Wcs | None:
    """Return the projection of the whole lens from a patch's place in the sky."""
    net = np.meshgrid(np.linspace(-600, 600, 5), np.linspace(-600, 600, 5))
    across, along = net[0].ravel(), net[1].ravel()
    ra, dec = (np.asarray(part, float) for part in result.pixel_to_world(across, along))
    good = np.isfinite(ra) & np.isfinite(dec)
    if np.count_nonzero(good) < 9:
        return None
    wide = np.tan(np.radians(_PATCH_DEG))
    true_wide = np.tan(np.radians(float(result.fov_deg) / 2))
    # the patch was drawn with the guessed scale; how large it really is in the sky corrects the guess
    scale = patch.scale_deg * float(np.arctan(true_wide) / np.arctan(wide))
    stretch = scale / patch.scale_deg
    middle_z = np.arccos(np.clip(patch.middle[2], -1, 1))
    moved = _tilted(patch, middle_z * stretch)
    flat = true_wide / 1000 * np.column_stack([across, along])[good]
    rays = moved.middle + flat[:, :1] * moved.right + flat[:, 1:] * moved.down
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return turned(
        rays,
        unit_vectors(ra[good], dec[good]),
        scale_deg=scale,
        axis=axis,
        size=(search.width, search.height),
        lens=EQUIDISTANT,
    )


def _tilted(patch: _Patch, z: float) -> _Patch:
    """Return the patch's frame with its middle so many radians from the axis."""
    if patch.middle[2] > 1 - 1e-12:
        return patch
    outward = patch.middle[:2] / np.hypot(*patch.middle[:2])
    middle = np.array([np.sin(z) * outward[0], np.sin(z) * outward[1], np.cos(z)])
    right = np.array([np.cos(z) * outward[0], np.cos(z) * outward[1], -np.sin(z)])
    return _Patch(middle, right, patch.down, patch.scale_deg)


def _references(search: Search, limit: int) -> References:
    rows = search.data.reference.brightest(limit, epoch=search.epoch)
    return References(np.asarray(rows.ra, float), np.asarray(rows.dec, float), np.asarray(rows.mag, float), rows.names)


def _off_deg(middle: Floats) -> float:
    return float(np.degrees(np.arccos(np.clip(middle[2], -1, 1))))


def _within(wcs: Wcs, references: References, middle: Floats, span_deg: float) -> NDArray[np.intp]:
    """Return the reference stars on the frame that the camera sees within `span_deg` of a direction of its own."""
    x, y = wcs.to_pixel(references.ra, references.dec)
    with np.errstate(invalid="ignore"):
        inside = (x > 0) & (x < wcs.width - 1) & (y > 0) & (y < wcs.height - 1)
        near = rays_of(x, y, wcs.scale_arcsec / 3600, wcs.crpix) @ middle > np.cos(np.radians(span_deg))
    return np.flatnonzero(inside & near)


def _settled(
    wcs: Wcs, places: tuple[Floats, Floats], references: References, tolerance: float, *, span_deg: float
) -> tuple[Wcs, float] | None:
    """Return the projection fitted to the pairs within a tolerance, pixels, and their scatter along one axis."""
    x, y = places
    spread = tolerance / 3
    for _ in range(4):
        pairs = pair_up(wcs, x, y, references, tolerance)
        if pairs.source.size < max(_LEAST_PAIRS, 0.3 * min(len(references), 40)):
            return None
        better = fit_zenithal(
            wcs,
            (x[pairs.source], y[pairs.source]),
            (references.ra[pairs.reference], references.dec[pairs.reference]),
            sigma=np.full(pairs.source.size, max(0.3 * tolerance, 0.5)),
            free=freedom_for(pairs.source.size, span_deg),
        )
        if not _is_sane(better, wcs):
            return None
        wcs = better
        distance = pair_up(wcs, x, y, references, tolerance).distance
        if not distance.size:
            return None
        spread = max(float(np.median(distance)) / 1.18, 0.3)
        smaller = max(4 * spread, 1.5)
        if smaller > 0.9 * tolerance:
            break
        tolerance = smaller
    return wcs, spread


def _is_sane(new: Wcs, old: Wcs) -> bool:
    numbers = np.array([*new.crval, *new.crpix, *new.cd[0], *new.cd[1], *(new.radial or ())])
    if not np.all(np.isfinite(numbers)) or new.parity != old.parity:
        return False
    centre = np.array([(new.width - 1) / 2, (new.height - 1) / 2])
    off = np.hypot(*(np.asarray(new.crpix) - centre)) / max(new.width, new.height)
    return bool(0.7 < new.scale_arcsec / old.scale_arcsec < 1.4 and off < 0.35)


def _weighed(wcs: Wcs, sources: SourceList, references: References, spread: float) -> Evidence:
    """Return the evidence of the brightest stars; what the lens does not show of the frame's area counts as none."""
    px, py = wcs.to_pixel(references.ra, references.dec)
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero((px > 0) & (px < wcs.width) & (py > 0) & (py < wcs.height))[:200]
    head = uniform_order(sources.x, sources.y, sources.width, sources.height)[: max(2 * inside.size, 40)]
    lit = _lit_share(sources)
    return weigh(
        sources.x[head],
        sources.y[head],
        px[inside],
        py[inside],
        width=sources.width,
        height=sources.height,
        sigma_px=max(1.2 * spread, 0.5),
        freedom=_FREEDOM,
        area_px=lit * sources.width * sources.height,
    )


def _lit_share(sources: SourceList) -> float:
    """Return the share of the frame on which sources lie, from the cells of a coarse net that hold any."""
    cells = 12
    column = np.clip((sources.x / sources.width * cells).astype(int), 0, cells - 1)
    row = np.clip((sources.y / sources.height * cells).astype(int), 0, cells - 1)
    return float(max(np.unique(row * cells + column).size / cells**2, 0.1))


def _refined(search: Search, wcs: Wcs, sources: SourceList, evidence: Evidence, rung: str) -> Solution | None:
    """Measure a verified projection with all stars."""
    deep = _references(search, _DEEP)
    px, py = wcs.to_pixel(deep.ra, deep.dec)
    with np.errstate(invalid="ignore"):
        on = np.flatnonzero((px > 0) & (px < wcs.width - 1) & (py > 0) & (py < wcs.height - 1))
    # no deeper than the frame: what it cannot show pairs with noise only
    deep = deep.chosen(on[: max(int(1.5 * len(sources)), 60)])
    error = source_errors(sources)
    spread, tolerance = 1.0, 4.0
    for turn in range(4):
        pairs = pair_up(wcs, sources.x, sources.y, deep, tolerance)
        if pairs.source.size < _LEAST_PAIRS:
            return None
        s, r = pairs.source, pairs.reference
        free = freedom_for(s.size, 180.0) if turn else min(freedom_for(s.size, 180.0), STAGES[3])
        wcs = fit_zenithal(
            wcs,
            (sources.x[s], sources.y[s]),
            (deep.ra[r], deep.dec[r]),
            sigma=np.hypot(error[s], 0.3 * spread),
            free=free,
        )
        again = pair_up(wcs, sources.x, sources.y, deep, tolerance)
        if again.source.size < _LEAST_PAIRS:
            return None
        spread = max(float(np.median(again.distance)) / 1.18, 0.1)
        tolerance = max(4 * spread, 1.0)
    pairs = pair_up(wcs, sources.x, sources.y, deep, tolerance)
    if pairs.source.size < _LEAST_PAIRS:
        return None
    return described(wcs, sources, deep, pairs, evidence=evidence, rung=rung, epoch=search.epoch, spread=spread)
