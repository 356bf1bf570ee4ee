"""From a frame to calibrated magnitudes, and the sentences for catalogues and projections that do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.photometry.inspection import Inspection
from hven.science.photometry.pipeline import CalibrateSettings, Calibration, measure_and_calibrate
from hven.science.sky.sphere import separation

from .scenes import COLOUR_TERM, Scene


def test_magnitudes_are_those_of_the_truth(scene: Scene, calibration: Calibration) -> None:
    objects = calibration.measured.objects
    distance, near = cKDTree(np.column_stack([objects["x"], objects["y"]])).query(np.column_stack([scene.x, scene.y]))
    good = (distance < 1.5) & scene.lonely() & (np.asarray(objects["flags"])[near] == 0) & (scene.mag < 18)
    off = np.asarray(objects["mag_calib"])[near][good] - scene.mag[good]
    assert np.median(off) == pytest.approx(0, abs=0.006)
    assert calibration.zero_point.colour_term == pytest.approx(COLOUR_TERM, abs=0.012)
    assert calibration.zero_point.band == "rmag"
    assert calibration.zero_point.colour == ("gmag", "rmag")


def test_the_limit_is_where_stars_have_a_ratio_of_five(calibration: Calibration) -> None:
    objects = calibration.measured.objects
    near = np.abs(np.asarray(objects["mag_calib"]) - calibration.limit_mag) < 0.15
    assert np.median(1.0857 / np.asarray(objects["magerr"])[near]) == pytest.approx(5, rel=0.15)


def test_the_projection_is_refined_from_a_start_that_is_off(scene: Scene, inspection: Inspection) -> None:
    off = replace(scene.wcs, crval=(scene.wcs.crval[0] + 4 / 3600, scene.wcs.crval[1] - 3 / 3600))
    found = measure_and_calibrate(inspection, off, lambda *_: scene.catalogue)
    x, y = np.array([100.0, 900.0, 500.0]), np.array([100.0, 500.0, 900.0])
    assert np.max(separation(*found.wcs.to_sky(x, y), *scene.wcs.to_sky(x, y))) * 3600 < 0.05
    assert found.refined


def test_a_good_projection_may_stay(scene: Scene, inspection: Inspection) -> None:
    found = measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue, CalibrateSettings(refine=False))
    assert found.wcs is scene.wcs
    assert not found.refined


def test_the_cone_covers_the_frame(scene: Scene, inspection: Inspection) -> None:
    asked = []

    def cone(ra: float, dec: float, radius: float) -> Table:
        asked.append((ra, dec, radius))
        return scene.catalogue

    measure_and_calibrate(inspection, scene.wcs, cone, CalibrateSettings(refine=False))
    ra, dec, radius = asked[0]
    corners = scene.wcs.to_sky(np.array([0, 1023, 0, 1023]), np.array([0, 0, 1023, 1023]))
    assert np.max(separation(ra, dec, *corners)) < radius


def test_missing_values_and_missing_colours_are_left_out(scene: Scene, inspection: Inspection) -> None:
    holes = scene.catalogue.copy()
    holes["gmag"] = MaskedColumn(holes["gmag"], mask=np.arange(len(holes)) % 3 == 0)
    found = measure_and_calibrate(inspection, scene.wcs, lambda *_: holes)
    assert found.zero_point.colour_term == pytest.approx(COLOUR_TERM, abs=0.02)
    holes["rmag"] = MaskedColumn(holes["rmag"], mask=np.arange(len(holes)) % 4 == 0)
    found = measure_and_calibrate(inspection, scene.wcs, lambda *_: holes)
    assert found.zero_point.zp == pytest.approx(27.85, abs=0.02)
    assert np.isfinite(found.zero_point.zp_err)
    bare = scene.catalogue.copy()
    bare.remove_columns(["gmag", "e_gmag", "e_rmag"])
    lines: list[str] = []
    found = measure_and_calibrate(inspection, scene.wcs, lambda *_: bare, log=lines.append)
    assert found.zero_point.colour_term == 0
    assert any("no colour term" in line for line in lines)


def test_catalogues_that_do_not_fit_are_told(scene: Scene, inspection: Inspection) -> None:
    with pytest.raises(Invalid, match="no stars around"):
        measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue[:0])
    with pytest.raises(Invalid, match=r"no magnitudes in z; it has g, r"):
        measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue, CalibrateSettings(band="z"))
    with pytest.raises(Invalid, match="no filter called"):
        measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue, CalibrateSettings(band="mauve"))
    elsewhere = scene.catalogue.copy()
    elsewhere["RAJ2000"] += 0.1 * np.cos(np.arange(len(elsewhere)))
    with pytest.raises(Invalid, match="could not be refined"):
        measure_and_calibrate(inspection, scene.wcs, lambda *_: elsewhere)
    far = scene.catalogue.copy()
    far["DEJ2000"] += 5
    with pytest.raises(Invalid, match="lie within"):
        measure_and_calibrate(inspection, scene.wcs, lambda *_: far, CalibrateSettings(refine=False))


def test_a_wrong_band_makes_the_log_try_the_others(scene: Scene, inspection: Inspection) -> None:
    lines: list[str] = []
    measure_and_calibrate(
        inspection, scene.wcs, lambda *_: scene.catalogue, CalibrateSettings(band="g"), log=lines.append
    )
    assert any(line.startswith("As r:") for line in lines)
    assert any("steep" in line for line in lines)


def test_progress_rises_to_one(scene: Scene, inspection: Inspection) -> None:
    told: list[float] = []
    measure_and_calibrate(
        inspection, scene.wcs, lambda *_: scene.catalogue, progress=lambda fraction, _: told.append(fraction)
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
