"""The rung of index files: asterisms of the frame looked up by their shape in astrometry.net's indexes.

What makes a blind search slow is looking for asterisms where none can be: every asterism of the frame in every
index at every scale. Here the scales are cut into groups of a factor of two; for each group only those indexes are
asked whose asterisms would span a good part of the frame, with only as many stars as it takes to have some in
every circle of an asterism's size, and with a code tolerance that the measuring error warrants. All groups are
asked with few stars before any is asked with more. Triangles match by chance far oftener than quads and come last.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from hven.science.catalogues.indexes import IndexFile
from hven.science.sky.sphere import angles, separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.refine import listed
from hven.science.stars.search import Depth, Search
from hven.science.stars.solution import Hints, Solution
from hven.science.stars.wide import width_bounds

STARS_IN_CIRCLE = (4.0, 7.0, 11.0)  # wanted within an asterism's circle, by level
_BEST_SIZE = 0.45  # of an asterism, as a share of the frame's width
_SIZES = (0.12, 1.0)
_INDEXES_A_LEVEL = (2, 3, 5)
_FEWEST_STARS = (10, 20, 34)
_MOST_STARS = (30, 60, 110)
_CODE_ERROR = (0.003, 0.003, 0.005)  # at least: the last look is for lenses that distort by some percent, too
_TRIANGLES_FROM_DEG = (3.0, 8.0, 12.0)  # width of a frame, by level
_GROUP = 2.0
_STEP = 10
_VERIFIED_WITH = 70
_WIDEST_DEG = 100.0
_PROPOSED = 12.0  # log-odds at which the engine's match is worth weighing on all stars
_MOST_MATCHES = 40_000


@dataclass(frozen=True, slots=True)
class Task:
    """One question to one scale of indexes."""

    files: tuple[IndexFile, ...]
    low_arcsec: float  # scale of the frame, per pixel
    high_arcsec: float
    stars: int
    quad_px: float
    group: int


def scales_of(indexes: tuple[IndexFile, ...]) -> list[tuple[IndexFile, ...]]:
    """Return the files in groups of one series and one size of asterisms, widest first."""
    groups: dict[tuple[int, float], list[IndexFile]] = {}
    for index in indexes:
        groups.setdefault((index.index_id, round(index.quad_low_arcmin, 2)), []).append(index)
    return [tuple(g) for _, g in sorted(groups.items(), key=lambda item: -item[0][1])]


def plan(search: Search, hint: Hints | None, level: int, triangles: bool) -> list[Task]:
    """Return what to ask at one level, widest fields first."""
    files = [g for g in scales_of(search.data.indexes) if (g[0].stars_per_quad == 3) == triangles]
    if hint is not None and hint.ra is not None and hint.dec is not None:
        files = [kept for g in files if (kept := _near(g, hint))]
    if not files:
        return []
    low, high = width_bounds(search, hint)
    narrowest = min(g[0].quad_low_arcmin for g in files) / 60
    low, high = max(low, 0.9 * narrowest), min(high, _WIDEST_DEG)
    if high <= low:
        return []
    count = max(int(np.ceil(np.log(high / low) / np.log(_GROUP))), 1)
    edges = np.geomspace(high, low, count + 1)
    tasks: list[Task] = []
    # narrower fields have asterisms of four stars to go by, where any such index is installed
    has_quads = any(i.stars_per_quad > 3 for i in search.data.indexes)
    least = _TRIANGLES_FROM_DEG[level] if triangles and has_quads else 0.0
    for number, (top, bottom) in enumerate(itertools.pairwise(edges)):
        if top < least:
            continue
        middle = np.sqrt(top * bottom)
        sized = []
        for group in files:
            size = np.sqrt(group[0].quad_low_arcmin * group[0].quad_high_arcmin) / 60 / middle
            if _SIZES[0] < size < _SIZES[1]:
                sized.append((abs(np.log(size / _BEST_SIZE)), float(size), group))
        sized.sort(key=lambda item: item[0])
        for _, size, group in sized[: _INDEXES_A_LEVEL[level] + (count == 1)]:
            quad_px = size * search.width
            stars = STARS_IN_CIRCLE[level] * search.width * search.height / (0.785 * quad_px**2)
            tasks.append(
                Task(
                    files=group,
                    low_arcsec=bottom * 3600 / search.width,
                    high_arcsec=top * 3600 / search.width,
                    stars=int(np.clip(stars, _FEWEST_STARS[level], _MOST_STARS[level])),
                    quad_px=quad_px,
                    group=number,
                )
            )
    return tasks


def try_indexes(
    search: Search,
    depth: Depth,
    level: int,
    *,
    triangles: bool = False,
    loose: bool = False,
    hint: Hints | None = None,
) -> Solution | None:
    """Ask the indexes at one level; return the first verified match."""
    x, y, _ = search.to_match(depth, max(_MOST_STARS), _cells(level))
    if x.size < 4:
        return None
    xy = np.column_stack([x, y]).tolist()
    for task in plan(search, hint, level, triangles):
        for start in range(0, min(task.stars, len(xy)), _STEP):
            search.check()
            stop = min(start + _STEP, task.stars, len(xy))
            search.tell(
                f"Matching asterisms of {task.files[0].quad_low_arcmin:.0f}-{task.files[0].quad_high_arcmin:.0f}'"
            )
            match = _ask(search, task, xy, (start, stop), level=level, loose=loose, hint=hint)
            if match is None:
                continue
            found = _appeal(search, match, task, depth, hint)
            if found is not None:
                return found
    return None


def _ask(
    search: Search,
    task: Task,
    xy: list[list[float]],
    between: tuple[int, int],
    *,
    level: int,
    loose: bool,
    hint: Hints | None,
) -> Any | None:
    """Return the engine's first match among asterisms that contain a star `between` two places, or None."""
    import astrometry  # noqa: PLC0415 - a compiled library that only solvers need

    solver = search.data.solver(task.files)
    if solver is None:
        return None
    start, stop = between
    triangle = task.files[0].stars_per_quad == 3
    error = 1.2 if loose else 0.6
    tolerance = float(np.clip(1.6 * error / task.quad_px, 0.002 if triangle else _CODE_ERROR[level], 0.01))
    if loose:
        tolerance = max(tolerance, 0.005 if triangle else 0.01)
    parity = astrometry.Parity.BOTH
    if search.parity is not None:
        parity = astrometry.Parity.FLIP if search.parity > 0 else astrometry.Parity.NORMAL
    position = None
    if hint is not None and hint.ra is not None and hint.dec is not None:
        radius = (hint.radius or 10.0) + task.high_arcsec * float(np.hypot(search.width, search.height)) / 7200
        position = astrometry.PositionHint(hint.ra % 360.0, hint.dec, min(radius, 180.0))
    solution = solver.solve(
        xy[: max(stop, _VERIFIED_WITH)],
        astrometry.SizeHint(task.low_arcsec, task.high_arcsec),
        position,
        astrometry.SolutionParameters(
            sip_order=0,
            tune_up_logodds_threshold=None,
            code_tolerance_l2_distance=tolerance,
            positional_noise_pixels=max((hint.positional_error_px if hint else None) or 1.0, 1.0),
            minimum_quad_size_pixels=0.4 * task.quad_px,
            distractor_ratio=0.4,
            maximum_matches=_MOST_MATCHES,
            parity=parity,
            output_logodds_threshold=_PROPOSED,
            slices_generator=lambda _count: [(start, stop)],
            logodds_callback=lambda _odds: astrometry.Action.STOP,
        ),
    )
    return solution.best_match() if solution.has_match() else None


