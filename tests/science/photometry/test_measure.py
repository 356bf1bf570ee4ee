"""Measured lists: columns, light and errors that agree with the truth, flags, and frames with hardly anything."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.photometry.inspection import Inspection, inspect
from hven.science.photometry.measure import COLUMNS, Measured, MeasureSettings
from hven.science.photometry.pipeline import measured_frame

from .scenes import Scene


def paired(scene: Scene, measured: Measured, clean: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of lonely stars and of their objects."""
    objects = measured.objects
    distance, near = cKDTree(np.column_stack([objects["x"], objects["y"]])).query(np.column_stack([scene.x, scene.y]))
    good = (distance < 1.5) & scene.lonely()
    if clean:
        good &= np.asarray(objects["flags"])[near] == 0
    star = np.flatnonzero(good)
    return star, near[star]


def pulls(scene: Scene, measured: Measured, faintest: float = 20.0) -> np.ndarray:
    star, place = paired(scene, measured)
    keep = scene.mag[star] < faintest
    off = np.asarray(measured.objects["mag"])[place][keep] - scene.mag[star][keep]
    zero = np.median(off[scene.mag[star][keep] < 17.5])
    return (off - zero) / np.asarray(measured.objects["magerr"])[place][keep]


def test_the_columns_are_those_that_programs_expect(measured: Measured) -> None:
    assert measured.objects.colnames == list(COLUMNS)
    assert np.all(np.diff(np.asarray(measured.objects["flux"])) <= 0)
    assert str(measured.objects["x"].unit) == "pix"


@pytest.mark.parametrize("optimal", [False, True])
def test_quoted_errors_are_the_scatter(optimal: bool) -> None:
    found = []
    for seed in (21, 22):
        scene = Scene(size=1024, stars=450, seed=seed)
        measured = measured_frame(inspect(scene.data, scene.meaning), MeasureSettings(optimal=optimal))
        found.append(pulls(scene, measured))
    pull = np.concatenate(found)
    assert pull.size > 200
    assert 1.48 * np.median(np.abs(pull)) == pytest.approx(1.0, abs=0.17)
    assert abs(np.median(pull)) < 0.2


def test_weighting_with_the_profile_beats_a_plain_aperture_on_faint_stars() -> None:
    scene = Scene(size=1024, stars=450, seed=23)
    inspection = inspect(scene.data, scene.meaning)
    scatter = []
    for optimal in (False, True):
        measured = measured_frame(inspection, MeasureSettings(optimal=optimal))
        star, place = paired(scene, measured)
        faint = (scene.mag[star] > 18.5) & (scene.mag[star] < 20)
        off = np.asarray(measured.objects["mag"])[place][faint] - scene.mag[star][faint]
        scatter.append(np.median(np.abs(off - np.median(off))))
    assert scatter[1] < 0.95 * scatter[0]


def test_both_ways_of_summing_have_one_zero_point(scene: Scene, inspection: Inspection, measured: Measured) -> None:
    weighted = measured_frame(inspection, MeasureSettings(optimal=True))
    zero = []
    for one in (measured, weighted):
        star, place = paired(scene, one)
        bright = scene.mag[star] < 17
        zero.append(np.median(scene.mag[star][bright] - np.asarray(one.objects["mag"])[place][bright]))
    assert zero[0] == pytest.approx(zero[1], abs=0.004)


def test_the_width_is_twice_the_half_light_radius(scene: Scene, measured: Measured) -> None:
    alpha = scene.fwhm / (2 * np.sqrt(2 ** (1 / 3.5) - 1))
    half_light = alpha * np.sqrt(2 ** (1 / 2.5) - 1)  # of the Moffat function
    assert measured.fwhm_px == pytest.approx(2 * half_light, rel=0.04)
    assert measured.aperture_px == measured.fwhm_px


def test_places_are_good_to_their_errors(scene: Scene, measured: Measured) -> None:
    star, place = paired(scene, measured)
    objects = measured.objects
    keep = scene.mag[star] < 20
    for axis, truth in (("x", scene.x), ("y", scene.y)):
        off = (np.asarray(objects[axis])[place] - truth[star])[keep]
        error = np.hypot(np.asarray(objects[f"{axis}err"])[place][keep], 0.004)
        assert 1.48 * np.median(np.abs(off / error)) == pytest.approx(1.0, abs=0.25)


def test_settings_change_what_they_say(inspection: Inspection, measured: Measured) -> None:
    wide = measured_frame(inspection, MeasureSettings(fwhm_px=6.0, aperture_fwhm=1.5))
    assert (wide.fwhm_px, wide.aperture_px) == (6.0, 9.0)
    strict = measured_frame(inspection, MeasureSettings(least_snr=20.0))
    assert len(strict.objects) < 0.7 * len(measured.objects)
    unfiltered = measured_frame(inspection, MeasureSettings(filter_shapes=False))
    assert not np.any(np.asarray(unfiltered.objects["flags"]) & 0x800)


def test_a_frame_without_objects_says_so() -> None:
    rng = np.random.default_rng(4)
    empty = inspect(rng.normal(400, 20, (300, 300)).astype(np.float32), Scene(size=128, stars=2).meaning)
    with pytest.raises(Invalid, match=r"objects"):
        measured_frame(empty, MeasureSettings())


def test_few_stars_make_do_without_shapes_and_profile() -> None:
    scene = Scene(size=256, stars=4, seed=9)
    scene_inspection = inspect(scene.data, scene.meaning)
    measured = measured_frame(scene_inspection, MeasureSettings(optimal=True, least_snr=3))
    assert len(measured.notes) == 2
    assert len(measured.objects) >= 3


def test_a_third_of_the_frame_may_be_masked(scene: Scene) -> None:
    excluded = np.zeros(scene.data.shape, np.uint8)
    excluded[:, :340] = 1
    found = measured_frame(inspect(scene.data, scene.meaning, excluded=excluded), MeasureSettings())
    assert np.asarray(found.objects["x"]).min() > 338
    star = scene.lonely() & (scene.x > 350) & (scene.mag < 20)
    tree = cKDTree(np.column_stack([found.objects["x"], found.objects["y"]]))
    assert np.all(tree.query(np.column_stack([scene.x, scene.y])[star])[0] < 1.5)
