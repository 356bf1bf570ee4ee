"""Objects and stars are paired one to one, and crowded stars are told."""

import numpy as np

from hven.science.photometry.match import is_alone, match_positions


def test_pairs_are_mutual_nearest_within_the_radius() -> None:
    x, y = np.array([0.0, 10.0, 10.6, 50.0]), np.zeros(4)
    star_x, star_y = np.array([10.2, 0.3, np.nan, 55.0]), np.zeros(4)
    pairs = match_positions(x, y, star_x, star_y, 1.0)
    assert dict(zip(pairs.object.tolist(), pairs.star.tolist(), strict=True)) == {0: 1, 1: 0}
    assert pairs.distance_px.max() < 0.31


def test_nothing_matches_nothing() -> None:
    none, one = np.zeros(0), np.zeros(1)
    assert len(match_positions(none, none, one, one, 2)) == 0
    assert len(match_positions(one, one, none, none, 2)) == 0
    assert len(match_positions(one, one, one, one, 0)) == 0
    assert len(match_positions(one, one, np.array([np.nan]), one, 2)) == 0


def test_stars_closer_than_a_distance_are_not_alone() -> None:
    x = np.array([0.0, 3.0, 6.0, 100.0, np.nan])
    assert is_alone(x, np.zeros(5), 3.5).tolist() == [False, False, False, True, True]
