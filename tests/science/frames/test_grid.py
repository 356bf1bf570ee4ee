"""Grid lines lie where the sky says, at all scales, at poles and across 0h."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hven.science.frames.grid import grid_lines
from hven.science.sky.wcs import Wcs


def frame(ra: float, dec: float, scale: float, *, roll: float = 0.0, width: int = 800, height: int = 600) -> Wcs:
    c, s = np.cos(np.radians(roll)) * scale / 3600, np.sin(np.radians(roll)) * scale / 3600
    return Wcs((ra, dec), ((width - 1) / 2, (height - 1) / 2), ((-c, s), (s, c)), width, height)


PLACES = [(170, 13), (359.99, -5), (0.01, 60), (30, 89.7), (100, -89.9), (200, -85), (10, 90)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scale", [0.05, 1.0, 20.0, 200.0])
def test_every_point_of_a_line_has_its_value_on_the_sky(place, scale):
    wcs = frame(*place, scale, roll=33)
    grid = grid_lines(wcs)
    assert 3 <= len(grid.lines) <= 60
    for line in grid.lines:
        for piece in line.pieces:
            ra, dec = wcs.to_sky(piece[:, 0], piece[:, 1])
            if line.axis == "dec":
                np.testing.assert_allclose(dec, line.value_deg, atol=1e-6)
            else:
                off = ((ra - line.value_deg + 180) % 360 - 180) * np.cos(np.radians(dec))
                np.testing.assert_allclose(off, 0, atol=1e-6)


@pytest.mark.parametrize("place", PLACES)
def test_each_label_stands_on_the_frame_and_no_line_comes_twice(place):
    grid = grid_lines(frame(*place, 20))
    for line in grid.lines:
        assert -2 <= line.label_at[0] <= 801
        assert -2 <= line.label_at[1] <= 601
    keys = [(line.axis, line.value_deg) for line in grid.lines]
    assert len(keys) == len(set(keys))


def test_steps_are_those_people_use():
    grid = grid_lines(frame(170, 13, 3.0))
    assert grid.dec_step_deg * 60 == pytest.approx(5)
    assert grid.ra_step_deg * 240 == pytest.approx(30)
    labels = [line.label for line in grid.lines]
    assert "+13\u00b000'" in labels
    assert "11h20m00s" in labels


def test_lines_cross_the_frame_from_edge_to_edge():
    grid = grid_lines(frame(170, 13, 3.0))
    for line in grid.lines:
        piece = np.concatenate(line.pieces)
        along = piece[:, 0] if line.axis == "dec" else piece[:, 1]
        assert along.min() < 8
        assert along.max() > (790 if line.axis == "dec" else 590)


def test_a_pole_has_meridians_all_around():
    grid = grid_lines(frame(0, 90, 20))
    assert sum(line.axis == "ra" for line in grid.lines) == 24


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 360),
    st.floats(-90, 90),
    st.floats(-2, 2.5),
    st.floats(0, 360),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
)
def test_no_place_and_no_scale_makes_it_fail(ra, dec, log_scale, roll, size):
    width, height = size
    scale = min(10**log_scale, 100 * 3600 / max(width, height))
    grid = grid_lines(frame(ra, dec, scale, roll=roll, width=width, height=height))
    assert len(grid.lines) <= 400
