"""What bright stars leave must count as noise where they are."""

from dataclasses import replace

import numpy as np

from hven.science.changes.planes import Difference, Stars
from hven.science.changes.score import score_filter
from hven.science.changes.significance import significance

from .scenes import Scene, drawn


def weighed(pair: Scene, difference: Difference, diff: np.ndarray):
    filter_ = score_filter(difference.psf, np.ones((1, 1)), difference.kernel.at(240, 240), 15.0, 1.0, half=8)
    x, y, flux = pair.stars.T
    inside = (x > 0) & (y > 0) & (x < 479) & (y < 479)
    stars = Stars(x[inside], y[inside], flux[inside], flux[inside] / 70)
    variance = difference.noise**2
    return significance(
        diff.astype(np.float32), difference.convolved, difference.mask, filter_=filter_,
        variances=(variance, 0.01 * variance), stars=stars, fwhm_px=3.3, cell=64,
    )  # fmt: skip


def test_a_clean_difference_shows_no_error_of_its_stars(pair: Scene, difference: Difference) -> None:
    _, (position, share, wings) = weighed(pair, difference, difference.diff)
    assert position < 0.03 and share < 0.02 and wings < 0.05


def test_shifted_stars_are_told_as_a_position_error_and_give_no_peaks(pair: Scene, difference: Difference) -> None:
    x, y, flux = pair.stars.T
    moved = drawn(480, x + 0.1, y, flux, 3.2) - drawn(480, x, y, flux, 3.2)
    clean, _ = weighed(pair, difference, difference.diff)
    raw, (position, _, _) = weighed(pair, difference, difference.diff + moved)
    assert 0.03 < position < 0.2
    near = np.zeros(clean.shape, bool)
    for a, b in zip(x, y, strict=True):
        if 5 < a < 474 and 5 < b < 474:
            near[round(b) - 3 : round(b) + 4, round(a) - 3 : round(a) + 4] = True
    for a, b in zip(pair.x, pair.y, strict=True):
        near[round(b) - 6 : round(b) + 7, round(a) - 6 : round(a) + 7] = False
    assert np.percentile(np.abs(raw[near]), 99.5) < 5


def test_masked_pixels_have_none(pair: Scene, difference: Difference) -> None:
    mask = difference.mask.copy()
    mask[200:240, 200:240] = True
    found, _ = weighed(pair, replace(difference, mask=mask), difference.diff)
    assert not found[mask].any()
