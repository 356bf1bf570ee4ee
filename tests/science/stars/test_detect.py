"""Detection against truth: what is there is found, what is not is not, and nothing makes it fall over."""

from __future__ import annotations

import numpy as np
import pytest
import sep
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.simulate.psf import add_stars
from hven.science.stars.detect import binned, detect, measure_fwhm, unbinned

from .conftest import Field


def distances(found, x, y):
    return cKDTree(np.column_stack([found.x, found.y])).query(np.column_stack([x, y]))[0]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64, np.int32, ">f4", ">i2"])
def test_bright_stars_are_found_where_they_are_in_any_type_of_pixel(field: Field, dtype) -> None:
    data = np.clip(np.rint(field.data), 0, 32000).astype(dtype)
    found = detect(data)
    bright = field.flux > 3000
    away = distances(found, field.x[bright], field.y[bright])
    assert np.mean(away < 0.5) > 0.95
    assert np.median(away) < 0.12
    assert np.all(np.diff(found.flux) <= 0)


def test_the_frame_is_not_changed(field: Field) -> None:
    data = field.data.astype(np.float32)
    before = data.copy()
    detect(data)
    assert np.array_equal(data, before)


def test_faint_stars_are_found_oftener_than_by_thresholding(field: Field) -> None:
    many = Field(count=1200, size=1400, seed=5)
    snr = many.flux * 0.215 / many.noise
    faint = (snr > 5) & (snr < 10)
    data = many.as_type(np.uint16)
    ours = distances(detect(data), many.x[faint], many.y[faint]) < 1.5
    pixels = data.astype(np.float32)
    background = sep.Background(pixels)
    theirs = sep.extract(pixels - background.back(), 1.5, err=background.globalrms, minarea=5)
    sep_found = cKDTree(np.column_stack([theirs["x"], theirs["y"]])).query(
        np.column_stack([many.x[faint], many.y[faint]])
    )[0]
    assert ours.mean() > 0.8
    assert ours.mean() > np.mean(sep_found < 1.5)


def test_few_of_the_sources_are_noise() -> None:
    many = Field(count=800, size=1400, seed=6)
    found = detect(many.as_type(np.uint16))
    near = cKDTree(np.column_stack([many.x, many.y])).query(np.column_stack([found.x, found.y]))[0]
    assert np.mean(near > 3) <= 0.03


def test_fluxes_and_background_are_in_the_frames_units(field: Field) -> None:
    found = detect(field.data.astype(np.float32))
    tree = cKDTree(np.column_stack([found.x, found.y]))
    away, which = tree.query(np.column_stack([field.x, field.y]))
    good = (field.flux > 5000) & (away < 0.5)
    ratio = found.flux[which[good]] / field.flux[good]
    assert 0.75 < np.median(ratio) < 1.15
    assert np.std(np.log(ratio)) < 0.2
    assert np.median(found.background) == pytest.approx(field.sky, abs=3)


@pytest.mark.parametrize("fwhm", [1.6, 2.5, 4.0, 6.0, 12.0])
def test_the_width_of_the_stars_is_measured(fwhm: float) -> None:
    stars = Field(count=90, size=700, fwhm=fwhm, seed=3)
    data = stars.light * 20 + np.random.default_rng(1).normal(0, 20, stars.light.shape) + 500
    measured = measure_fwhm(data.astype(np.float32))
    assert measured == pytest.approx(np.hypot(fwhm, 0.6), rel=0.3)
    found = detect(data.astype(np.float32))
    bright = stars.flux > 4000
    assert np.mean(distances(found, stars.x[bright], stars.y[bright]) < 0.25 * fwhm + 0.3) > 0.85


def test_hot_pixels_and_cosmic_rays_are_not_stars_but_stars_of_two_pixels_are(field: Field) -> None:
    rng = np.random.default_rng(4)
    data = field.data.copy()
    hot = rng.integers(5, 507, (2, 150))
    data[hot[0], hot[1]] += 5000
    for row, column in rng.integers(10, 500, (10, 2)):
        data[row, column : column + 6] += 3000
    found = detect(data.astype(np.float32))
    away = cKDTree(np.column_stack([hot[1], hot[0]])).query(np.column_stack([found.x, found.y]))[0]
    star = cKDTree(np.column_stack([field.x, field.y])).query(np.column_stack([found.x, found.y]))[0]
    assert np.count_nonzero((away < 0.7) & (star > 3)) <= 5
    narrow = Field(count=150, size=512, fwhm=2.0, seed=9)
    seen = distances(detect(narrow.as_type(np.uint16)), narrow.x[narrow.flux > 3000], narrow.y[narrow.flux > 3000])
    assert np.mean(seen < 0.5) > 0.9


