"""The profile made of stars is the one they were drawn with."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.psf import fit_psf
from hven.science.simulate.psf import add_stars


def stars(count: int = 120, size: int = 700, fwhm: float = 3.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    cells = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2)[:count]
    x, y = (cells * (size - 60) / 11 + 30 + rng.uniform(-0.5, 0.5, cells.shape)).T
    flux = 10 ** rng.uniform(4, 5, count)
    light = np.zeros((size, size))
    add_stars(light, x, y, flux, fwhm_px=fwhm, beta=3.5, faint=0.001)
    noisy = rng.normal(light, np.sqrt(100 + np.maximum(light, 0)))
    return noisy.astype(np.float32), x, y, flux


def test_the_profile_is_that_of_the_stars() -> None:
    image, x, y, flux = stars()
    psf = fit_psf(image, x, y, flux, fwhm_px=3.2)
    truth = np.zeros((31, 31))
    add_stars(truth, np.array([15.0]), np.array([15.0]), np.array([1.0]), fwhm_px=3.0, beta=3.5, faint=1e-7)
    kernel = psf.kernel(half=8)
    inner = truth[7:24, 7:24] / truth[7:24, 7:24].sum()
    assert np.abs(kernel - inner).max() < 0.03 * inner.max()
    assert kernel.sum() == pytest.approx(1)


def test_a_shifted_stamp_has_its_centre_there() -> None:
    image, x, y, flux = stars()
    psf = fit_psf(image, x, y, flux, fwhm_px=3.2)
    stamp = psf.stamps(np.array([0.3]), np.array([-0.4]), 7, np.array([350.0]), np.array([350.0]))[0]
    axis = np.arange(-7, 8)
    assert (stamp.sum(axis=0) * axis).sum() / stamp.sum() == pytest.approx(0.3, abs=0.02)
    assert (stamp.sum(axis=1) * axis).sum() / stamp.sum() == pytest.approx(-0.4, abs=0.02)


def test_a_profile_may_change_over_the_frame() -> None:
    rng = np.random.default_rng(4)
    size = 700
    light = np.zeros((size, size))
    _, x, y, flux = stars()
    for k in range(x.size):
        add_stars(light, x[[k]], y[[k]], flux[[k]], fwhm_px=2.6 + 1.2 * x[k] / size, beta=3.5, faint=0.01)
    image = rng.normal(light, np.sqrt(100 + light)).astype(np.float32)
    psf = fit_psf(image, x, y, flux, fwhm_px=3.2)
    left, right = psf.kernel(20, 350), psf.kernel(680, 350)
    assert left.max() > 1.3 * right.max()


def test_too_few_stars_make_no_profile() -> None:
    image, x, y, flux = stars()
    with pytest.raises(Invalid, match="5 stars"):
        fit_psf(image, x[:4], y[:4], flux[:4], fwhm_px=3)
