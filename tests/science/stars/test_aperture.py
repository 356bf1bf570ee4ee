"""Aperture sums against the exact geometry, photometric truth and sep."""

import numpy as np
import pytest
import sep

from hven.errors import Invalid
from hven.science.stars.aperture import aperture_sums
from hven.science.stars.background import estimate_background

from .conftest import Field


def test_a_flat_frame_gives_the_circles_area() -> None:
    data = np.full((200, 200), 10.0, np.float32)
    background = estimate_background(np.zeros((200, 200), np.float32))
    sums = aperture_sums(data, np.array([100.3, 50.0]), np.array([99.1, 60.5]), 5.0, background)
    assert sums.flux == pytest.approx(10 * np.pi * 25, rel=0.01)
    assert sums.is_whole.all()


def test_stars_have_their_flux_within_the_stated_error(field: Field) -> None:
    data = field.as_type(np.uint16)
    sums = aperture_sums(data, field.x, field.y, 8.0, estimate_background(data), gain=1.0)
    lonely = np.sort(np.hypot(field.x[:, None] - field.x, field.y[:, None] - field.y), axis=1)[:, 1] > 35
    pull = (sums.flux - field.flux * 0.985)[lonely] / np.hypot(sums.error, 0.03 * field.flux)[lonely]
    assert np.abs(np.median(pull)) < 1.0
    assert np.mean(np.abs(pull) < 3) > 0.9


def test_sums_agree_with_seps(field: Field) -> None:
    data = field.data.astype(np.float32)
    background = estimate_background(data)
    ours = aperture_sums(data, field.x, field.y, 4.0, background)
    flat = data - background.level.rows(0, 512)
    theirs, _, _ = sep.sum_circle(flat, field.x, field.y, 4.0)
    assert np.abs(ours.flux - theirs).max() < 0.25 * np.pi * 16 * field.noise
    assert np.median(np.abs(ours.flux - theirs)) < 40


def test_circles_over_the_edge_and_masked_pixels_are_marked_and_corrected() -> None:
    data = np.full((100, 100), 50.0, np.float32)
    data[40:42, 40:42] = np.nan
    background = estimate_background(np.full((100, 100), 50.0))
    sums = aperture_sums(data, np.array([0.0, 40.0, 70.0]), np.array([50.0, 40.0, 70.0]), 6.0, background)
    assert sums.is_whole.tolist() == [False, False, True]
    assert sums.flux == pytest.approx(0, abs=60)


def test_bad_radii_and_unequal_lists_are_refused(field: Field) -> None:
    background = estimate_background(field.data)
    for radius in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(Invalid):
            aperture_sums(field.data, field.x, field.y, radius, background)
    with pytest.raises(Invalid):
        aperture_sums(field.data, field.x, field.y[:3], 4.0, background)
    assert aperture_sums(field.data, np.zeros(0), np.zeros(0), 4.0, background).flux.size == 0
