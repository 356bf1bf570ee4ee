"""The step subtraction on a simulated frame and its template: files, magnitudes, modes, and sentences for trouble."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.errors import Invalid, Unavailable
from hven.imaging.services import templates
from hven.imaging.steps import subtraction, subtraction_tiles
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome
from hven.science.changes.cutout import read_cutout
from tests.imaging.steps.changing import New, lay_template, measured, with_new_sources
from tests.science.photometry.scenes import Scene

Make = Callable[..., StepContext]


@pytest.fixture(scope="session")
def new(scene: Scene) -> New:
    return with_new_sources(scene)


@pytest.fixture
def ready(context: Make, scene: Scene, new: New) -> Callable[..., StepContext]:
    """Make a context that has been inspected and measured, with a custom template."""

    def make(**config: Any) -> StepContext:
        made = measured(context(data=new.frame, cat_limit=21, **config))
        lay_template(made, scene, new.template)
        return made

    return make


def subtracted(context: StepContext, **config: Any) -> Outcome:
    context.config.update(config)
    context.begin("subtraction")
    return subtraction.run(context)


def test_new_sources_are_found_measured_and_written(ready: Any, new: New, scene: Scene) -> None:
    context = ready()
    outcome = subtracted(context)
    json.dumps(outcome.results)
    assert outcome.results["candidates"] == 6
    names = context.files.names()
    assert {
        "sub_image.fits", "sub_mask.fits", "sub_template.fits", "sub_template_mask.fits", "sub_conv.fits",
        "sub_diff.fits", "sub_sdiff.fits", "sub_ediff.fits", "candidates.vot", "candidates.reg",
    } <= set(names)  # fmt: skip
    table = Table.read(context.files.find("candidates.vot"))
    order = np.argsort(np.asarray(table["mag_calib"]))
    assert np.asarray(table["x"])[order] == pytest.approx(new.x, abs=0.4)
    assert np.asarray(table["mag_calib"], float)[order] == pytest.approx(new.mag, abs=0.1)
    assert abs(np.mean(np.asarray(table["mag_calib"], float)[order] - new.mag)) < 0.03
    assert (np.asarray(table["mag_limit"], float) > 20).all()
    cutout = read_cutout(context.files.find(str(table["cutout_name"][0])))
    assert list(cutout.planes) == [
        "IMAGE", "MASK", "TEMPLATE", "CONVOLVED", "DIFF", "ERR", "FOOTPRINT", "FILTERED", "ADJUSTED",
    ]  # fmt: skip
    assert cutout.planes["IMAGE"].shape == (61, 61)
    assert cutout.planes["FOOTPRINT"][30, 30] == 1 and cutout.planes["FOOTPRINT"][0, 0] == 0
    assert cutout.row["adjust_pval"] >= 0 and cutout.time.startswith("2026-07-16T02:14:45")
    diff = fits.getdata(context.files.find("sub_diff.fits"))
    ratio, noise = (fits.getdata(context.files.find(f"sub_{name}.fits")) for name in ("sdiff", "ediff"))
    good = noise > 0
    assert ratio[good] == pytest.approx(diff[good] / noise[good], rel=1e-4)
    assert 1.4826 * np.median(np.abs(ratio[good])) == pytest.approx(1.0, abs=0.05)
    assert "text={J" in context.files.find("candidates.reg").read_text()


def test_tiles_give_the_same_candidates(ready: Any) -> None:
    outcome = subtracted(ready(), sub_size=350, sub_overlap=40, sub_verbose=True)
    assert outcome.results["tiles"] == 4 and outcome.results["candidates"] == 6


def test_a_tile_without_stars_is_left_out_with_a_sentence(ready: Any, new: New) -> None:
    context = ready(timing=True)
    mask = np.zeros(new.frame.shape, np.uint8)
    mask[:330, :330] = 1
    fits.writeto(context.files.write("custom_mask.fits"), mask, overwrite=True)
    outcome = subtracted(context, sub_size=330)
    assert outcome.results["candidates"] == np.count_nonzero((new.x > 335) | (new.y > 335))
    assert any("The tile at 0, 0 is left out" in line and " s: " in line for line in context.lines)


def test_the_target_is_measured_or_has_a_limit(ready: Any, new: New) -> None:
    context = ready(target=f"x={new.x[1]} y={new.y[1]}")
    assert context.config["subtraction_mode"] == "target"
    outcome = subtracted(context, centroid_targets=True)
    assert outcome.results["mag"] == pytest.approx(new.mag[1], abs=0.05)
    table = Table.read(context.files.find("sub_target.vot"))
    assert float(table["x"][0]) == pytest.approx(new.x[1], abs=0.3) and "ra_orig" in table.colnames
    assert read_cutout(context.files.find("sub_target.cutout")).planes["DIFF"].shape == (61, 61)
    assert "candidates.vot" not in context.files
    context.config["targets"] = [{"name": "nothing", "x": 40.0, "y": 600.0}]
    empty = subtracted(context, centroid_targets=False)
    assert empty.results["mag_limit"] > 20
    assert abs(empty.results["flux"]) < 5 * empty.results["flux_err"]
    context.config["targets"] = [{"name": "far", "ra": 10.0, "dec": -60.0}]
    with pytest.raises(Invalid, match="off the frame"):
        subtracted(context)


def test_the_frame_itself_as_template_gives_no_candidate(ready: Any, new: New, scene: Scene) -> None:
    context = ready()
    lay_template(context, scene, new.frame)
    assert subtracted(context).results["candidates"] == 0
    assert "candidates.vot" not in context.files


def test_a_cone_and_catalogues_narrow_the_list(ready: Any, scene: Scene, new: New) -> None:
    ra, dec = scene.wcs.to_sky(new.x[2], new.y[2])
    context = ready()
    assert subtracted(context, filter_center=f"{ra} {dec}", filter_sr0=0.001).results["candidates"] == 1
    assert subtracted(context, filter_center="", filter_vizier=True, filter_skybot=True).results["candidates"] == 6


def test_a_template_of_the_frames_size_needs_no_projection(ready: Any, scene: Scene, new: New) -> None:
    context = ready()
    lay_template(context, scene, new.template, placed=False)
    assert subtracted(context).results["candidates"] == 6
    lay_template(context, scene, new.template[:600], placed=False)
    with pytest.raises(Invalid, match="no projection"):
        subtracted(context)


def test_a_template_of_another_projection_is_refused_by_its_name(ready: Any, scene: Scene, new: New) -> None:
    context = ready()
    lay_template(context, scene, new.template)
    path = context.files.find("custom_template.fits")
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["CTYPE1"], hdus[0].header["CTYPE2"] = "RA---ZEA", "DEC--ZEA"
    with pytest.raises(Invalid, match="RA---ZEA"):
        subtracted(context)


def test_only_the_most_significant_of_very_many_get_cutouts(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subtraction_tiles, "MOST", 4)
    outcome = subtracted(ready())
    assert outcome.results["candidates"] == 4
    assert outcome.results["rejected"] == {"beyond the 4 most significant": 2}


def test_a_mask_of_the_template_leaves_nothing_there(ready: Any, new: New) -> None:
    context = ready()
    mask = np.zeros(new.template.shape, np.uint8)
    mask[:, : int(np.median(new.x))] = 1
    fits.writeto(context.files.write("custom_template_mask.fits"), mask)
    assert subtracted(context).results["candidates"] == np.count_nonzero(new.x > np.median(new.x) + 4)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"subtraction_method": "magic"}, "subtraction_method is one of"),
        ({"hotpants_extra": {"outim": 1}}, "hotpants_extra takes"),
        ({"rel_bg1": 7, "rel_bg2": 5}, "rel_bg2"),
        ({"sub_size": 80, "sub_overlap": 60}, "Tiles"),
        ({"subtraction_mode": "target"}, "There is no target"),
        ({"custom_template_gain": 0}, "custom_template_gain"),
        ({"gain": -1}, "gain lies between"),
        ({"time": "yesterday"}, "time is a date"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(ready: Any, config: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        subtracted(ready(), **config)


def test_a_missing_program_is_named(ready: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    context = ready()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="hotpants is not installed"):
        subtracted(context, subtraction_engine="hotpants")


def test_without_photometry_or_template_the_sentence_says_what_to_do(
    context: Make, ready: Any, scene: Scene, new: New
) -> None:
    with pytest.raises(Invalid, match="Run photometry first"):
        subtracted(context())
    made = ready()
    made.files.remove("custom_template.fits")
    with pytest.raises(Invalid, match="upload one as custom_template"):
        subtracted(made, template="custom")
    with pytest.raises(Unavailable, match="no template"):
        subtracted(made, template="ps1")
    lay_template(made, replace_wcs(scene), new.template)
    with pytest.raises(Invalid, match="does not overlap"):
        subtracted(made)
    lay_template(made, scene, np.full_like(new.template, np.nan))
    with pytest.raises(Invalid, match="masked"):
        subtracted(made)
    fits.writeto(made.files.write("custom_mask.fits"), np.ones(new.frame.shape, np.uint8), overwrite=True)
    with pytest.raises(Invalid, match="Every pixel"):
        subtracted(made)


def replace_wcs(scene: Scene) -> Any:
    class Away:
        wcs = replace(scene.wcs, crval=(20.0, -40.0))

    return Away


def test_a_template_of_this_server_is_taken_where_the_task_has_none(
    ready: Any, scene: Scene, new: New, tmp_path: Path
) -> None:
    hdu = fits.PrimaryHDU(new.template)
    hdu.header.update({k: v for k, v in scene.wcs.to_cards().items() if k not in {"IMAGEW", "IMAGEH"}})
    hdu.writeto(tmp_path / "deep.fits")
    templates.add_template(tmp_path / "deep.fits", name="deep", filter_name="r")
    try:
        context = ready()
        context.files.remove("custom_template.fits")
        assert subtracted(context, template="deep").results["candidates"] == 6
        assert any("deep" in line for line in context.lines)
    finally:
        templates.remove_template("deep")
