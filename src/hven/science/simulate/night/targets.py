"""What a night looks at: deep-sky objects that stand high when their turn comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hven.errors import Invalid
from hven.science.catalogues.deepsky import deep_sky, find_object
from hven.science.sky.almanac import Place, track_at
from hven.science.sky.sphere import separation

LOWEST_DEG = 20.0  # a target stands higher when its turn comes
_HIGH_DEG = 45.0
_FROM_MOON_DEG, _APART_DEG = 25.0, 5.0
_POOL = 6  # of the highest, one is drawn
_FAINTEST = 11.0
_TYPES = ("G", "GCl", "OCl", "PN", "HII", "Neb", "SNR", "Cl+N", "EmN", "RfN")


@dataclass(frozen=True, slots=True)
class Target:
    """A place that is looked at."""

    name: str  # "M31", "NGC 2403"
    ra: float  # ICRS degrees
    dec: float

    @property
    def word(self) -> str:
        """The name for files and folders."""
        return self.name.replace(" ", "")


def named_targets(names: Sequence[str]) -> list[Target]:
    """Return the deep-sky objects that these names mean.

    Raises
    ------
    Invalid
        The catalogue has none of such a name, or two names mean the same.
    """
    found: list[Target] = []
    for name in names:
        row = find_object(name)
        if row is None:
            raise Invalid(f"The catalogue has no {name}; targets are named like M31, NGC 2403, IC 434 or Pleiades.")
        target = _target(row)
        if target in found:
            raise Invalid(f"{name} and another of the targets are the same object; name it once.")
        found.append(target)
    return found


def in_turn(targets: Sequence[Target], place: Place, turns: Sequence[datetime]) -> list[Target]:
    """Return as many targets as turns, each when it stands highest, all taken together.

    Raises
    ------
    Invalid
        One stands too low all the same.
    """
    start = turns[0]
    minutes = _minutes(turns)
    heights = np.array([track_at(place, start, minutes, each.ra, each.dec).altitude_deg for each in targets])
    which, turn = linear_sum_assignment(-np.clip(heights, None, 85.0))
    for row, column in zip(which, turn, strict=True):
        if heights[row, column] < LOWEST_DEG:
            raise Invalid(
                f"{targets[row].name} stands {heights[row, column]:.0f} degrees high when its turn comes, and"
                f" {LOWEST_DEG:g} are needed; choose another target, date or site."
            )
    order = np.argsort(turn)
    return [targets[int(which[k])] for k in order]


def choose_targets(
    place: Place, turns: Sequence[datetime], field_deg: float, seed: int | tuple[int, ...]
) -> list[Target]:
    """Return a target for each turn: one of those that stand highest then, well away from the Moon.

    Messier's objects come first. Those wider than a field are left out, where their size is known.
    """
    rng = np.random.default_rng(seed)
    sky = deep_sky()
    fits = ~(sky.radius_deg * 2 > field_deg) & np.isin(sky.type, _TYPES)
    bright = (sky.v_mag < _FAINTEST) | (sky.b_mag < _FAINTEST)
    chosen: list[Target] = []
    for turn in turns:
        height = _height(place, turn, sky.ra, sky.dec)
        pools = [
            np.flatnonzero(fits & (sky.messier > 0) & (height > _HIGH_DEG)),
            np.flatnonzero(fits & bright & (height > _HIGH_DEG)),
            np.flatnonzero(bright),
        ]
        candidates = [int(row) for pool in pools for row in _drawn(pool, height, rng)]
        chosen.append(_first_free(candidates, chosen, place, turn))
    return chosen


def _drawn(pool: NDArray[np.intp], height: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a pool's rows: the highest few in an order that is drawn, then the others."""
    ordered = pool[np.argsort(-height[pool], kind="stable")]
    return np.concatenate([rng.permutation(ordered[:_POOL]), ordered[_POOL:]])


def _first_free(candidates: Sequence[int], chosen: Sequence[Target], place: Place, turn: datetime) -> Target:
    for row in candidates:
        target = _target(row)
        if any(separation(target.ra, target.dec, each.ra, each.dec) < _APART_DEG for each in chosen):
            continue
        track = track_at(place, turn, np.zeros(1), target.ra, target.dec)
        if track.altitude_deg[0] > LOWEST_DEG and track.moon_deg[0] > _FROM_MOON_DEG:
            return target
    raise Invalid("No deep-sky object stands high enough at that site on that date; name the targets.")


def _target(row: int) -> Target:
    sky = deep_sky()
    number = int(sky.messier[row])
    return Target(f"M{number}" if number else sky.name[row], float(sky.ra[row]), float(sky.dec[row]))


def _height(place: Place, when: datetime, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return altitudes in degrees, good to half a degree: mean sidereal time, and no precession since 2000."""
    days = (when - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
    hour = np.radians(280.46062 + 360.98564737 * days + place.longitude_deg - ra)
    lat, lon = np.radians(place.latitude_deg), np.radians(dec)
    sine = np.sin(lat) * np.sin(lon) + np.cos(lat) * np.cos(lon) * np.cos(hour)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1, 1))))


def _minutes(turns: Sequence[datetime]) -> NDArray[np.float64]:
    return np.array([(turn - turns[0]).total_seconds() / 60 for turn in turns])
