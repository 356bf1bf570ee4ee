"""Aperture sums and rings against exact geometry and against what noise makes of them."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.apertures import aperture_flux, measure_rings
from hven.science.photometry.objects import Flag

RNG = np.random.default_rng(12)
X, Y = (g.ravel().astype(float) for g in np.meshgrid(np.arange(40, 470, 25.0), np.arange(40, 470, 25.0)))
NOISE = np.full(X.size, 10.0)


def test_a_level_plane_leaves_nothing_and_alone_gives_the_area() -> None:
    image = np.full((512, 512), 7.0, np.float32)
    rings = measure_rings(image, X, Y, 10, 15, noise=NOISE)
    assert rings.level == pytest.approx(7)
    sums = aperture_flux(image, X, Y, 4.5, rings, noise=NOISE, gain=1.0)
    assert sums.flux == pytest.approx(0, abs=1e-2)
    assert sums.area_px == pytest.approx(np.pi * 4.5**2)


def test_the_error_of_empty_apertures_is_their_scatter() -> None:
    image = RNG.normal(0, 10, (512, 512)).astype(np.float32)
    rings = measure_rings(image, X, Y, 12, 18, noise=NOISE)
    sums = aperture_flux(image, X, Y, 4.0, rings, noise=NOISE, gain=1e9)
    assert np.std(sums.flux / sums.error) == pytest.approx(1.0, abs=0.1)
    assert rings.deviation == pytest.approx(10, rel=0.12)


def test_neighbours_in_the_ring_are_clipped() -> None:
    image = RNG.normal(100, 5, (512, 512)).astype(np.float32)
    image[::9, ::9] += 4000
    rings = measure_rings(image, X, Y, 12, 18, noise=np.full(X.size, 5.0))
    assert np.median(rings.level) == pytest.approx(100, abs=0.3)


def test_a_ring_without_pixels_is_poor_and_takes_the_noise_given() -> None:
    image = np.full((64, 64), 3.0, np.float32)
    closed = np.ones((64, 64), bool)
    at = np.array([32.0])
    rings = measure_rings(image, at, at, 10, 15, noise=np.array([4.0]), closed=closed)
    sums = aperture_flux(image, at, at, 3, rings, noise=np.array([4.0]), gain=1.0, closed=closed)
    assert rings.is_poor[0]
    assert rings.level[0] == 0
    assert rings.deviation[0] == 4
    assert sums.flags[0] & Flag.ANNULUS_POOR
    assert sums.flags[0] & Flag.MASKED_APERTURE


def test_apertures_over_the_edge_and_off_the_frame_are_told() -> None:
    image = np.full((100, 100), 5.0, np.float32)
    x, y = np.array([0.0, 50.0, 300.0]), np.array([50.0, 50.0, 50.0])
    noise = np.ones(3)
    rings = measure_rings(image, x, y, 10, 15, noise=noise)
    sums = aperture_flux(image, x, y, 4, rings, noise=noise, gain=1.0)
    assert sums.flags[0] & Flag.APERTURE_INCOMPLETE
    assert sums.flux[0] == pytest.approx(0, abs=1)
    assert sums.flags[1] == 0
    assert np.isnan(sums.flux[2])


def test_impossible_radii_are_refused() -> None:
    image = np.zeros((64, 64), np.float32)
    at, noise = np.array([32.0]), np.ones(1)
    for inner, outer in ((5, 5), (7, 3), (-1, 4), (1, np.nan)):
        with pytest.raises(Invalid):
            measure_rings(image, at, at, inner, outer, noise=noise)
    rings = measure_rings(image, at, at, 5, 9, noise=noise)
    for radius in (0, -2, np.nan, 1e6):
        with pytest.raises(Invalid):
            aperture_flux(image, at, at, radius, rings, noise=noise, gain=1.0)
    nobody = np.zeros(0)
    none = measure_rings(image, nobody, nobody, 5, 9, noise=nobody)
    assert aperture_flux(image, nobody, nobody, 3, none, noise=nobody, gain=1.0).flux.size == 0
