"""The star image of a frame against the one it was drawn with."""

import numpy as np
import pytest

from hven.science.changes.profiles import varying_profile
from hven.science.changes.stamps import cut
from hven.science.simulate.psf import profile

from .scenes import drawn, observed

RNG = np.random.default_rng(6)
X, Y = RNG.uniform(30, 450, (2, 90))
FLUX = RNG.uniform(5e3, 1e5, 90)


def found(image: np.ndarray):
    column, row = np.rint(X).astype(int), np.rint(Y).astype(int)
    return varying_profile(cut(image, column, row, 11), column, row, offsets=(X - column, Y - row), size=(480, 480))


def test_a_constant_star_image_is_recovered_among_neighbours() -> None:
    profiles = found(observed(drawn(480, X, Y, FLUX, 3.2), 300, 1.5, RNG) - 300)
    truth = profile(3.2, 3.5, 11)[4, 4]
    assert profiles.order == 0
    assert profiles.at(240, 240) == pytest.approx(truth / truth.sum(), abs=0.002)
    assert profiles.at(10, 400).sum() == pytest.approx(1.0)


def test_one_that_varies_is_followed() -> None:
    image = sum(drawn(480, X[k : k + 1], Y[k : k + 1], FLUX[k : k + 1], 2.6 + 1.2 * X[k] / 480) for k in range(90))
    profiles = found(observed(image, 300, 1.5, RNG) - 300)
    assert profiles.order >= 1
    peaks = [profiles.at(x, 240)[11, 11] for x in (40, 240, 440)]
    truth = [profile(2.6 + 1.2 * x / 480, 3.5, 11)[4, 4, 11, 11] for x in (40, 240, 440)]
    assert peaks == pytest.approx(truth, rel=0.06)
