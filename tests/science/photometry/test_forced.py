"""Given positions are measured as the objects were: stars, empty sky, and positions that cannot be."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.forced import ForcedSettings, forced_photometry
from hven.science.photometry.inspection import Inspection
from hven.science.photometry.measure import MeasureSettings
from hven.science.photometry.pipeline import Calibration

from .scenes import Scene


def force(inspection: Inspection, calibration: Calibration, x: object, y: object, **forced: object) -> object:
    return forced_photometry(
        calibration.measured, inspection.background, inspection.bits, np.array(x), np.array(y),
        settings=MeasureSettings(), forced=ForcedSettings(**forced), gain=1.5, zero_point=calibration.zero_point,
    )  # fmt: skip


def empty_places(scene: Scene, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(40, scene.size - 40, (2, 6000))
    every_x, every_y = np.r_[scene.x, scene.galaxy_x], np.r_[scene.y, scene.galaxy_y]
    far = np.hypot(x[:, None] - every_x, y[:, None] - every_y).min(axis=1) > 20
    return x[far][:count], y[far][:count]


def test_stars_have_the_magnitudes_of_the_list(scene: Scene, inspection: Inspection, calibration: Calibration) -> None:
    star = np.flatnonzero(scene.lonely() & (scene.mag > 15) & (scene.mag < 18))
    table = force(inspection, calibration, scene.x[star], scene.y[star])
    off = np.asarray(table["mag_calib"]) - scene.mag[star]
    assert np.median(off) == pytest.approx(0, abs=0.01)
    assert set(table.colnames) == {
        "x", "y", "flags", "bg_local", "npix_aper", "bg_fluxerr", "flux", "fluxerr", "mag", "magerr", "mag_calib",
        "mag_calib_err", "mag_limit",
    }  # fmt: skip


def test_empty_sky_gives_fluxes_about_zero_and_true_errors(
    scene: Scene, inspection: Inspection, calibration: Calibration
) -> None:
    table = force(inspection, calibration, *empty_places(scene))
    pull = np.asarray(table["flux"]) / np.asarray(table["fluxerr"])
    assert np.std(pull) == pytest.approx(1.0, abs=0.17)
    assert abs(np.mean(pull)) < 0.3
    negative = np.asarray(table["flux"]) < 0
    assert negative.any()
    assert np.isnan(np.asarray(table["mag_calib"])[negative]).all()
    assert np.isfinite(np.asarray(table["mag_limit"])).all()
    assert np.median(table["mag_limit"]) == pytest.approx(calibration.limit_mag, abs=0.1)


def test_the_limit_is_where_stars_have_that_ratio(inspection: Inspection, calibration: Calibration) -> None:
    three = force(inspection, calibration, [500.0], [500.0], snr=3.0)["mag_limit"][0]
    five = force(inspection, calibration, [500.0], [500.0], snr=5.0)["mag_limit"][0]
    assert three - five == pytest.approx(2.5 * np.log10(5 / 3), abs=0.03)


def test_centroids_move_to_the_light(scene: Scene, inspection: Inspection, calibration: Calibration) -> None:
    star = int(np.flatnonzero(scene.lonely() & (scene.mag > 15) & (scene.mag < 17))[0])
    start = scene.x[star] + 0.8, scene.y[star] - 0.6
    table = force(inspection, calibration, [start[0]], [start[1]], centroid=True)
    assert (table["x"][0], table["y"][0]) == pytest.approx((scene.x[star], scene.y[star]), abs=0.05)
    assert (table["x_orig"][0], table["y_orig"][0]) == start


@pytest.mark.parametrize("place", [(-5.0, 10.0), (5000.0, 10.0), (10.0, 1024.0), (np.nan, 3.0)])
def test_a_position_off_the_frame_is_refused(
    inspection: Inspection, calibration: Calibration, place: tuple[float, float]
) -> None:
    with pytest.raises(Invalid, match="Position 2"):
        force(inspection, calibration, [20.0, place[0]], [20.0, place[1]])