def _appeal(search: Search, match: Any, task: Task, depth: Depth, hint: Hints | None) -> Solution | None:
    """Weigh the engine's match on all stars."""
    cards = {key: value[0] for key, value in match.wcs_fields.items()}
    cards["CTYPE1"], cards["CTYPE2"] = "RA---TAN", "DEC--TAN"
    rough = Wcs.from_cards(cards, search.width, search.height)
    if rough is None:
        return None
    ra = np.array([s.ra_deg for s in match.stars])
    dec = np.array([s.dec_deg for s in match.stars])
    mag = np.array([_magnitude(s.metadata) for s in match.stars])
    quad = task.files[0]
    size = float(np.hypot(search.width, search.height))
    return search.consider(
        rough,
        f"asterisms of {quad.quad_low_arcmin:.0f} to {quad.quad_high_arcmin:.0f} arcminutes",
        tolerance_px=max(0.006 * size, 5.0),
        hint=hint,
        listed=listed(ra, dec, mag, f"index {quad.index_id}") if ra.size else None,
        depth=depth,
    )


def _magnitude(metadata: dict[str, Any]) -> float:
    """Return an index star's magnitude, NaN where its file has none."""
    for name, value in metadata.items():
        if "mag" in name.lower() and isinstance(value, float | int):
            return float(value)
    return float("nan")


def _cells(level: int) -> int:
    """Return how finely to spread the stars of a level over the frame."""
    return (0, 4, 6)[level]


def _near(files: tuple[IndexFile, ...], hint: Hints) -> tuple[IndexFile, ...]:
    """Return the files whose tile may hold the hinted place."""
    if files[0].healpix < 0 or hint.ra is None or hint.dec is None:
        return files
    reach = (hint.radius or 10.0) + 2.0
    return tuple(f for f in files if _tile_distance(f, hint.ra, hint.dec) < reach)


def _tile_distance(file: IndexFile, ra: float, dec: float) -> float:
    """Return how far a position is, at least, from the circle around a file's tile, degrees."""
    centre_ra, centre_dec = _tile_centre(file.nside, file.healpix)
    radius = 50.0 / max(file.nside, 1)
    return float(separation(ra, dec, centre_ra, centre_dec)) - radius


def _tile_centre(nside: int, healpix: int) -> tuple[float, float]:
    """Return the centre of a tile in astrometry.net's numbering: base cell, then x and y across it."""
    base, rest = divmod(healpix, nside * nside)
    x, y = divmod(rest, nside)
    fx, fy = (x + 0.5) / nside, (y + 0.5) / nside
    column, row = base % 4, base // 4
    # HEALPix plane (Calabretta & Roukema 2007, MNRAS 381, 865), quarter turns in t, z from the equal-area rules
    t = column + (0.5 if row != 1 else 0.0) + 0.5 * (fx - fy)
    s = (1 - row) + (fx + fy) - 1.0
    if abs(s) <= 0.5:
        z = 4.0 / 3.0 * s
        phi = t * 90.0
    else:
        side = 2.0 - 2.0 * abs(s)
        z = np.sign(s) * (1 - side**2 / 3.0)
        middle = np.floor(t) + 0.5
        phi = (middle + (t - middle) / max(side, 1e-9)) * 90.0
    sine = float(np.clip(z, -1, 1))
    cosine = np.sqrt(1 - sine**2)
    vector = np.array([cosine * np.cos(np.radians(phi)), cosine * np.sin(np.radians(phi)), sine])
    ra, dec = angles(vector)
    return float(ra), float(dec)
