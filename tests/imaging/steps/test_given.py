"""What people lay into the folder or the settings is used where it can be, and told where it cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.errors import Invalid
from hven.imaging.services import tables
from hven.imaging.steps import inspect, photometry, subtraction, transients
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.photometry_files import write_table
from tests.imaging.steps.changing import measured, with_new_sources
from tests.science.photometry.scenes import Scene

Make = Callable[..., StepContext]


def run(step: Any, context: StepContext) -> None:
    context.begin(step.__name__.rsplit(".", 1)[-1])
    step.run(context)


@pytest.fixture
def ready(context: Make, scene: Scene) -> StepContext:
    return measured(context(data=with_new_sources(scene).frame, cat_limit=22))


def table_without(ready: StepContext, **columns: Any) -> Table:
    table = tables.table_of(ready.files.find("objects.parquet"), votable=False)
    for name, values in columns.items():
        if values is None:
            table.remove_column(name)
        else:
            table.replace_column(name, np.full(len(table), values))
    return table


@pytest.mark.parametrize(
    "columns", [{"flux": None}, {"flags": None}, {"x": "a"}, {"mag_calib": "bright"}, {"dec": None, "ra": None}]
)
def test_a_table_of_objects_without_its_columns_is_told(ready: StepContext, columns: dict[str, Any]) -> None:
    write_table(ready.files.write("objects.parquet"), table_without(ready, **columns))
    for step in (transients, subtraction):
        with pytest.raises(Invalid, match=r"objects\.parquet has no column"):
            run(step, ready)


@pytest.mark.parametrize(
    "change",
    [
        {"fwhm_px": "abc"}, {"fwhm_px": [1]}, {"fwhm_px": 10**400}, {"aperture_px": None}, {"wcs": "x"}, {"wcs": 5},
        {"zero_point": {"zp_err": None}}, {"zero_point": {"zp_err": "abc"}}, {"zero_point": {"spatial": [1, 2]}},
        {"zero_point": {"spatial": "abc"}}, {"zero_point": {"spatial_order": None}},
        {"zero_point": {"spatial_order": "abc"}}, {"zero_point": {"spatial_order": -1}},
        {"zero_point": {"spatial_order": 10**7}}, {"zero_point": {"covariance": [[1.0]]}}, {"gain": 0}, {"band": 3},
    ],
)  # fmt: skip
def test_a_record_that_photometry_did_not_write_is_told(ready: StepContext, change: dict[str, Any]) -> None:
    record = json.loads(ready.files.find("photometry.json").read_text())
    for name, value in change.items():
        record[name] = {**record[name], **value} if isinstance(value, dict) else value
    ready.files.write("photometry.json").write_text(json.dumps(record))
    for step in (transients, subtraction):
        with pytest.raises(Invalid, match="run photometry again"):
            run(step, ready)


@pytest.mark.parametrize(
    "target", [{"x": "a", "y": 1}, {"ra": "abc"}, {"x": [1]}, {"x": None, "dec": 95}, {"x": 1e300, "y": 0}, "here"]
)
def test_targets_without_a_place_are_told(ready: StepContext, target: Any) -> None:
    ready.config.update(targets=[target], subtraction_mode="target")
    for step in (photometry, subtraction):
        with pytest.raises(Invalid, match="target"):
            run(step, ready)


@pytest.mark.parametrize("path", ["custom_mask.fits", "custom_template.fits"])
def test_what_is_no_frame_is_told_by_its_name(ready: StepContext, path: str) -> None:
    ready.files.write(path).write_text("words")
    with pytest.raises(Invalid, match=re.escape(path)):
        run(subtraction, ready)


def test_a_mask_of_another_size_is_told_by_every_step(ready: StepContext) -> None:
    fits.writeto(ready.files.write("custom_mask.fits"), np.zeros((10, 20), np.uint8))
    for step in (inspect, photometry, transients, subtraction):
        with pytest.raises(Invalid, match=r"custom_mask\.fits has 20 x 10 pixels"):
            run(step, ready)


def test_a_template_of_values_beyond_reason_is_told(ready: StepContext, scene: Scene) -> None:
    hdu = fits.PrimaryHDU((scene.data * 1e30).astype(np.float32))
    hdu.header.update({k: v for k, v in scene.cards.items() if k not in {"IMAGEW", "IMAGEH"}})
    hdu.writeto(ready.files.write("custom_template.fits"))
    with pytest.raises(Invalid):
        run(subtraction, ready)


@pytest.mark.parametrize("config", [{"gain": 1e-300}, {"time": "yesterday"}])
def test_settings_that_cannot_be_are_told_by_the_first_step(context: Make, config: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        run(inspect, context(**config))


@pytest.mark.parametrize("scale", [1 / 65535, 1e-9, 100.0])
def test_a_frame_in_other_units_is_calibrated_as_well(context: Make, scene: Scene, scale: float) -> None:
    """As stacks and processed frames are, with values from 0 to 1."""
    data, cards = (scene.data * scale).astype(np.float32), {"SATURATE": 60000 * scale}
    config = measured(context(data=data, cards=cards, cat_limit=21)).config
    assert config["zp"] == pytest.approx(27.85 + 2.5 * np.log10(scale), abs=0.03)
    assert config["color_term"] == pytest.approx(-0.08, abs=0.03)


def test_a_gain_that_cannot_be_true_gives_no_zero_point(context: Make, scene: Scene) -> None:
    with pytest.raises(Invalid, match="uncertain"):
        measured(context(data=(scene.data / 65535).astype(np.float32), cards={"SATURATE": 1.0}, cat_limit=21, gain=1.5))
