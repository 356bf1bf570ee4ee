"""A spectrum, or any numbers along one axis, as a drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hven.science.frames.units import Series
from hven.web.axes import round_numbers

WIDTH, HEIGHT = 1000, 220  # of the box in which the line lies; it is stretched to the page


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawing."""

    points: str  # of lines, each "x,y x,y ..."; where a value is missing a new one begins
    across: list[tuple[float, str]]  # percent, words
    up: list[tuple[float, str]]
    x_words: str
    y_words: str


def drawn(series: Series) -> Drawn | None:
    """Return the drawing of a series; None where it has no values that can be drawn."""
    good = np.isfinite(series.y) & np.isfinite(series.x)
    x, y = series.x[good], series.y[good]
    if x.size < 2 or float(x.max()) == float(x.min()):
        return None
    left, right = float(x.min()), float(x.max())
    low, high = float(y.min()), float(y.max())
    if low == high:
        room = max(1.0, abs(low) * 1e-6)
        low, high = low - room, high + room
    if not (math.isfinite(high - low) and math.isfinite(right - left)):
        return None
    pairs = zip((x - left) / (right - left) * WIDTH, (high - y) / (high - low) * HEIGHT, strict=True)
    unit = f" ({series.x_unit})" if series.x_unit else ""
    return Drawn(
        " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs),
        [(100 * (v - left) / (right - left), f"{v:g}") for v in round_numbers(left, right, 6)],
        [(100 * (high - v) / (high - low), f"{v:.3g}") for v in round_numbers(low, high, 4)],
        f"{series.x_name}{unit}",
        series.y_unit,
    )
