"""Limits are where the noise model says, there and back."""

import numpy as np
import pytest

from hven.science.photometry.limits import flux_at, limiting_magnitude, model_snr, sky_errors


def test_a_star_at_the_limit_has_the_ratio_that_was_asked_for() -> None:
    for snr in (3.0, 5.0, 50.0):
        flux = flux_at(snr, 100.0, 1.5)
        assert flux / np.sqrt(100.0**2 + flux / 1.5) == pytest.approx(snr)
        limit = limiting_magnitude(snr, 100.0, 28.0, 1.5)
        assert model_snr(limit, 100.0, 28.0, 1.5) == pytest.approx(snr)


def test_photons_are_taken_out_of_errors() -> None:
    flux = np.array([0.0, 1000.0, -50.0])
    assert sky_errors(flux, np.hypot(30, np.sqrt(np.maximum(flux, 0) / 2.0)), 2.0) == pytest.approx(30)


def test_no_sky_is_no_limit() -> None:
    assert np.isnan(limiting_magnitude(5, np.array([0.0, np.nan]), 28, 1)).all()
