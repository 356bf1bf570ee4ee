"""Axes of drawings: time from left to right with the dark of a night, and round numbers.

Time is measured in percent of the width and not in pixels, so that a phone shows the same drawing with letters of the
same size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hven.science.sky.almanac import TWILIGHTS, Night

SHAPES = ("circle", "square", "diamond", "triangle", "cross")
STRIP_HEIGHT = 64.0  # pixels
_MOST_TICKS = 9
_KINDS = ("day", "civil", "nautical", "astronomical", "dark")


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right."""

    first: datetime
    last: datetime

    def at(self, moment: datetime) -> float:
        """Return where a moment lies, in percent."""
        return round(100 * (moment - self.first) / (self.last - self.first), 3)

    def ticks(self) -> list[tuple[float, str]]:
        """Return whole hours with where they lie."""
        hours = (self.last - self.first).total_seconds() / 3600
        step = next((each for each in (1, 2, 3, 4, 6, 12) if hours / each <= _MOST_TICKS), 24)
        found = []
        moment = self.first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while moment <= self.last:
            if moment.hour % step == 0 and moment >= self.first:
                found.append((self.at(moment), f"{moment:%H:%M}"))
            moment += timedelta(hours=1)
        return [tick for tick in found if 1.5 < tick[0] < 98.5]


@dataclass(frozen=True, slots=True)
class Band:
    """How dark it is for a while."""

    x: float
    width: float
    kind: str  # day, civil, nautical, astronomical, dark


def night_axis(night: Night | None, moments: Sequence[datetime]) -> Axis | None:
    """Return the time that a drawing shows: from before sunset to after sunrise, and whatever was taken."""
    ends = list(moments)
    if night is not None:
        down, up = night.crossings(TWILIGHTS[0][1])
        if down is not None and up is not None:
            ends += [down - timedelta(minutes=30), up + timedelta(minutes=30)]
        else:
            ends += [night.start, night.start + timedelta(days=1)]
    if not ends:
        return None
    first, last = min(ends), max(ends)
    room = max((last - first) * 0.01, timedelta(minutes=1))
    return Axis(first - room, last + room)


def darkness(night: Night | None, axis: Axis) -> list[Band]:
    """Return how dark it is when."""
    if night is None:
        return []
    limits = [limit for _, limit in TWILIGHTS]
    kinds = [_KINDS[sum(float(sun) < limit for limit in limits)] for sun in night.sun_deg]
    moments = [night.start + timedelta(minutes=float(m)) for m in night.minutes]
    bands, begin = [], 0
    for at in range(1, len(kinds) + 1):
        if at < len(kinds) and kinds[at] == kinds[begin]:
            continue
        first, last = max(moments[begin], axis.first), min(moments[min(at, len(kinds) - 1)], axis.last)
        if last > first:
            bands.append(Band(axis.at(first), round(axis.at(last) - axis.at(first), 3), kinds[begin]))
        begin = at
    return bands


def line(
    axis: Axis, start: datetime, minutes: Iterable[float], values: Iterable[float], height: float = STRIP_HEIGHT
) -> str:
    """Return altitudes (degrees) as points of a line in a box of 1000 by `height`; below the horizon it is cut off."""
    parts = []
    for minute, value in zip(minutes, values, strict=True):
        x = axis.at(start + timedelta(minutes=float(minute))) * 10
        if -20 <= x <= 1020:
            parts.append(f"{x:.0f},{height * (1 - max(float(value), -5.0) / 90):.1f}")
    return " ".join(parts)


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two others; none where there is no room for numbers between them."""
    rough = (high - low) / most
    if not (math.isfinite(rough) and rough > 1e-12 * max(abs(low), abs(high), 1e-280)):
        return []
    base = 10.0 ** math.floor(math.log10(rough))
    step = next(base * factor for factor in (1, 2, 5, 10) if base * factor >= rough)
    return [float(f"{number * step:.12g}") for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
