"""Drawings of a night: when it was dark, what was taken when, how the sky was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from hven.imaging.services.conditions import FrameOfNight
from hven.science.sky.almanac import Night
from hven.web.axes import SHAPES, Axis, Band, darkness, line, night_axis, round_numbers

CHART_HEIGHT, CHART_EDGE = 112, 16  # pixels
_TONES = {"U": 4, "u": 4, "B": 0, "g": 0, "V": 2, "G": 2, "R": 3, "r": 3, "I": 5, "i": 5, "L": 1, "C": 1}
_STATES = {
    "solved": ("circle", 2),
    "no solution": ("diamond", 1),
    "failed": ("triangle", 3),
    "under way": ("square", 0),
}
_MOST_MARKS = 600
_JOINED = 0.0015  # of the width: exposures closer than this become one bar
_LEAST_WIDTH = 0.25  # percent, so that a bar is seen


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """Exposures that follow each other in one filter."""

    x: float
    width: float
    tone: int  # number of the filter
    words: str


@dataclass(slots=True)
class Row:
    """What was taken of one target, or of one kind of calibration."""

    words: str
    anchor: str
    bars: list[Bar] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """One measurement."""

    x: float  # percent
    y: float  # pixels from the top
    shape: str
    tone: int
    words: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measured on each frame."""

    title: str
    name: str  # of the field of `FrameOfNight`
    unit: str
    digits: int
    hint: str = ""