def test_a_gradient_and_a_nebula_are_no_sources(field: Field) -> None:
    rows, columns = np.indices(field.data.shape)
    nebula = 2000 * np.exp(-((rows - 250) ** 2 + (columns - 250) ** 2) / (2 * 70**2)) + 4.0 * columns
    rng = np.random.default_rng(8)
    data = field.data + nebula + rng.normal(0, 1, nebula.shape) * np.sqrt(nebula)
    found = detect(data.astype(np.float32))
    star = cKDTree(np.column_stack([field.x, field.y])).query(np.column_stack([found.x, found.y]))[0]
    assert np.mean(star > 3) < 0.08
    bright = field.flux > 10000
    assert np.mean(distances(found, field.x[bright], field.y[bright]) < 1) > 0.9


def test_a_saturated_star_is_one_source_in_its_middle_and_the_brightest(field: Field) -> None:
    data = np.full((400, 400), 500.0) + np.random.default_rng(2).normal(0, 10, (400, 400))
    add_stars(data, np.array([200.3]), np.array([150.7]), np.array([3e7]), fwhm_px=4, beta=3, faint=1.0)
    add_stars(
        data, np.array([60.0, 330.0]), np.array([80.0, 300.0]), np.array([4e4, 2e4]), fwhm_px=4, beta=3, faint=1.0
    )
    data = np.clip(data, 0, 65535)
    data[100:300, 200] = 65535  # blooming
    found = detect(data.astype(np.uint16))
    assert np.hypot(found.x[0] - 200.3, found.y[0] - 150.7) < 2.0
    assert np.count_nonzero(np.hypot(found.x - 200.3, found.y - 150.7) < 12) <= 2


def test_masked_and_missing_pixels_make_no_sources(field: Field) -> None:
    data = field.data.astype(np.float32)
    data[100:140, 200:300] = np.nan
    data[300:310, :] = np.inf
    mask = np.zeros(data.shape, bool)
    mask[400:420, 400:420] = True
    data[400:420, 400:420] = 1e9
    found = detect(data, mask)
    inside = (found.x >= 200) & (found.x < 300) & (found.y >= 100) & (found.y < 140)
    inside |= (found.x >= 399) & (found.x < 421) & (found.y >= 399) & (found.y < 421)
    assert not inside.any()
    bright = (field.flux > 5000) & ~((field.y > 90) & (field.y < 150)) & ~((field.y > 290) & (field.y < 430))
    assert np.mean(distances(found, field.x[bright], field.y[bright]) < 0.5) > 0.9


@pytest.mark.parametrize(
    "data",
    [
        np.full((100, 100), np.nan, np.float32),
        np.zeros((100, 100), np.uint8),
        np.full((100, 100), 65535, np.uint16),
        np.full((100, 100), 3.7e30, np.float32),
        np.ones((1, 1), np.uint16),
        np.zeros((0, 0), np.float32),
        np.ones((5, 4000), np.uint8),
        np.full((64, 64), -1e-30, np.float32),
        np.array([[np.inf, -np.inf]] * 40, np.float32).repeat(20, axis=1),
    ],
)
def test_frames_without_stars_have_none(data: np.ndarray) -> None:
    assert len(detect(data)) == 0


def test_a_huge_dynamic_range_is_survived() -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(0, 1, (200, 200)).astype(np.float32)
    data[50, 50] = 3e38
    data[100, 100] = -3e38
    found = detect(data)
    assert np.all(np.isfinite(found.x)) and np.all(np.isfinite(found.flux))


@pytest.mark.parametrize("data", [np.zeros(5), np.zeros((3, 4, 5)), np.zeros((20, 20), complex), np.full((9, 9), "a")])
def test_what_is_no_plane_of_numbers_is_refused(data: np.ndarray) -> None:
    with pytest.raises(Invalid):
        detect(data)


def test_a_mask_of_another_size_is_refused(field: Field) -> None:
    with pytest.raises(Invalid, match="differ in size"):
        detect(field.data, np.ones((3, 3), bool))


def test_detection_gives_the_same_answer_each_time(field: Field) -> None:
    one, two = detect(field.as_type(np.uint16)), detect(field.as_type(np.uint16))
    assert np.array_equal(one.x, two.x) and np.array_equal(one.flux, two.flux)


def test_a_limit_keeps_the_brightest(field: Field) -> None:
    whole, head = detect(field.as_type(np.uint16)), detect(field.as_type(np.uint16), limit=10)
    assert len(head) == 10
    assert np.array_equal(head.x, whole.x[:10])


def test_binned_positions_come_back_in_the_frames_own_pixels(field: Field) -> None:
    small, _ = binned(field.data, None, 2)
    found = unbinned(detect(small), 2, 512, 512)
    bright = field.flux > 10000
    assert np.median(distances(found, field.x[bright], field.y[bright])) < 0.25
    assert (found.width, found.height) == (512, 512)
