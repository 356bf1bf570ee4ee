"""Registration against known offsets."""

import numpy as np
import pytest

from hven.science.changes.register import centroids, register

from .scenes import SCALE, drawn, grid, observed

RNG = np.random.default_rng(4)
X, Y = RNG.uniform(30, 450, (2, 60))
FLUX = np.sort(RNG.uniform(3e3, 1e5, 60))[::-1]


def frames(dx: float, dy: float, angle_deg: float = 7.0, scale: float = 1.0):
    there = grid(480, SCALE * scale, angle_deg)
    u, v = there.to_pixel(*grid().to_sky(X, Y))
    one = observed(drawn(480, X, Y, FLUX, 3.2), 300, 1.5, RNG)
    two = observed(drawn(480, u + dx, v + dy, FLUX, 2.8), 300, 1.5, RNG)
    return one, two, there


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.3, -0.2), (2.1, 1.4), (-31.0, 18.5)])
def test_an_offset_is_found_to_hundredths_of_a_pixel(dx: float, dy: float) -> None:
    one, two, there = frames(dx, dy)
    found = register(one, grid(), two, there, stars=(X, Y), fwhm_px=3.2)
    assert found is not None and found.stars > 25
    u, v = found.correction(np.array([240.0]), np.array([240.0]))
    assert u[0] - 240 == pytest.approx(dx, abs=0.04) and v[0] - 240 == pytest.approx(dy, abs=0.04)
    assert found.scatter_px < 0.1


def test_a_rotation_that_the_header_leaves_out_is_found() -> None:
    one, two, _ = frames(0.0, 0.0, angle_deg=7.3)
    found = register(one, grid(), two, grid(), stars=(X, Y), fwhm_px=3.2)
    assert found is not None
    u, v = found.correction(X, Y)
    true_u, true_v = grid(480, SCALE, 7.3).to_pixel(*grid().to_sky(X, Y))
    assert np.hypot(u - true_u, v - true_v).max() < 0.1


def test_frames_of_different_stars_do_not_register() -> None:
    one, _, _ = frames(0, 0)
    x, y = RNG.uniform(30, 450, (2, 60))
    other = observed(drawn(480, x, y, FLUX, 2.8), 300, 1.5, RNG)
    assert register(one, grid(), other, grid(), stars=(X, Y), fwhm_px=3.2) is None


def test_centroids_are_unbiased_and_noise_gives_none() -> None:
    image = drawn(480, X, Y, FLUX, 3.2)
    x, y, good = centroids(image, np.rint(X), np.rint(Y), 3.2)
    lonely = np.sort(np.hypot(X[:, None] - X, Y[:, None] - Y), axis=1)[:, 1] > 25
    assert good[lonely].all()
    assert np.hypot(x - X, y - Y)[lonely].max() < 0.05
    _, _, on_noise = centroids(RNG.normal(0, 1, (480, 480)), np.rint(X), np.rint(Y), 3.2)
    assert on_noise.mean() < 0.1
