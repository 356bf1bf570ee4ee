"""Cosmic-ray hits are found, and the stars' cores stay, sharp ones too."""

import numpy as np
import pytest

from hven.science.photometry.cosmics import contrast_limit, find_cosmics, laplacian
from hven.science.photometry.inspection import InspectSettings, inspect
from hven.science.photometry.masks import MaskBit
from hven.science.stars.background import Background, Mesh

from .scenes import Scene


@pytest.mark.parametrize("fwhm", [1.6, 2.2, 3.2, 5.0])
def test_nearly_all_hits_are_found_and_no_core_of_a_star(fwhm: float) -> None:
    scene = Scene(size=1024, stars=400, cosmics=20, fwhm=fwhm, seed=11)
    found = inspect(scene.data, scene.meaning)
    hit = (found.bits & MaskBit.COSMIC) > 0
    assert (hit & scene.cosmic).sum() >= 0.985 * scene.cosmic.sum()
    assert (hit & ~scene.cosmic).sum() < 15
    row, column = np.rint(scene.y).astype(int), np.rint(scene.x).astype(int)
    bright = scene.rmag < 20.5
    assert not (hit & ~scene.cosmic)[row[bright], column[bright]].any()


def test_trailed_stars_are_no_hits() -> None:
    scene = Scene(size=512, stars=100, trail=8, seed=4)
    assert inspect(scene.data, scene.meaning).cosmic_px < 5


def test_hits_are_left_in_where_nobody_wants_them_out() -> None:
    scene = Scene(size=256, stars=20, cosmics=5, seed=4)
    assert inspect(scene.data, scene.meaning, InspectSettings(mask_cosmics=False)).cosmic_px == 0


def test_the_edges_of_full_cores_are_no_hits() -> None:
    scene = Scene(size=256, stars=20, saturated=6, seed=4, saturation=3000.0)
    assert inspect(scene.data, scene.meaning).cosmic_px < 4


def test_a_hit_at_the_corner_is_found() -> None:
    rng = np.random.default_rng(1)
    residual = rng.normal(0, 10, (64, 64)).astype(np.float32)
    residual[0, 0] = residual[63, 30] = 2000
    flat = Mesh(np.full((1, 1), 10.0, np.float32), 64, 64, 64)
    found = find_cosmics(residual, Background(flat, flat), np.zeros((64, 64), np.uint8), gain=1.0, fwhm_px=3.0)
    assert {0, 63 * 64 + 30} <= set(found.tolist())


def test_the_laplacian_of_a_single_pixel_is_twice_its_height() -> None:
    plane = np.zeros((9, 9), np.float32)
    plane[4, 4] = 7
    assert laplacian(plane.ravel(), np.array([40]), 9)[0] == pytest.approx(14)  # van Dokkum: each quarter has 2 f


def test_sharper_stars_need_more_contrast() -> None:
    limits = [contrast_limit(fwhm) for fwhm in (1.6, 2.0, 3.0, 5.0)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > 2 * limits[2]
