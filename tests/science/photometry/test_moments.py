"""Windowed places and moments of stars whose truth is known."""

import numpy as np
import pytest

from hven.science.photometry.moments import levelled, windowed

SIGMA = 1.5


def plane(at: tuple[float, float] = (30.3, 31.4), *, stretch: float = 1.0, flux: float = 1000.0) -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    profile = np.exp(-0.5 * (((x - at[0]) / (SIGMA * stretch)) ** 2 + ((y - at[1]) / SIGMA) ** 2))
    return (flux * profile / (2 * np.pi * SIGMA**2 * stretch)).astype(np.float32)


def measure(image: np.ndarray, **more: object) -> object:
    start = np.array([30.0]), np.array([31.0])
    return windowed(image, *start, SIGMA, noise=np.array([0.1]), gain=1.0, **more)


def test_place_light_and_size_of_a_gaussian_star_are_exact() -> None:
    found = measure(plane())
    assert (found.x[0], found.y[0]) == pytest.approx((30.3, 31.4), abs=2e-3)
    assert found.signal[0] == pytest.approx(1000, rel=0.01)
    assert found.xx[0] == pytest.approx(SIGMA**2 / 2, rel=0.01)
    assert found.xy[0] == pytest.approx(0, abs=0.01)


def test_a_long_star_has_a_long_moment() -> None:
    found = measure(plane(stretch=1.5))
    assert found.xx[0] == pytest.approx(1 / (1 / (1.5 * SIGMA) ** 2 + 1 / SIGMA**2), rel=0.02)
    assert found.xx[0] > 1.3 * found.yy[0]


def test_a_masked_pixel_is_taken_from_the_other_side() -> None:
    image = plane((30.0, 31.0))
    closed = np.zeros(image.shape, bool)
    closed[31, 32] = True
    image[31, 32] = 1e5
    found = measure(image, closed=closed)
    assert (found.x[0], found.y[0]) == pytest.approx((30, 31), abs=0.01)


def test_a_level_under_a_star_is_taken_off_exactly() -> None:
    clean, raised = measure(plane()), measure(plane() + np.float32(3.0))
    found = levelled(raised, np.array([3.0]), SIGMA)
    assert found.xx[0] == pytest.approx(clean.xx[0], rel=0.01)
    assert found.signal[0] == pytest.approx(clean.signal[0], rel=0.01)
    assert raised.xx[0] > 1.05 * clean.xx[0]


def test_errors_are_the_scatter() -> None:
    rng = np.random.default_rng(6)
    places = []
    for _ in range(150):
        found = windowed(
            plane((30, 31)) + rng.normal(0, 5, (64, 64)).astype(np.float32), np.array([30.0]), np.array([31.0]), SIGMA,
            noise=np.array([5.0]), gain=1e9,
        )  # fmt: skip
        places.append((found.x[0], found.xx[0], found.x_error[0], found.error[0]))
    x, xx, x_error, error = np.array(places).T
    assert np.std(x) == pytest.approx(np.median(x_error), rel=0.2)
    assert np.std(xx) == pytest.approx(np.median(error), rel=0.2)


def test_no_light_is_no_moment() -> None:
    found = measure(np.zeros((64, 64), np.float32))
    assert np.isnan(found.xx[0])
    assert windowed(plane(), np.zeros(0), np.zeros(0), SIGMA, noise=np.zeros(0), gain=1.0).x.size == 0