QUANTITIES = (
    Quantity("Zero point", "zero_point", "mag", 2, "; higher is clearer"),
    Quantity("Width of stars", "fwhm", "", 1),
    Quantity("Level of the sky", "sky_adu", "ADU", 0),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity through the night."""

    title: str
    unit: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    summary: str
    height: int = CHART_HEIGHT


@dataclass(frozen=True, slots=True)
class NightPlot:
    """All drawings of one night, on one axis."""

    axis: Axis
    ticks: list[tuple[float, str]]
    bands: list[Band]
    moon: str  # points of a line in a box of 1000 by STRIP_HEIGHT; empty where nobody knows
    sun: str
    filters: list[tuple[str, str, int]]  # name, shape, tone
    rows: list[Row]
    charts: list[Chart]
    states: list[Mark]


def draw(night: Night | None, frames: Sequence[FrameOfNight], names: dict[tuple[str, int], str]) -> NightPlot | None:
    """Return the drawings of a night; None where nothing is known of it.

    Parameters
    ----------
    night
        Sun and Moon, where the site is known.
    frames
        By time.
    names
        What each observation ("o", key) and calibration ("c", key) is called, in the order in which they stand.
    """
    half = {frame.uuid: timedelta(seconds=frame.exposure_s / 2) for frame in frames}
    ends = [m for f in frames for m in (f.middle - half[f.uuid], f.middle + half[f.uuid])]
    axis = night_axis(night, ends)
    if axis is None:
        return None
    said = sorted({frame.filter for frame in frames if frame.observation is not None})
    looks = {name: (SHAPES[number % len(SHAPES)], _tone(name, number)) for number, name in enumerate(said)}
    lights = [frame for frame in frames if frame.observation is not None]
    charts = [_chart(axis, lights, looks, each) for each in QUANTITIES]
    return NightPlot(
        axis=axis,
        ticks=axis.ticks(),
        bands=darkness(night, axis),
        moon="" if night is None else line(axis, night.start, night.minutes, night.moon_deg),
        sun="" if night is None else line(axis, night.start, night.minutes, night.sun_deg),
        filters=[(name or "no filter", *looks[name]) for name in said],
        rows=_rows(axis, frames, names, {name: tone for name, (_, tone) in looks.items()}),
        charts=[chart for chart in charts if chart is not None],
        states=[_state(axis, frame) for frame in _thinned(lights)] if any(frame.state for frame in lights) else [],
    )


def _thinned(rows: Sequence[T]) -> Sequence[T]:
    """Return every so manieth of many rows: more marks than pixels only make a page heavy."""
    return rows[:: -(-len(rows) // _MOST_MARKS)] if rows else rows


def _tone(name: str, number: int) -> int:
    """Return the number of a filter's colour: like its light where the name is usual."""
    return _TONES.get(name[:1], number % 6)


def _rows(
    axis: Axis, frames: Sequence[FrameOfNight], names: dict[tuple[str, int], str], tones: dict[str, int]
) -> list[Row]:
    rows = {key: Row(words, f"{key[0]}{key[1]}") for key, words in names.items()}
    open_bars: dict[tuple[str, int], list[FrameOfNight]] = {}
    for frame in frames:
        key = ("o", frame.observation) if frame.observation is not None else ("c", frame.calibration or 0)
        if key not in rows:
            continue
        rows[key].count += 1
        group = open_bars.setdefault(key, [])
        if group and (group[-1].filter != frame.filter or not _near(axis, group[-1], frame)):
            rows[key].bars.append(_bar(axis, group, tones))
            group.clear()
        group.append(frame)
    for key, group in open_bars.items():
        rows[key].bars.append(_bar(axis, group, tones))
    return [row for row in rows.values() if row.count]


def _near(axis: Axis, one: FrameOfNight, other: FrameOfNight) -> bool:
    gap = (other.middle - one.middle).total_seconds() - (one.exposure_s + other.exposure_s) / 2
    return gap < _JOINED * (axis.last - axis.first).total_seconds()


def _bar(axis: Axis, group: Sequence[FrameOfNight], tones: dict[str, int]) -> Bar:
    first = group[0].middle - timedelta(seconds=group[0].exposure_s / 2)
    last = group[-1].middle + timedelta(seconds=group[-1].exposure_s / 2)
    exposures = {f"{frame.exposure_s:g}" for frame in group}
    each = f"{len(group)} × {exposures.pop()} s" if len(exposures) == 1 else f"{len(group)} frames"  # noqa: RUF001 - times
    words = ", ".join(part for part in (group[0].filter, each, f"{first:%H:%M}–{last:%H:%M} UTC") if part)  # noqa: RUF001 - a dash
    width = max(_LEAST_WIDTH, round(axis.at(last) - axis.at(first), 3))
    return Bar(axis.at(first), width, tones.get(group[0].filter, 0), words)


def _state(axis: Axis, frame: FrameOfNight) -> Mark:
    shape, tone = _STATES.get(frame.state, ("cross", 5))
    words = f"{frame.name}: {frame.state or 'not processed'}, {frame.middle:%H:%M} UTC"
    return Mark(axis.at(frame.middle), 10, shape, tone, words)


def _chart(
    axis: Axis, frames: Sequence[FrameOfNight], looks: dict[str, tuple[str, int]], wanted: Quantity
) -> Chart | None:
    unit, digits = wanted.unit, wanted.digits
    found: list[tuple[FrameOfNight, float]] = []
    for frame in frames:
        value = getattr(frame, wanted.name)
        if value is not None and math.isfinite(value):
            found.append((frame, float(value)))
    if not found:
        return None
    if wanted.name == "fwhm":  # seconds of arc and pixels have no axis in common: what most have is shown
        units = [frame.fwhm_unit for frame, _ in found]
        unit = max(set(units), key=units.count)
        found = [each for each in found if each[0].fwhm_unit == unit]
    values = sorted(value for _, value in found)
    low, high = values[0], values[-1]
    room = max(0.08 * (high - low), 10.0**-digits)
    low, high = low - room, high + room

    def up(value: float) -> float:
        share = (value - low) / (high - low)
        return round(CHART_EDGE + (1 - share) * (CHART_HEIGHT - 2 * CHART_EDGE), 1)

    marks = []
    for frame, value in _thinned(found):
        said = (f"{value:.{digits + 1}f} {unit}", frame.filter, f"{frame.middle:%H:%M} UTC", frame.name)
        marks.append(
            Mark(axis.at(frame.middle), up(value), *looks[frame.filter], ", ".join(part for part in said if part))
        )
    ticks = [(up(value), f"{value:.{digits}f}") for value in round_numbers(low, high, 3)]
    middle = values[len(values) // 2]
    count = f"{len(values)} frame{'' if len(values) == 1 else 's'}"
    summary = f"median {middle:.{digits}f}, {values[0]:.{digits}f} to {values[-1]:.{digits}f} {unit}, {count}"
    return Chart(wanted.title, unit, marks, ticks, f"{summary}{wanted.hint}")
