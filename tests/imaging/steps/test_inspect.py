"""The step inspect on a simulated frame: defaults, masks, targets, and sentences for trouble."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import Invalid
from hven.imaging.steps import inspect
from hven.imaging.steps.context import StepContext
from hven.science.catalogues.photometric.known import catalogue_for
from tests.science.photometry.scenes import Scene

Make = Callable[..., StepContext]


def inspected(context: StepContext) -> StepContext:
    context.begin("inspect")
    inspect.run(context)
    return context


def test_inspect_fills_in_what_nobody_said(context: Make) -> None:
    config = inspected(context()).config
    assert config["gain"] == 1.5
    assert config["filter"] == "r"
    assert config["cat_name"] == "ps1"
    assert config["template"] == "ps1"
    assert config["bg_size"] == 160
    assert config["time"].startswith("2026-07-16T02:14:45")
    assert config["targets"] == []
    assert "blind_match_wcs" not in config


def test_a_frame_without_projection_is_to_be_solved(context: Make, scene: Scene) -> None:
    config = inspected(context(cards={"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"})).config
    assert config["blind_match_wcs"] is True


@pytest.mark.parametrize(("word", "expected"), [("None", 0), ("", 0), ("150.1 2.2", 1)])
def test_the_headers_target_counts_where_it_names_one(context: Make, word: str, expected: int) -> None:
    assert len(inspected(context(cards={"TARGET": word})).config["targets"]) == expected


def test_a_frame_that_is_nearly_all_masked_is_refused(context: Make, scene: Scene) -> None:
    done = context()
    excluded = np.ones((scene.size, scene.size), np.uint8)
    excluded[:100, :100] = 0
    fits.writeto(done.files.write("custom_mask.fits"), excluded, overwrite=True)
    with pytest.raises(Invalid, match="masked"):
        inspected(done)
    fits.writeto(done.files.write("custom_mask.fits"), excluded[:50], overwrite=True)
    with pytest.raises(Invalid, match="640 x 50 pixels"):
        inspected(done)


def test_the_mask_says_by_bits_why_and_is_read_as_one_mask(context: Make, scene: Scene) -> None:
    done = context()
    excluded = np.zeros((scene.size, scene.size), np.uint8)
    excluded[:50] = 1
    fits.writeto(done.files.write("custom_mask.fits"), excluded, overwrite=True)
    inspected(done)
    with fits.open(done.files.find("mask.fits")) as hdus:
        assert hdus[1].data.dtype == np.uint8
        assert np.all(hdus[1].data[:50] & 8)
        assert np.mean(hdus[1].data[60:] > 0) < 0.01
        assert hdus[1].header["MASKBIT3"] == "excluded"


def test_a_target_gets_a_picture_and_forces_forced_photometry(context: Make, scene: Scene) -> None:
    done = inspected(context(target="x=300 y=200"))
    target = done.config["targets"][0]
    assert (target["ra"], target["dec"]) == pytest.approx(scene.wcs.to_sky(300, 200))
    assert done.config["target_ra"] == target["ra"]
    assert done.config["subtraction_mode"] == "target"
    with fits.open(done.files.find("image_target.fits")) as hdus:
        assert hdus[0].data.shape == (201, 201)
        assert hdus[0].data[100, 100] == scene.data[200, 300]


def test_a_name_that_nobody_can_be_asked_for_is_left_out_with_a_sentence(context: Make) -> None:
    done = inspected(context(target="M 31\n150.1 2.2"))
    assert [one["name"] for one in done.config["targets"]] == ["150.1 2.2"]
    assert any("M 31 is not known" in line for line in done.lines)


@pytest.mark.parametrize(
    ("band", "dec", "name"),
    [
        ("r", 10.0, "ps1"), ("r", -40.0, "skymapper"), ("V", 0.0, "gaiadr3syn"), ("G", 0.0, "gaiaedr3"),
        ("J", 5.0, "2mass"), ("Ks", -5.0, "vhs"), ("z", None, "ps1"),
    ],
)  # fmt: skip
def test_the_catalogue_follows_band_and_declination(band: str, dec: float | None, name: str) -> None:
    assert catalogue_for(band, dec) == name


def test_without_a_frame_the_step_says_what_to_do(context: Make) -> None:
    done = context()
    done.files.remove("image.fits")
    with pytest.raises(Invalid, match="upload one"):
        inspected(done)
