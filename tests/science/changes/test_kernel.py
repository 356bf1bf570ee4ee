"""Kernels against those that made the frames."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from hven.errors import Invalid
from hven.science.changes.kernel import SpatialKernel, fit_kernel, gaussian_basis

from .scenes import drawn

RNG = np.random.default_rng(5)
X, Y = RNG.integers(40, 440, (2, 80))
SHARP = drawn(480, X + 0.3, Y - 0.2, RNG.uniform(5e3, 5e4, 80), 2.6).astype(np.float32)
BASIS = gaussian_basis((0.7, 1.5, 3.0), (4, 3, 2), 9)


def gaussian(sigma: float, half: int = 9) -> np.ndarray:
    axis = np.arange(-half, half + 1)
    kernel = np.exp(-0.5 * (axis[:, None] ** 2 + axis**2) / sigma**2)
    return kernel / kernel.sum()


def fitted(target: np.ndarray, noise: float = 3.0, **options):
    noisy = (target + RNG.normal(0, noise, target.shape)).astype(np.float32)
    return fit_kernel(noisy, SHARP, np.full(target.shape, noise**2, np.float32), X, Y, basis=BASIS, half=11, **options)


def test_a_gaussian_kernel_and_its_scale_are_recovered() -> None:
    fit = fitted(0.25 * fftconvolve(SHARP, gaussian(1.1), mode="same"))
    assert fit.kernel.scale(np.array([240.0]), np.array([240.0]))[0] == pytest.approx(0.25, rel=0.003)
    assert fit.kernel.at(240, 240) == pytest.approx(0.25 * gaussian(1.1), abs=0.002)
    assert fit.chi2 == pytest.approx(1.0, abs=0.1)


def test_a_shift_is_part_of_the_kernel() -> None:
    moved = drawn(480, X + 0.5, Y + 0.1, np.full(80, 2e4), 3.2)
    still = drawn(480, X + 0.2, Y - 0.2, np.full(80, 2e4), 2.6).astype(np.float32)
    fit = fit_kernel(moved.astype(np.float32), still, np.full(moved.shape, 9, np.float32), X, Y, basis=BASIS, half=11)
    left = moved - fit.kernel.convolve(still)
    assert np.abs(left)[30:-30, 30:-30].max() < 0.01 * moved.max()


def test_a_kernel_that_varies_is_followed() -> None:
    columns = np.arange(480) / 479
    wide, narrow = (fftconvolve(SHARP, gaussian(s), mode="same") for s in (1.6, 0.9))
    target = columns * wide + (1 - columns) * narrow
    fit = fitted(target, 1.0)
    assert fit.kernel.order >= 1
    left = target - fit.kernel.convolve(SHARP)
    constant = target - fitted(target, 1.0, order=0, flux_order=0).kernel.convolve(SHARP)
    assert left[30:-30, 30:-30].std() < 0.15 * constant[30:-30, 30:-30].std()


def test_a_photometric_scale_that_varies_is_followed() -> None:
    slope = 1 + 0.2 * (np.arange(480) / 479 - 0.5)
    fit = fitted(fftconvolve(SHARP, gaussian(1.1), mode="same") * slope)
    scale = fit.kernel.scale(np.array([0.0, 479.0]), np.array([240.0, 240.0]))
    assert scale == pytest.approx([0.9, 1.1], abs=0.01)


def test_a_constant_kernel_is_not_given_variation() -> None:
    assert fitted(fftconvolve(SHARP, gaussian(1.1), mode="same")).kernel.order == 0


def test_stamps_with_a_variable_star_are_left_out() -> None:
    target = fftconvolve(SHARP, gaussian(1.1), mode="same")
    target += drawn(480, X[:6] + 0.3, Y[:6] - 0.2, np.full(6, 3e4), 3.7)
    fit = fitted(target)
    assert not fit.used[:6].any() and fit.used.sum() > 50
    assert fit.kernel.scale(np.array([240.0]), np.array([240.0]))[0] == pytest.approx(1.0, rel=0.005)


def test_a_masked_frame_has_no_kernel() -> None:
    with pytest.raises(Invalid, match="three unsaturated stars"):
        fitted(SHARP, mask=np.ones(SHARP.shape, bool))


def test_strips_convolve_like_the_whole() -> None:
    planes = np.stack([gaussian(1.2), 0.1 * gaussian(2.0) - 0.1 * gaussian(1.0), 0 * gaussian(1)])
    kernel = SpatialKernel(planes, 1, 480, 480)
    whole = kernel.convolve(SHARP)
    part = kernel.convolve(SHARP[100:300], top=100)
    assert part[20:-20] == pytest.approx(whole[120:280], abs=1e-2)
