"""Matching star images: how much smoothing which pair needs, and from which stars the profile comes."""

from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.planes import Stars
from hven.science.changes.score import gaussian_line
from hven.science.changes.star_images import (
    flatten,
    match_star_images,
    measure_widths,
    star_profiles,
    unsaturated,
)
from hven.science.changes.subtract import found_stars

from .scenes import Scene, scene


def bright_stars(pair: Scene) -> Stars:
    stars = found_stars(pair.frame)
    return stars.chosen(unsaturated(pair.frame, stars))


@pytest.mark.parametrize(
    ("fwhm", "template_fwhm", "low", "high"), [(3.2, 2.6, 0.0, 0.0), (3.0, 3.0, 0.5, 1.1), (2.6, 3.5, 1.0, 1.8)]
)
def test_a_frame_is_smoothed_as_far_as_its_template_is_less_sharp(
    fwhm: float, template_fwhm: float, low: float, high: float
) -> None:
    pair = scene(2, fwhm=fwhm, template_fwhm=template_fwhm)
    widths = measure_widths(flatten(pair.frame, 120), flatten(pair.template, 120), bright_stars(pair), fwhm)
    assert low <= widths.smoothing_px <= high
    assert np.median(widths.frame.fwhm_px) / np.median(widths.template.fwhm_px) == pytest.approx(
        fwhm / template_fwhm, rel=0.06
    )


def test_the_background_is_gone_and_the_noise_known(pair: Scene) -> None:
    flat = flatten(pair.frame, 120)
    assert abs(np.median(flat.data)) < 1.5
    assert flat.sky_noise == pytest.approx(np.sqrt(300 / 1.5 + 9), rel=0.1)
    dark, lit = flat.variance(np.zeros((480, 480))), flat.variance(np.full((480, 480), 1500.0))
    assert (lit - dark) == pytest.approx(1000.0, rel=1e-3)
    assert replace(flat, gain=None).variance(np.full((480, 480), 1500.0)) == pytest.approx(dark)


def test_full_faint_and_masked_stars_are_not_asked(pair: Scene) -> None:
    stars = found_stars(pair.frame)
    top = np.sort(pair.frame.data[np.rint(stars.y).astype(int), np.rint(stars.x).astype(int)])[-5]
    chosen = unsaturated(replace(pair.frame, saturation=float(top)), stars)
    kept = pair.frame.data[np.rint(stars.y[chosen]).astype(int), np.rint(stars.x[chosen]).astype(int)]
    assert kept.max() < top and (stars.snr[chosen] > 10).all()
    assert (np.diff(stars.flux[chosen]) <= 0).all()
    masked = replace(pair.frame, mask=np.ones((480, 480), bool))
    assert unsaturated(masked, stars).size == 0


def test_lonely_stars_make_the_profile(pair: Scene) -> None:
    frame, template = flatten(pair.frame, 120), flatten(pair.template, 120)
    stars = bright_stars(pair)
    widths = measure_widths(frame, template, stars, 3.2)
    fit, column, row = match_star_images(frame.data, frame, template, stars, widths, smooth_line=gaussian_line(0))
    profiles = star_profiles(frame, found_stars(pair.frame), widths.stars, column[fit.used], row[fit.used], fwhm_px=3.2)
    profile = profiles.at(240, 240)
    half = profile.shape[0] // 2
    assert profile[half, half] == pytest.approx(0.0655, rel=0.05)
    assert profile.sum() == pytest.approx(1.0)


def test_frames_without_shared_stars_are_refused(pair: Scene) -> None:
    few = bright_stars(pair).chosen(np.array([0, 1]))
    frame, template = flatten(pair.frame, 120), flatten(pair.template, 120)
    with pytest.raises(Invalid, match="three unsaturated stars"):
        measure_widths(frame, template, few, 3.2)
