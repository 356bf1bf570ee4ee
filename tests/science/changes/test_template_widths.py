"""Widths of a template's stars."""

import numpy as np
import pytest

from hven.science.changes.template_widths import half_light_widths, widths_plot
from hven.science.simulate.psf import add_stars


@pytest.mark.parametrize("fwhm", [2.0, 3.2, 6.0])
def test_gaussian_like_stars_are_as_wide_as_they_are(fwhm: float) -> None:
    """Of a Gaussian the half-light radius is half the full width at half maximum; a steep Moffat comes near."""
    plane = np.zeros((200, 200))
    x, y = np.array([60.3, 140.0, 60.0, 141.5]), np.array([60.0, 60.5, 140.2, 139.7])
    add_stars(plane, x, y, np.full(4, 1e5), fwhm_px=fwhm, beta=60.0, faint=0.001)
    plane += np.random.default_rng(1).normal(100, 1, plane.shape)
    widths = half_light_widths(plane, x, y, fwhm_px=fwhm)
    assert widths == pytest.approx(fwhm, rel=0.06, abs=0.25)


def test_what_is_at_the_edge_masked_or_no_star_has_no_width() -> None:
    plane = np.full((200, 200), 5.0)
    plane[100, 100] = np.nan
    widths = half_light_widths(plane, np.array([3.0, 100.0, 150.0]), np.array([100.0, 101.0, 150.0]), fwhm_px=3.0)
    assert np.isnan(widths).all()


def test_the_picture_is_a_png_even_of_nothing() -> None:
    none = np.zeros(0)
    assert widths_plot(none, none, 3.0).startswith(b"\x89PNG")
    assert widths_plot(np.array([17.0, 18.0]), np.array([2.5, np.nan]), 3.0).startswith(b"\x89PNG")
