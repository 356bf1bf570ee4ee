"""Does an index work? A field drawn from the catalogue that it was made of is solved with it and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.catalogues.indexes import read_index
from hven.science.catalogues.reference import ReferenceStars, StarRows
from hven.science.catalogues.star_lists import StarList
from hven.science.sky.sphere import separation, unit_vectors
from hven.science.sky.wcs import Wcs
from hven.science.stars.data import SolverData
from hven.science.stars.ladder import solve
from hven.science.stars.solution import Hints, SourceList

_WIDTH, _HEIGHT = 1600, 1200
_NOISE_PX = 0.3
_MISSING, _SPURIOUS = 0.1, 0.1
_MOST_SOURCES = 300
_TRIES = 5
_FIELD_OF_QUADS = 2.2  # a trial frame's width in units of its largest asterisms


@dataclass(frozen=True, slots=True)
class Trial:
    """How an index did."""

    solved: int
    tried: int
    width_deg: float  # of the fields
    error_arcsec: float  # of the centre, median of the solved ones
    seconds: float  # of CPU, median of the solved ones


class _NoStars:
    """Reference stars of a sky without any: the index's own are all there is to go by."""

    def cone(self, *_place: float, **_options: float | None) -> StarRows:
        """Return none."""
        none = np.zeros(0)
        return StarRows(none, none, none.astype(np.float32), none.astype(np.float32), none.astype(np.uint8))


class _Alone(SolverData):
    """One index and nothing else: no star patterns, no reference stars."""

    @property
    def reference(self) -> ReferenceStars:
        """No stars."""
        return cast("ReferenceStars", _NoStars())

    @property
    def patterns(self) -> None:
        """No patterns."""


def try_index(paths: Sequence[Path], stars: StarList, seed: int = 1) -> Trial:
    """Solve fields drawn from a catalogue with an index made of it, blind but for a scale known to a third.

    The files are one index, or all tiles of one.

    Each field lies around a star drawn at random, at a random angle, with a tenth of its stars missing, a tenth of
    its sources spurious, and 0.3 pixels of error.

    Raises
    ------
    Invalid
        The catalogue has no place with enough stars for a field of the index's size.
    """
    indexes = tuple(read_index(path) for path in paths)
    rng = np.random.default_rng(seed)
    width_deg = min(_FIELD_OF_QUADS * indexes[0].quad_high_arcmin / 60, 60.0)
    alone = _Alone(Path(), indexes)
    errors, seconds, solved, tried = [], [], 0, 0
    for _ in range(4 * _TRIES):
        field = _draw(stars, width_deg, rng)
        if field is None:
            continue
        tried += 1
        sources, wcs = field
        scale = wcs.scale_arcsec
        hint = Hints(scale_low=scale / 1.33, scale_high=scale * 1.33)
        result = solve(sources, (hint,), alone, time_limit=20.0)
        if result.solution is not None:
            away = float(separation(*result.solution.wcs.centre, *wcs.centre)) * 3600
            if away < 5 * scale:
                solved += 1
                errors.append(away)
                seconds.append(result.seconds)
        if tried == _TRIES:
            break
    if not tried:
        raise Invalid(f"Nowhere in the catalogue are enough stars for a field of {width_deg:.2g} degrees.")
    median = (float(np.median(errors)), float(np.median(seconds))) if errors else (float("nan"), float("nan"))
    return Trial(solved, tried, width_deg, *median)


def _draw(stars: StarList, width_deg: float, rng: np.random.Generator) -> tuple[SourceList, Wcs] | None:
    """Return the sources of a field with its true projection; None where too few stars are."""
    pick = int(rng.integers(len(stars)))
    centre = (float(stars.ra[pick]), float(stars.dec[pick]))
    scale, angle, parity = width_deg / _WIDTH, rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    cd = ((float(parity * cosine), float(sine)), (float(-parity * sine), float(cosine)))
    wcs = Wcs(centre, ((_WIDTH - 1) / 2, (_HEIGHT - 1) / 2), cd, _WIDTH, _HEIGHT)
    near = np.flatnonzero(unit_vectors(stars.ra, stars.dec) @ unit_vectors(*centre) > np.cos(np.radians(width_deg)))
    x, y = wcs.to_pixel(stars.ra[near], stars.dec[near])
    inside = (x > 0) & (x < _WIDTH - 1) & (y > 0) & (y < _HEIGHT - 1)
    # a place at the catalogue's edge proves nothing
    quarters = {(bool(a), bool(b)) for a, b in zip(x[inside] > _WIDTH / 2, y[inside] > _HEIGHT / 2, strict=True)}
    if np.count_nonzero(inside) < 12 or len(quarters) < 4 or not _reaches_the_edges(x[inside], y[inside]):
        return None
    order = np.flatnonzero(inside)[np.argsort(stars.mag[near][inside], kind="stable")][:_MOST_SOURCES]
    order = order[rng.random(order.size) >= _MISSING]
    false = max(1, round(_SPURIOUS * order.size))
    x = np.concatenate([x[order] + rng.normal(0, _NOISE_PX, order.size), rng.uniform(0, _WIDTH, false)])
    y = np.concatenate([y[order] + rng.normal(0, _NOISE_PX, order.size), rng.uniform(0, _HEIGHT, false)])
    mag = np.concatenate([stars.mag[near][order], rng.choice(stars.mag[near][order], false)])
    rank = np.argsort(mag, kind="stable")
    flux = 10 ** (-0.4 * (mag[rank] - mag.max())) * 1000
    blank = np.zeros(rank.size)
    return SourceList(x[rank], y[rank], flux, blank, np.sqrt(flux), _WIDTH, _HEIGHT, 3.0), wcs


def _reaches_the_edges(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    spans = (np.ptp(x) / _WIDTH, np.ptp(y) / _HEIGHT)
    return bool(min(spans) > 0.75)
