"""Least squares: truth comes back, outliers do not matter, distortion is bought only where it pays."""

import numpy as np
import pytest

from hven.science.simulate.spec import Spec
from hven.science.sky.wcs import Wcs
from hven.science.stars.fit import best_order, fit_projection, recentred, with_inverse


def stars(spec: Spec, n: int, noise: float, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, spec.width, n), rng.uniform(0, spec.height, n)
    ra, dec = spec.wcs().to_sky(x, y)
    return (x + rng.normal(0, noise, n), y + rng.normal(0, noise, n)), (ra, dec)


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.999, 45.0), (10.0, 89.99), (200.0, -90.0)])
@pytest.mark.parametrize("parity", [-1, 1])
def test_the_true_projection_comes_back_from_a_rough_one(ra: float, dec: float, parity: int) -> None:
    spec = Spec(ra=ra, dec=dec, width_deg=5.0, width=1000, height=800, parity=parity, orientation_deg=50.0)
    places, sky = stars(spec, 50, 0.0)
    rough = Spec(ra=ra + 0.3, dec=max(dec - 0.3, -89.6), width_deg=5.2, width=1000, height=800, parity=parity).wcs()
    found = fit_projection(rough, places, sky, sigma=np.ones(50))
    x, y = found.to_pixel(*spec.wcs().to_sky([0.0, 999.0, 500.0], [0.0, 799.0, 400.0]))
    assert x == pytest.approx([0.0, 999.0, 500.0], abs=1e-3)
    assert y == pytest.approx([0.0, 799.0, 400.0], abs=1e-3)


def test_a_fifth_of_outliers_hardly_moves_it() -> None:
    spec = Spec(width_deg=5.0, width=1000, height=800)
    places, sky = stars(spec, 100, 0.1)
    places[0][:20] += np.random.default_rng(3).uniform(5, 30, 20)
    found = fit_projection(spec.wcs(), places, sky, sigma=np.full(100, 0.1))
    x, y = found.to_pixel(*spec.wcs().centre)
    assert np.hypot(x - 499.5, y - 399.5) < 0.1


def test_the_order_follows_the_distortion_and_the_number_of_stars() -> None:
    straight, bent = Spec(width_deg=10.0), Spec(width_deg=10.0, distortion=0.01)
    for spec, n, expected in ((straight, 200, {1}), (bent, 200, {3}), (bent, 12, {1})):
        places, sky = stars(spec, n, 0.1)
        wcs = fit_projection(spec.wcs().linear(), places, sky, sigma=np.ones(n))
        assert best_order(wcs, places, sky, sigma=np.ones(n), most=5) in expected


def test_the_inverse_polynomials_undo_the_distortion() -> None:
    spec = Spec(width_deg=10.0, distortion=-0.008)
    wcs = with_inverse(spec.wcs())
    assert wcs.sip_ap is not None and wcs.sip_bp is not None
    x, y = np.array([3.0, 2000.0, 1500.0]), np.array([5.0, 100.0, 1900.0])
    u, v = (c - p for c, p in zip(wcs.linear().to_pixel(*wcs.to_sky(x, y)), wcs.crpix, strict=True))
    p, q = np.indices(wcs.sip_ap.shape)
    back = [
        c + sum(m[i, j] * u**i * v**j for i, j in zip(p.ravel(), q.ravel(), strict=True))
        for c, m in ((u, wcs.sip_ap), (v, wcs.sip_bp))
    ]
    assert back[0] + wcs.crpix[0] == pytest.approx(x, abs=0.05)
    assert back[1] + wcs.crpix[1] == pytest.approx(y, abs=0.05)


def test_recentring_changes_the_reference_and_not_the_sky() -> None:
    wcs = Wcs((10.0, 60.0), (-3000.0, 500.0), ((-1e-3, 2e-4), (2e-4, 1e-3)), 1000, 800)
    moved = recentred(wcs)
    assert moved.crpix == pytest.approx((499.5, 399.5))
    assert moved.centre == pytest.approx(wcs.centre)
    x, y = moved.to_pixel(*wcs.to_sky([100.0, 900.0], [100.0, 700.0]))
    assert x == pytest.approx([100.0, 900.0], abs=0.5)
    assert y == pytest.approx([100.0, 700.0], abs=0.5)
