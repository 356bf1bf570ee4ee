"""Shifted and brightened stars against new sources."""

from dataclasses import replace

import numpy as np
import pytest

from hven.science.changes.adjust import adjust
from hven.science.changes.fitting import fit_profiles
from hven.science.changes.planes import Difference

from .scenes import Scene, drawn


def tried(difference: Difference, x: float, y: float):
    fits = fit_profiles(difference, np.array([round(x)]), np.array([round(y)]))
    return adjust(difference, np.array([x]), np.array([y]), fits.chi2)


def bright(pair: Scene) -> np.ndarray:
    inside = (pair.stars[:, :2] > 60).all(axis=1) & (pair.stars[:, :2] < 420).all(axis=1)
    distance = np.hypot(*(pair.stars[:, None, :2] - pair.stars[None, :, :2]).transpose(2, 0, 1))
    lonely = np.sort(distance, axis=1)[:, 1] > 14
    chosen = pair.stars[inside & lonely]
    return chosen[chosen[:, 2].argmax()]


def test_a_star_that_moved_a_little_is_explained(pair: Scene, difference: Difference) -> None:
    x, y, flux = bright(pair)
    moved = drawn(480, [x + 0.4], [y - 0.2], [flux], 3.2) - drawn(480, [x], [y], [flux], 3.2)
    found = tried(replace(difference, diff=difference.diff + moved.astype(np.float32)), x + 1, y)
    assert found.explains[0]
    assert found.shift_x_px[0] == pytest.approx(0.4, abs=0.1) and found.shift_y_px[0] == pytest.approx(-0.2, abs=0.1)
    assert found.chi2_after[0] < found.chi2_before[0] / 3


def test_a_new_source_in_empty_sky_is_not(pair: Scene, difference: Difference) -> None:
    fits = fit_profiles(difference, np.rint(pair.x).astype(int), np.rint(pair.y).astype(int))
    assert not adjust(difference, pair.x, pair.y, fits.chi2).explains.any()


def test_a_new_source_beside_a_star_is_not(pair: Scene, difference: Difference) -> None:
    x, y, flux = bright(pair)
    new = drawn(480, [x + 3.0], [y + 1.0], [0.3 * flux], 3.2).astype(np.float32)
    assert not tried(replace(difference, diff=difference.diff + new), x + 3, y + 1).explains[0]


def test_limits_are_kept_and_the_adjusted_difference_is_what_is_left(pair: Scene, difference: Difference) -> None:
    x, y, flux = bright(pair)
    moved = drawn(480, [x + 3.0], [y], [2 * flux], 3.2) - drawn(480, [x], [y], [flux], 3.2)
    changed = replace(difference, diff=difference.diff + moved.astype(np.float32))
    found = tried(changed, x, y)
    assert np.hypot(found.shift_x_px[0], found.shift_y_px[0]) <= 1.0001 and found.scale[0] <= 1.3
    left = found.image(changed, 0, round(x), round(y), 6)
    noise = changed.noise[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6]
    assert ((left[1:-1, 1:-1] / noise) ** 2).sum() == pytest.approx(found.chi2_after[0], rel=0.3)


def test_no_candidates_are_no_trouble(difference: Difference) -> None:
    assert adjust(difference, np.zeros(0), np.zeros(0), np.zeros(0)).explains.size == 0
