"""Objects are found to the depth that the noise allows, apart from each other, and marked."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hven.science.photometry.inspection import Inspection, inspect
from hven.science.photometry.measure import Measured, MeasureSettings
from hven.science.photometry.objects import Flag, Trail, common_trail, find_objects
from hven.science.photometry.pipeline import measured_frame
from hven.science.stars.background import estimate_background

from .scenes import Scene


def test_stars_are_found_and_hardly_anything_else(scene: Scene, measured: Measured) -> None:
    objects = measured.objects
    distance, _ = cKDTree(np.column_stack([objects["x"], objects["y"]])).query(np.column_stack([scene.x, scene.y]))
    lonely = scene.lonely()
    assert np.all(distance[lonely & (scene.mag < 20)] < 1.5)
    assert np.mean(distance[lonely & (scene.mag > 20) & (scene.mag < 20.5)] < 1.5) > 0.95
    x, y = np.r_[scene.x, scene.galaxy_x], np.r_[scene.y, scene.galaxy_y]
    back, _ = cKDTree(np.column_stack([x, y])).query(np.column_stack([objects["x"], objects["y"]]))
    assert np.mean(back > 2.5) < 0.01


def test_saturated_stars_are_marked_and_found_once(scene: Scene, measured: Measured) -> None:
    objects = measured.objects
    for x, y in zip(scene.x[:2], scene.y[:2], strict=True):
        near = np.hypot(objects["x"] - x, objects["y"] - y) < 4
        assert np.count_nonzero(near) == 1
        assert objects["flags"][near][0] & Flag.SATURATED
        assert objects["flags"][near][0] & Flag.MASKED_FOOTPRINT


def test_the_segmentation_names_the_objects(measured: Measured) -> None:
    objects = measured.objects
    bright = objects[np.asarray(objects["flux"]) > 5000]
    inside = measured.segmentation[np.rint(bright["y"]).astype(int), np.rint(bright["x"]).astype(int)]
    assert np.mean(inside == bright["NUMBER"]) > 0.98


def test_a_faint_star_in_the_wings_of_a_bright_one_is_found() -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:256, :256]
    light = np.zeros((256, 256))
    for at, flux in (((100, 120), 3e5), ((114, 120), 1500.0)):
        profile = (1 + ((x - at[0]) ** 2 + (y - at[1]) ** 2) / 3.4**2) ** -3.5
        light += flux * profile / profile.sum()
    data = (rng.poisson((light + 400) * 1.5) / 1.5).astype(np.float32)
    background = estimate_background(data)
    found = find_objects(
        data - background.level.rows(0, 256), background, np.zeros(data.shape, np.uint8), smoothing_px=1.4, gain=1.5
    )
    assert np.hypot(found.x - 114, found.y - 120).min() < 1.5
    assert np.count_nonzero(np.hypot(found.x - 107, found.y - 120) < 20) == 2


def test_objects_beside_masked_pixels_are_marked(inspection: Inspection) -> None:
    bits = inspection.bits.copy()
    bits[500:520, 500:520] = 8
    found = find_objects(inspection.residual, inspection.background, bits, smoothing_px=1.4, gain=1.5)
    assert not np.any(found.segmentation[500:520, 500:520])
    touched = np.unique(found.segmentation[499:521, 499:521])
    assert all(found.flags[number - 1] & Flag.MASKED_FOOTPRINT for number in touched if number)


def test_long_trails_are_hardly_taken_apart() -> None:
    scene = Scene(size=512, stars=60, trail=20, seed=6, faintest=19)
    measured = measured_frame(inspect(scene.data, scene.meaning), MeasureSettings())
    objects = measured.objects
    tree = cKDTree(np.column_stack([objects["x"], objects["y"]]))
    distance, _ = tree.query(np.column_stack([scene.x, scene.y]))
    alone = scene.lonely(30)
    assert np.all(distance[alone] < 2)
    assert len(objects) < 1.15 * scene.x.size


def test_round_stars_are_no_trails(scene: Scene, inspection: Inspection) -> None:
    found = find_objects(inspection.residual, inspection.background, inspection.bits, smoothing_px=1.4, gain=1.5)
    assert common_trail(found) is None
    kernel = Trail(9.0, 0.5).kernel()
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.max() < 0.15


def test_noise_that_pixels_share_makes_no_objects() -> None:
    import cv2

    rng = np.random.default_rng(8)
    white = rng.normal(0, 30, (512, 512)).astype(np.float32)
    counts = []
    for frame in (white, cv2.GaussianBlur(white, (0, 0), 1.2)):
        background = estimate_background(frame)
        found = find_objects(frame, background, np.zeros(frame.shape, np.uint8), smoothing_px=1.4, gain=1.5)
        assert found.segmentation.max(initial=0) == len(found)
        counts.append(len(found))
    assert counts[1] < 3 * counts[0] + 10
