"""The whole sky on one oval."""

from __future__ import annotations

import numpy as np
import pytest

from hven.science.sky import hammer
from hven.science.sky.sphere import separation


def test_known_places_lie_where_they_should() -> None:
    x, y = hammer.project([0, 90, 270, 0, 0, 179.9999, 180.0001], [0, 0, 0, 90, -90, 0, 0])
    assert x == pytest.approx([0, -np.sqrt(0.5) / np.sqrt(1 + np.sqrt(0.5)), 0.5411961, 0, 0, -1, 1], abs=1e-5)
    assert y == pytest.approx([0, 0, 0, 0.5, -0.5, 0, 0], abs=1e-5)


def test_areas_stay_equal() -> None:
    """A small square of the sky takes the same area of the map everywhere: Hammer (1892)."""

    def area(ra: float, dec: float) -> float:
        step = 0.01
        east, north = ra + step / np.cos(np.radians(dec)), dec + step
        (x0, y0), (x1, y1), (x2, y2) = (hammer.project(*at) for at in ((ra, dec), (east, dec), (ra, north)))
        return float(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)))

    middle = area(0, 0)
    for place in ((40, 30), (150, -60), (300, 75), (200, 10)):
        assert area(*place) == pytest.approx(middle, rel=1e-3)


def test_the_ecliptic_and_the_milky_way_pass_known_places() -> None:
    ra, dec = hammer.ecliptic()
    assert separation(ra, dec, 90.0, hammer.OBLIQUITY_DEG).min() < 1.1
    assert separation(ra, dec, 0.0, 0.0).min() < 1.1
    centre = separation(*hammer.galactic_plane(), 266.405, -28.936)
    assert centre.min() < 1.1


def test_lines_are_cut_at_the_sides() -> None:
    for line in (hammer.ecliptic(), hammer.galactic_plane()):
        for x, y in hammer.pieces(*line):
            assert np.hypot(np.diff(x), np.diff(y)).max() < 0.3
    assert sum(len(x) for x, _ in hammer.pieces(*hammer.ecliptic())) >= 360
