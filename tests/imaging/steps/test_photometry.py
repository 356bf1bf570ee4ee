"""The step photometry on a simulated frame with a catalogue of this machine: files, keys, sentences for trouble."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.errors import HvenError, Invalid
from hven.imaging.steps import inspect, photometry
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.photometry_files import read_record, recorded_wcs, recorded_zero_point
from hven.science.photometry.measure import COLUMNS
from tests.science.photometry.scenes import Scene

Make = Callable[..., StepContext]


def inspected(context: StepContext) -> StepContext:
    context.begin("inspect")
    inspect.run(context)
    return context


def measured(context: StepContext) -> StepContext:
    context.begin("photometry")
    photometry.run(context)
    return context


def test_a_frame_is_measured_calibrated_and_written(context: Make, scene: Scene) -> None:
    star = int(np.argmin(np.abs(scene.rmag - 17)))
    done = measured(inspected(context(target=f"{scene.ra[star]} {scene.dec[star]}\nx=200.5 y=100", cat_limit=21)))
    names = set(done.files.names())
    assert {
        "mask.fits", "segmentation.fits", "filtered.fits", "objects.parquet", "cat.parquet", "photometry.json",
        "target.vot", "targets/target_0000.cutout", "targets/target_0001.cutout", "image.wcs", "image_target.fits",
        "objects.png", "fwhm.png", "fwhm_mag.png", "prefilter.png", "photometry.png", "photometry_unmasked.png",
        "photometry_zeropoint.png", "photometry_model.png", "photometry_residuals.png", "astrometry_dist.png",
        "limit_hist.png", "limit_sn.png",
    } <= names  # fmt: skip
    config = done.config
    assert config["zp"] == pytest.approx(27.85, abs=0.02)
    assert 0 < config["zp_err"] < 0.02
    assert config["cat_col_mag"] == "rmag"
    assert (config["cat_col_color_mag1"], config["cat_col_color_mag2"]) == ("gmag", "rmag")
    assert config["refine_wcs"] is False
    assert config["pixscale"] == pytest.approx(0.8 / 3600, rel=0.01)
    assert config["field_ra"] == pytest.approx(150.1, abs=1e-4)
    assert config["subtraction_mode"] == "target"
    json.dumps(config)
    table = pq.read_table(done.files.find("objects.parquet"))
    assert {*COLUMNS, "ra", "dec", "mag_calib", "mag_calib_err", "mag_filter_name", "mag_color_name",
            "mag_color_term"} == set(table.column_names)  # fmt: skip
    target = Table.read(done.files.find("target.vot"))
    assert float(target["mag_calib"][0]) == pytest.approx(scene.mag[star], abs=0.03)
    assert float(target["mag_limit"][1]) > 20
    with fits.open(done.files.find("targets/target_0000.cutout")) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "FILTERED"]
        assert hdus["IMAGE"].data.shape == (61, 61)
        assert hdus[0].header["NAME"].startswith("150.")


def test_the_calibration_is_read_back_from_its_record(context: Make, scene: Scene) -> None:
    done = measured(inspected(context(cat_limit=21)))
    record = read_record(done.files.find("photometry.json"))
    assert recorded_zero_point(record) == done.memo["calibration"].zero_point
    assert recorded_wcs(record, scene.size, scene.size).centre == pytest.approx((150.1, 2.2), abs=1e-5)
    assert record["bjd_tdb"] == pytest.approx(2461237.6, abs=0.02)


def test_a_mask_that_an_earlier_run_left_gives_the_same_result(context: Make) -> None:
    done = inspected(context(cat_limit=21))
    at_once = measured(done).config["zp"]
    done.memo.clear()
    assert measured(done).config["zp"] == pytest.approx(at_once, abs=5e-3)


def test_photometry_without_an_inspection_inspects_first(context: Make) -> None:
    done = measured(context(cat_limit=21))
    assert done.config["zp"] == pytest.approx(27.85, abs=0.02)
    assert any("not inspected before" in line for line in done.lines)


def test_optimal_extraction_and_the_sky_as_files_are_to_be_had(context: Make) -> None:
    done = measured(inspected(context(cat_limit=21, optimal_extraction=True, inspect_bg=True, timing=True)))
    assert {"image_bg.fits", "image_rms.fits"} <= set(done.files.names())
    assert done.config["zp"] == pytest.approx(27.85, abs=0.02)
    assert any(" s: " in line for line in done.lines)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cat_limit": 10.0}, "no star|no stars|reference stars"),
        ({"filter": "z"}, "no magnitudes in z"),
        ({"filter": "purple"}, "no filter called purple"),
        ({"saturation": 100.0}, "at or below the sky|masked"),
        ({"target": "x=9000 y=10"}, "off the frame"),
        ({"target": "10.0 80.0"}, "off the frame"),
        ({"target": "400 10"}, "cannot be"),
        ({"rel_bg1": 9.0}, "rel_bg2"),
        ({"cat_mag_lower": 19.0, "cat_mag_upper": 18.0}, "cat_mag_lower"),
        ({"cat_mag_lower": 30.0}, "zero point"),
        ({"cat_name": "nonsense"}, "no catalogue nonsense"),
        ({"sr_override": 0.001}, "within"),
        ({"fwhm_override": 190.0}, "."),
    ],
)
def test_trouble_is_a_sentence(context: Make, config: dict[str, object], words: str) -> None:
    with pytest.raises(HvenError, match=words):
        measured(inspected(context(**config)))


def test_a_frame_of_noise_alone_and_a_constant_one_are_told_apart(context: Make, scene: Scene) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(Invalid, match=r"No objects|None of|could not be refined|match|lie within"):
        measured(inspected(context(rng.normal(400, 20, (400, 400)).astype(np.float32))))
    with pytest.raises(Invalid, match="no noise"):
        inspected(context(np.full((400, 400), 400.0, np.float32)))


def test_a_projection_elsewhere_does_not_refine(context: Make) -> None:
    with pytest.raises(HvenError, match=r"refined|reference stars|within"):
        measured(inspected(context(cards={"CRVAL1": 150.2})))
