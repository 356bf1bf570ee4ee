"""Drawings of a night: when it was dark, what was taken when, how the sky was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
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
_LARGEST = 1e9  # beyond, no camera measures and no drawing divides
_LANE = (4.0, 20.0)  # pixels from the top, and height, of the bars in a lane
_JOINED = 0.0015  # of the width: exposures closer than this become one bar
_LEAST_WIDTH = 0.25  # percent, so that a bar is seen


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """Exposures that follow each other in one filter."""

    x: float
    width: float
    tone: int  # number of the filter's colour
    y: float  # pixels from the top: each filter has a height of its own
    height: float
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
    unit: str
    digits: int
    value: Callable[[FrameOfNight], float | None]
    error: Callable[[FrameOfNight], float | None] = lambda _frame: None
    hint: str = ""


def _zero_point(frame: FrameOfNight) -> float | None:
    """Return the zero point of one second, so that exposures of any length compare."""
    if frame.zero_point is None or frame.exposure_s <= 0:
        return None
    return frame.zero_point - 2.5 * math.log10(frame.exposure_s)


QUANTITIES = (
    Quantity("Zero point, 1 s", "mag", 2, _zero_point, lambda frame: frame.zero_point_err, "; higher is clearer"),
    Quantity("Width of stars", "", 1, lambda frame: frame.fwhm),
    Quantity("Limit", "mag", 1, lambda frame: frame.limit_mag),
    Quantity("Level of the sky", "ADU", 0, lambda frame: frame.sky_adu),
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
    looks = _looks(said)
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


def _looks(filters: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return shape and colour of each filter: like its light where the name is usual, and each once while they last."""
    looks: dict[str, tuple[str, int]] = {}
    for number, name in enumerate(filters):
        taken = {tone for _, tone in looks.values()}
        free = [tone for tone in (_TONES.get(name[:1], number % 6), *range(6)) if tone not in taken]
        looks[name] = SHAPES[number % len(SHAPES)], free[0] if free else number % 6
    return looks


def _rows(
    axis: Axis, frames: Sequence[FrameOfNight], names: dict[tuple[str, int], str], tones: dict[str, int]
) -> list[Row]:
    groups: dict[tuple[str, int], list[FrameOfNight]] = {key: [] for key in names}
    for frame in frames:
        key = ("o", frame.observation) if frame.observation is not None else ("c", frame.calibration or 0)
        if key in groups:
            groups[key].append(frame)
    return [
        Row(names[key], f"{key[0]}{key[1]}", _bars(axis, group, tones), len(group))
        for key, group in groups.items()
        if group
    ]


def _bars(axis: Axis, frames: Sequence[FrameOfNight], tones: dict[str, int]) -> list[Bar]:
    """Return the bars of a lane; each filter lies at a height of its own, so that colours are not needed."""
    filters = sorted({frame.filter for frame in frames})
    top, height = _LANE[0], _LANE[1] / len(filters)
    bars = []
    for number, name in enumerate(filters):
        group: list[FrameOfNight] = []
        place = round(top + number * height, 1), round(max(height - 1, 2.0), 1)
        for frame in frames:
            if frame.filter != name:
                continue
            if group and not _near(axis, group[-1], frame):
                bars.append(_bar(axis, group, tones.get(name, 0), *place))
                group = []
            group.append(frame)
        bars.append(_bar(axis, group, tones.get(name, 0), *place))
    return bars


def _near(axis: Axis, one: FrameOfNight, other: FrameOfNight) -> bool:
    gap = (other.middle - one.middle).total_seconds() - (one.exposure_s + other.exposure_s) / 2
    return gap < _JOINED * (axis.last - axis.first).total_seconds()


def _bar(axis: Axis, group: Sequence[FrameOfNight], tone: int, y: float, height: float) -> Bar:
    first = group[0].middle - timedelta(seconds=group[0].exposure_s / 2)
    last = group[-1].middle + timedelta(seconds=group[-1].exposure_s / 2)
    exposures = {f"{frame.exposure_s:g}" for frame in group}
    each = f"{len(group)} × {exposures.pop()} s" if len(exposures) == 1 else f"{len(group)} frames"  # noqa: RUF001 - times
    words = ", ".join(part for part in (group[0].filter, each, f"{first:%H:%M}–{last:%H:%M} UTC") if part)  # noqa: RUF001 - a dash
    width = max(_LEAST_WIDTH, round(axis.at(last) - axis.at(first), 3))
    return Bar(axis.at(first), width, tone, y, height, words)


def _state(axis: Axis, frame: FrameOfNight) -> Mark:
    shape, tone = _STATES.get(frame.state, ("cross", 5))
    words = f"{frame.name}: {frame.state or 'not processed'}, {frame.middle:%H:%M} UTC"
    return Mark(axis.at(frame.middle), 10, shape, tone, words)


def _chart(
    axis: Axis, frames: Sequence[FrameOfNight], looks: dict[str, tuple[str, int]], wanted: Quantity
) -> Chart | None:
    unit, digits = wanted.unit, wanted.digits
    measured = [(frame, wanted.value(frame)) for frame in frames]
    found = [(frame, value) for frame, value in measured if value is not None and abs(value) < _LARGEST]
    if not found:
        return None
    if not unit:  # seconds of arc and pixels have no axis in common: what most have is shown
        units = [frame.fwhm_unit for frame, _ in found]
        unit = max(set(units), key=units.count)
        found = [each for each in found if each[0].fwhm_unit == unit]
    low, high = min(value for _, value in found), max(value for _, value in found)
    room = max(0.08 * (high - low), 10.0**-digits)
    low, high = low - room, high + room

    def up(value: float) -> float:
        share = (value - low) / (high - low)
        return round(CHART_EDGE + (1 - share) * (CHART_HEIGHT - 2 * CHART_EDGE), 1)

    marks = []
    for frame, value in _thinned(found):
        error = wanted.error(frame)
        shown = f"{value:.{digits + 1}f}{'' if error is None else f' ± {error:.{digits + 1}f}'} {unit}"
        said = (shown, frame.filter, f"{frame.middle:%H:%M} UTC", frame.name)
        marks.append(
            Mark(axis.at(frame.middle), up(value), *looks[frame.filter], ", ".join(part for part in said if part))
        )
    ticks = [(up(value), f"{value:.{digits}f}") for value in round_numbers(low, high, 3)]
    return Chart(wanted.title, unit, marks, ticks, f"{_medians(found, unit, digits)}{wanted.hint}")


def _medians(found: Sequence[tuple[FrameOfNight, float]], unit: str, digits: int) -> str:
    """Return the median in each filter: values of several have no middle in common."""
    by_filter: dict[str, list[float]] = {}
    for frame, value in found:
        by_filter.setdefault(frame.filter, []).append(value)
    parts = [f"{name} {median(values):.{digits}f}".strip() for name, values in sorted(by_filter.items())]
    count = f"{len(found)} frame{'' if len(found) == 1 else 's'}"
    return f"median {', '.join(parts)} {unit}, {count}"
