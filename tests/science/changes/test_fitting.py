"""Fitted star images against the sources drawn."""

from dataclasses import replace

import numpy as np
import pytest

from hven.science.changes.fitting import fit_profiles
from hven.science.changes.planes import Difference

from .scenes import Scene, drawn


def pixels(x: np.ndarray, y: np.ndarray):
    return np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)


def test_flux_place_and_errors_are_those_of_the_source(pair: Scene, difference: Difference) -> None:
    fits = fit_profiles(difference, *pixels(pair.x, pair.y))
    assert np.abs((fits.flux - pair.flux) / np.hypot(fits.flux_error, 0.02 * pair.flux)).max() < 4
    assert np.hypot(fits.x - pair.x, fits.y - pair.y).max() < 0.4
    assert np.median(np.abs(fits.x - pair.x) / fits.x_error) < 2
    assert fits.chi2 / fits.freedom == pytest.approx(1.0, abs=0.7)


def test_a_cosmic_ray_does_not_look_like_a_star(pair: Scene, difference: Difference) -> None:
    diff = difference.diff.copy()
    diff[300, 77] += 2000
    fits = fit_profiles(
        replace(difference, diff=diff), *pixels(np.array([77.0, pair.x[0]]), np.array([300.0, pair.y[0]]))
    )
    assert fits.chi2[0] / fits.freedom[0] > 5
    assert fits.excess[0] > 1000 > fits.excess[1]


def test_two_sources_close_together_are_told_apart(pair: Scene, difference: Difference) -> None:
    x, y, flux = np.array([300.2, 306.0]), np.array([150.4, 151.0]), np.array([8000.0, 4000.0])
    diff = difference.diff + drawn(480, x, y, flux, 3.2).astype(np.float32)
    fits = fit_profiles(replace(difference, diff=diff), *pixels(x, y))
    assert fits.flux == pytest.approx(flux, rel=0.08)
    assert np.hypot(fits.x - x, fits.y - y).max() < 0.2


def test_masked_and_outer_pixels_are_left_out(difference: Difference) -> None:
    mask = difference.mask.copy()
    mask[:, 100:140] = True
    fits = fit_profiles(replace(difference, mask=mask), np.array([120, 1, 300]), np.array([200, 2, 300]))
    assert fits.covered[0] < 0.05 and 0.4 < fits.covered[1] < 0.9 and fits.covered[2] > 0.99
    assert np.isfinite(fits.flux).all() and np.isfinite(fits.chi2).all()
    assert fit_profiles(difference, np.zeros(0, int), np.zeros(0, int)).flux.size == 0
