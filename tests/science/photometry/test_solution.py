"""A zero point survives being written, and refuses what is none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.pipeline import Calibration
from hven.science.photometry.solution import ZeroPoint, design_matrix, exponents


def test_json_gives_back_the_same_zero_point(calibration: Calibration) -> None:
    zero_point = calibration.zero_point
    assert ZeroPoint.from_json(json.loads(json.dumps(zero_point.to_json()))) == zero_point


@pytest.mark.parametrize("change", [{"format": 99}, {"spatial": 3}, {"covariance": "no"}, {"colour": [1]}])
def test_what_is_no_zero_point_is_refused(calibration: Calibration, change: dict) -> None:
    values = json.loads(json.dumps(calibration.zero_point.to_json())) | change
    with pytest.raises(Invalid, match="photometry again"):
        ZeroPoint.from_json(values)
    with pytest.raises(Invalid, match="photometry again"):
        ZeroPoint.from_json({})


def test_it_is_evaluated_at_any_shape(calibration: Calibration) -> None:
    zero_point = calibration.zero_point
    grid = np.arange(12.0).reshape(3, 4)
    assert zero_point.at(grid, grid).shape == (3, 4)
    middle = 0.5 * (zero_point.width - 1), 0.5 * (zero_point.height - 1)
    assert zero_point.at(*middle) == pytest.approx(zero_point.zp)
    assert zero_point.error_at(*middle)[0] == pytest.approx(zero_point.zp_err)
    assert zero_point.calibrated(-10.0, *middle) == pytest.approx(zero_point.zp - 10)
    assert np.isnan(zero_point.calibrated(np.nan, *middle))


def test_a_slope_is_inverted_exactly(calibration: Calibration) -> None:
    bent = replace(calibration.zero_point, nonlinearity=0.02, pivot_mag=-8.0)
    true = -10.0  # instrumental, of a linear detector
    measured = true - 0.02 * (true + 8.0)
    middle = 0.5 * (bent.width - 1), 0.5 * (bent.height - 1)
    assert bent.calibrated(measured, *middle) == pytest.approx(bent.zp + true)


def test_the_terms_begin_with_the_constant() -> None:
    assert exponents(2) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    design = design_matrix(np.array([99.5]), np.array([49.5]), 200, 100, 1)
    assert design[0].tolist() == [1.0, 0.0, 0.0]
