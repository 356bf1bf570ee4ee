"""Trails: recognised by their direction, placed by their middles, against the simulator's truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hven.science.frames.frame import Frame, Meaning
from hven.science.simulate.exposure import Exposure, simulate
from hven.science.simulate.spec import Spec
from hven.science.sky.sphere import separation
from hven.science.stars.data import SolverData
from hven.science.stars.detect import detect
from hven.science.stars.ladder import solve
from hven.science.stars.trailed import are_trails, trail_middles

TRAILED = Spec(
    ra=84.0, dec=-1.5, width_deg=14.0, width=1000, height=750, orientation_deg=33.0, hot_pixels=60, cosmic_rays=20,
    trail_px=30.0, trail_angle_deg=50.0, seed=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def trailed(data_alone: SolverData) -> Exposure:
    return simulate(TRAILED, data_alone.reference)


def test_trails_are_told_from_stars(data_alone: SolverData, trailed: Exposure) -> None:
    assert are_trails(trailed.data, detect(trailed.data))
    for other in ({"trail_px": 0.0}, {"trail_px": 0.0, "fwhm_px": 7.0}, {"stars": "none", "trail_px": 0.0}):
        plain = simulate(replace(TRAILED, **other), data_alone.reference)
        assert not are_trails(plain.data, detect(plain.data))


def test_the_middle_of_a_trail_is_where_the_star_was(trailed: Exposure) -> None:
    middles = trail_middles(trailed.data)
    assert middles is not None and len(middles) > 40
    stars = trailed.stars.taken(trailed.stars.mag < TRAILED.limit)
    distance = np.hypot(middles.x[:, None] - stars.x, middles.y[:, None] - stars.y).min(axis=1)
    assert np.median(distance) < 0.4
    assert np.all(np.diff(middles.flux) <= 0)


@pytest.mark.parametrize("angle", [0.0, 50.0, 90.0, 135.0])
def test_a_trailed_frame_is_placed_as_well_as_another(data_alone: SolverData, angle: float) -> None:
    spec = replace(TRAILED, trail_angle_deg=angle)
    frame = Frame(simulate(spec, data_alone.reference).data, meaning=Meaning(middle=spec.start))
    result = solve(frame, (), data_alone)
    assert result.solution is not None, result.reason
    off_px = float(separation(*result.solution.wcs.centre, spec.ra, spec.dec)) * 3600 / spec.scale_arcsec
    assert off_px < 0.3


def test_trails_that_match_nothing_end_with_what_would_help(data_alone: SolverData) -> None:
    spec = replace(TRAILED, stars="random", random_stars=120, trail_px=40.0)
    result = solve(Frame(simulate(spec).data), (), data_alone)
    assert result.solution is None
    assert "trails" in result.reason and "exposure" in result.reason


def test_a_plane_of_one_trail_has_no_middles() -> None:
    data = np.random.default_rng(1).normal(100, 3, (200, 200)).astype(np.float32)
    data[50:52, 20:120] += 200
    assert trail_middles(data) is None
