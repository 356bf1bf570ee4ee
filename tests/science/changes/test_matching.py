"""Pairs on the sphere against brute force."""

import numpy as np
import pytest

from hven.science.changes.matching import pairs_within
from hven.science.sky.sphere import separation


def test_pairs_are_those_of_brute_force_over_the_pole_and_the_origin() -> None:
    rng = np.random.default_rng(1)
    ra1, dec1 = rng.uniform(0, 360, 300), rng.uniform(88.5, 90, 300)
    ra2, dec2 = np.r_[rng.uniform(0, 360, 200), 359.99], np.r_[rng.uniform(88.5, 90, 200), 0.0]
    i, j, distance = pairs_within(np.r_[ra1, 0.01], np.r_[dec1, 0.0], ra2, dec2, 0.2)
    whole = separation(np.r_[ra1, 0.01][:, None], np.r_[dec1, 0.0][:, None], ra2, dec2)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == set(
        zip(*(a.tolist() for a in np.nonzero(whole < 0.2)), strict=True)
    )
    assert (300, 200) in set(zip(i.tolist(), j.tolist(), strict=True))
    assert distance == pytest.approx(whole[i, j], abs=1e-9)


def test_nothing_pairs_with_nothing() -> None:
    for ra in ([], [np.nan]):
        i, j, distance = pairs_within(ra, ra, [1.0], [2.0], 1.0)
        assert i.size == j.size == distance.size == 0
    assert pairs_within([1.0], [2.0], [1.0], [2.0], 0.0)[0].size == 0
