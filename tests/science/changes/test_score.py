"""The score's filter against white noise, drawn noise and its own theory."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from hven.science.changes.score import convolved, correlation, gaussian_line, score_filter, smoothed_like

RNG = np.random.default_rng(7)
ONE = np.ones((1, 1))


def gaussian(sigma: float) -> np.ndarray:
    line = gaussian_line(sigma)
    return np.outer(line, line)


def test_on_white_noise_it_is_the_matched_filter() -> None:
    psf = gaussian(1.4)
    found = score_filter(psf, ONE, 1e-9 * ONE, 2.0, 1.0, half=7)
    assert found.deviation == pytest.approx(2.0 / np.sqrt((psf**2).sum()), rel=0.01)


def test_a_sources_flux_comes_out_at_its_place() -> None:
    psf = gaussian(1.4)
    image = np.zeros((61, 61), np.float32)
    half = psf.shape[0] // 2
    image[30 - half : 31 + half, 25 - half : 26 + half] = 500 * psf
    found = convolved(image, score_filter(psf, ONE, gaussian(0.8), 3.0, 1.0, half=9).image)
    assert found[30, 25] == pytest.approx(500, rel=1e-4)
    assert np.unravel_index(found.argmax(), found.shape) == (30, 25)


@pytest.mark.parametrize(("smoothing", "kernel", "template_noise"), [(0.0, 0.9, 3.0), (1.2, 0.8, 6.0)])
def test_the_theory_of_its_noise_is_that_of_drawn_noise(smoothing: float, kernel: float, template_noise: float) -> None:
    smooth, match = (gaussian(smoothing) if smoothing else ONE), gaussian(kernel)
    psf = gaussian(np.hypot(1.3, smoothing))
    frame, template = RNG.normal(0, 4, (600, 600)), RNG.normal(0, template_noise, (600, 600))
    diff = fftconvolve(frame, smooth, mode="same") - fftconvolve(template, match, mode="same")
    found = score_filter(psf, smooth, match, 4.0, template_noise, half=10)
    score = convolved(diff.astype(np.float32), found.image)[40:-40, 40:-40]
    assert score.std() == pytest.approx(found.deviation, rel=0.03)
    constant = np.full((80, 80), 1.0, np.float32)
    variance = 16 * smoothed_like(constant, found.frame_weight) + template_noise**2 * smoothed_like(
        constant, found.template_weight
    )
    assert np.sqrt(variance[40, 40]) == pytest.approx(found.deviation, rel=0.03)


def test_it_beats_a_filter_that_ignores_the_noises_colour() -> None:
    psf, smooth, match = gaussian(1.8), gaussian(1.2), gaussian(0.8)
    best = score_filter(psf, smooth, match, 4.0, 2.0, half=12)
    plain = psf / (psf**2).sum()
    power = score_filter(plain, smooth, match, 4.0, 2.0, half=12)
    noise = fftconvolve(RNG.normal(0, 4, (500, 500)), smooth, "same") + fftconvolve(
        RNG.normal(0, 2, (500, 500)), match, "same"
    )
    assert convolved(noise.astype(np.float32), plain)[30:-30, 30:-30].std() > 1.05 * best.deviation
    assert power.deviation > 0


def test_noise_makes_as_many_peaks_as_expected() -> None:
    import cv2

    psf = gaussian(1.4)
    found = score_filter(psf, ONE, 1e-9 * ONE, 1.0, 1.0, half=7)
    noise = convolved(RNG.normal(0, 1, (2000, 2000)).astype(np.float32), found.image) / found.deviation
    top = cv2.dilate(noise, np.ones((3, 3), np.uint8))
    seen = np.count_nonzero((noise == top) & (noise > 3.5))
    expected = 4e6 * found.peak_density * 3.5 * np.exp(-0.5 * 3.5**2)
    assert seen == pytest.approx(expected, rel=0.25)


def test_smoothing_makes_neighbours_depend_on_each_other() -> None:
    white = correlation(ONE, 1e-6 * ONE, 1.0, 1.0, half=3)
    smooth = correlation(gaussian(1.0), 1e-6 * ONE, 1.0, 1.0, half=3)
    assert white[3, 3] == 1 and np.abs(white).sum() == pytest.approx(1, abs=1e-6)
    assert smooth[3, 4] == pytest.approx(np.exp(-0.25), abs=0.05)
