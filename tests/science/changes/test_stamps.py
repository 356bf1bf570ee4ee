"""Stamps of stars: which ones, and how wide they are."""

import numpy as np
import pytest

from hven.science.changes.stamps import cut, shapes, spread
from hven.science.simulate.psf import add_stars


def test_stars_are_taken_from_all_parts_brightest_first() -> None:
    rng = np.random.default_rng(1)
    x, y = (
        np.r_[rng.uniform(0, 100, 500), rng.uniform(0, 1000, 100)],
        np.r_[rng.uniform(0, 100, 500), rng.uniform(0, 1000, 100)],
    )
    flux = np.r_[np.full(500, 100.0), rng.uniform(1, 2, 100)]
    chosen = spread(x, y, flux, 1000, 1000, margin=10, most=100)
    assert chosen.size == 100 and np.unique(chosen).size == 100
    assert np.count_nonzero(chosen >= 500) > 50
    assert x[chosen].min() >= 10 and y[chosen].max() <= 989


def test_shapes_of_gaussians_are_exact() -> None:
    axis = np.arange(-12, 13.0)
    stamps = []
    for xx, yy, xy, u, v in ((2.0, 2.0, 0.0, 0.0, 0.0), (3.0, 1.5, 0.6, 0.4, -0.3), (6.0, 5.0, -2.0, 0.1, 0.5)):
        inverse = np.linalg.inv([[xx, xy], [xy, yy]])
        dx, dy = axis[None, :] - u, axis[:, None] - v
        stamps.append(np.exp(-0.5 * (inverse[0, 0] * dx**2 + inverse[1, 1] * dy**2 + 2 * inverse[0, 1] * dx * dy)))
    found = shapes(np.array(stamps), 4.0)
    assert found.good.all()
    assert found.xx == pytest.approx([2, 3, 6], rel=0.02)
    assert found.yy == pytest.approx([2, 1.5, 5], rel=0.02)
    assert found.xy == pytest.approx([0, 0.6, -2], abs=0.05)


def test_wider_stars_are_measured_wider_and_noise_is_not_good() -> None:
    widths = []
    for fwhm in (2.2, 3.0, 4.5):
        image = np.zeros((41, 41))
        add_stars(image, np.array([20.2]), np.array([19.9]), np.array([1e5]), fwhm_px=fwhm, beta=3.5, faint=0.01)
        widths.append(float(shapes(image[None], 3.0).fwhm_px[0]))
    assert widths[0] < widths[1] < widths[2]
    assert widths == pytest.approx([2.2, 3.0, 4.5], rel=0.25)
    noise = np.random.default_rng(2).normal(0, 1, (50, 25, 25))
    assert shapes(noise, 3.0).good.mean() < 0.7


def test_a_stamp_is_what_lies_around_its_pixel() -> None:
    image = np.arange(400).reshape(20, 20)
    assert np.array_equal(cut(image, np.array([7]), np.array([9]), 2)[0], image[7:12, 5:10])
