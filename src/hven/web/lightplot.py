"""A light curve as a drawing: points with their errors, limits as arrows, brighter up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hven.imaging.services.light_curves import Point, is_good, is_seen
from hven.web.axes import SHAPES, round_numbers

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 44


@dataclass(frozen=True, slots=True)
class Mark:
    """One point of the drawing, in its pixels."""

    x: float
    y: float
    low: float  # ends of the error bar
    high: float
    shape: str
    filter: str
    limit: bool
    good: bool
    words: str
    uuid: str  # of its reduction


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The drawing."""

    marks: list[Mark]
    across: list[Tick]
    up: list[Tick]
    filters: list[tuple[str, str]]  # with their shapes
    origin: float  # modified Julian date that counts as 0
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    middle: float = field(default=(LEFT + WIDTH - RIGHT) / 2)


def plot(points: list[Point]) -> Plot | None:
    """Return the drawing of a light curve; None where no point has a time and a magnitude or limit."""
    shown = [(point, point.mjd, _value(point)) for point in points if point.kind != "difference"]
    rows = [(point, mjd, value) for point, mjd, value in shown if mjd is not None and value is not None]
    if not rows:
        return None
    times, values = [row[1] for row in rows], [row[2] for row in rows]
    first, last = min(times), max(times)
    span = max(last - first, 0.02)
    first, last = first - 0.05 * span, last + 0.05 * span
    errors = [point.error or 0.0 if is_seen(point) else 0.0 for point, _, _ in rows]
    bright = min(v - e for v, e in zip(values, errors, strict=True))
    faint = max(v + e for v, e in zip(values, errors, strict=True))
    gap = max(0.08 * (faint - bright), 0.1)
    bright, faint = bright - gap, faint + gap
    origin = float(math.floor(first))

    def across(mjd: float) -> float:
        return LEFT + (mjd - first) / (last - first) * (WIDTH - RIGHT - LEFT)

    def up(mag: float) -> float:
        return TOP + (mag - bright) / (faint - bright) * (HEIGHT - BOTTOM - TOP)

    names = sorted({point.filter for point, _, _ in rows})
    shapes = {name: SHAPES[number % len(SHAPES)] for number, name in enumerate(names)}
    marks = []
    for (point, mjd, value), error in zip(rows, errors, strict=True):
        limit = not is_seen(point)
        said = f"fainter than {value:.2f}" if limit else f"{value:.3f} ± {error:.3f}"
        marks.append(
            Mark(
                round(across(mjd), 1), round(up(value), 1), round(up(value + error), 1), round(up(value - error), 1),
                shapes[point.filter], point.filter, limit, is_good(point),
                f"{point.filter} {said}, MJD {mjd:.5f}, {point.reduction.name}", str(point.reduction.uuid),
            )
        )  # fmt: skip
    return Plot(
        marks,
        [Tick(round(across(origin + t), 1), f"{t:g}") for t in round_numbers(first - origin, last - origin, 6)],
        [Tick(round(up(m), 1), f"{m:g}") for m in round_numbers(bright, faint, 6)],
        [(name or "no filter", shapes[name]) for name in names],
        origin,
    )


def _value(point: Point) -> float | None:
    return point.mag if is_seen(point) else point.limit
