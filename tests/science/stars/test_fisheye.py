"""Fields that no flat picture holds: all-sky cameras and fisheye lenses, against the simulator's truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hven.science.frames.frame import Frame, Meaning
from hven.science.simulate.exposure import Exposure, simulate
from hven.science.simulate.spec import Spec
from hven.science.stars.data import SolverData
from hven.science.stars.ladder import solve
from hven.science.stars.solution import Hints, SolveResult

ALL_SKY = Spec(
    ra=40.0, dec=47.0, width_deg=190.0, width=700, height=700, lens="equidistant", fwhm_px=2.0, orientation_deg=70.0,
    limit_mag=5.5, axis_off_px=9.0, distortion=-0.03, seed=4,
)  # fmt: skip
SPECS = {
    "all sky": ALL_SKY,
    "mirrored": replace(ALL_SKY, parity=1, ra=300.0, dec=-33.0, seed=5),
    "cropped": replace(ALL_SKY, width=900, height=600, width_deg=150.0, lens="equisolid", dec=-70.0, seed=6),
    "clouded": replace(ALL_SKY, clouds=0.7, ra=200.0, dec=10.0, seed=7),
    "narrow": replace(ALL_SKY, width=900, height=700, width_deg=95.0, ra=10.0, dec=60.0, seed=8),
    "at the pole": replace(ALL_SKY, dec=89.9, seed=9),
}


def exposed(spec: Spec, data: SolverData) -> tuple[Exposure, Frame]:
    exposure = simulate(spec, data.reference)
    return exposure, Frame(exposure.data, meaning=Meaning(middle=spec.start))


def assert_right_everywhere(result: SolveResult, exposure: Exposure) -> None:
    assert result.solution is not None, result.reason
    spec, stars = exposure.spec, exposure.stars
    inside = (stars.x > 0) & (stars.x < spec.width) & (stars.y > 0) & (stars.y < spec.height)
    stars = stars.taken(inside & (stars.mag < spec.limit))
    x, y = result.solution.wcs.to_pixel(stars.ra, stars.dec)
    off = np.hypot(x - stars.x, y - stars.y)
    assert np.percentile(off, 95) < 0.5
    assert result.solution.wcs.parity == spec.parity


@pytest.mark.parametrize("name", SPECS)
def test_a_fisheye_is_placed_blind_to_its_horizon(data_alone: SolverData, name: str) -> None:
    exposure, frame = exposed(SPECS[name], data_alone)
    result = solve(frame, (), data_alone)
    assert_right_everywhere(result, exposure)
    assert result.solution is not None and result.solution.wcs.radial is not None


def test_the_last_frame_of_the_same_camera_places_the_next(data_alone: SolverData) -> None:
    exposure, frame = exposed(ALL_SKY, data_alone)
    first = solve(frame, (), data_alone).solution
    assert first is not None
    hint = Hints(wcs=first.wcs, source="camera")
    again = solve(exposed(replace(ALL_SKY, seed=44), data_alone)[1], [hint], data_alone)
    assert_right_everywhere(again, exposure)
    assert again.solution is not None and again.solution.rung == "the camera's projection"


def test_a_fisheye_of_no_sky_is_not_placed(data_alone: SolverData) -> None:
    rng = np.random.default_rng(1)
    for _ in range(3):
        spec = replace(ALL_SKY, stars="random", random_stars=400, lens="rectilinear", width_deg=30.0, distortion=0.0)
        _, frame = exposed(replace(spec, seed=int(rng.integers(1000))), data_alone)
        assert solve(frame, (), data_alone).solution is None


def test_a_wide_flat_picture_keeps_a_flat_projection(data_alone: SolverData) -> None:
    spec = replace(ALL_SKY, lens="rectilinear", width_deg=60.0, distortion=-0.01, axis_off_px=0.0, limit_mag=6.5)
    _, frame = exposed(spec, data_alone)
    result = solve(frame, (), data_alone)
    assert result.solution is not None, result.reason
    assert result.solution.wcs.radial is None
