"""Frames as they enter a subtraction, and what a difference says of itself."""

from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.planes import Difference, Plane, Stars


def test_pixels_without_a_value_are_those_masked_full_or_no_numbers() -> None:
    data = np.full((80, 80), 100.0)
    data[3, 4], data[5, 6], data[7, 8] = np.nan, np.inf, 5000.0
    mask = np.zeros(data.shape, bool)
    mask[9, 9] = True
    bad = Plane(data, mask, saturation=5000.0).bad()
    assert sorted(map(tuple, np.argwhere(bad))) == [(3, 4), (5, 6), (7, 8), (9, 9)]
    checked = Plane(data, mask, 2.0).checked("frame")
    assert np.isfinite(checked.data).all() and checked.mask is not None and checked.mask[3, 4] and checked.mask[9, 9]
    whole = Plane(np.zeros((80, 80), np.uint16))
    assert whole.checked("frame") is whole and not whole.bad().any()


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), float("inf")])
def test_a_gain_that_is_none_is_refused_by_name(gain: float) -> None:
    with pytest.raises(Invalid, match="gain of the template"):
        Plane(np.zeros((80, 80)), gain=gain).checked("template")


def test_a_selection_of_stars_keeps_them_together() -> None:
    stars = Stars(np.arange(3.0), 10 + np.arange(3.0), 100 - np.arange(3.0), np.ones(3))
    chosen = stars.chosen(np.array([2, 0]))
    assert (chosen.x.tolist(), chosen.y.tolist(), chosen.flux.tolist()) == ([2, 0], [12, 10], [98, 100])


def test_the_scaled_difference_is_nothing_where_there_is_none(difference: Difference) -> None:
    mask = difference.mask.copy()
    mask[10:20] = True
    scaled = replace(difference, mask=mask).scaled
    assert not scaled[10:20].any()
    assert scaled[100, 100] == pytest.approx(difference.diff[100, 100] / difference.noise[100, 100])
