"""What the steps of changes share: names, targets, times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import Invalid
from hven.imaging.steps.change_inputs import first_target, read_inputs, unique
from hven.imaging.steps.context import StepContext
from tests.imaging.steps.changing import measured
from tests.science.photometry.scenes import Scene


def test_names_that_occur_twice_get_a_letter() -> None:
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "ab", "ac"]


def test_the_first_target_counts_and_must_lie_on_the_frame(scene: Scene, tmp_path: Path) -> None:
    context = StepContext(config={"targets": [{"name": "n", "x": 12.5, "y": 3}]}, scratch=tmp_path)
    assert first_target(context, scene.wcs, 640, 640) == ("n", 12.5, 3.0)
    ra, dec = scene.wcs.to_sky(100.0, 200.0)
    context.config["targets"] = [{"name": "s", "ra": float(ra), "dec": float(dec)}]
    assert first_target(context, scene.wcs, 640, 640)[1:] == pytest.approx((100.0, 200.0))
    for targets, words in (([], "no target"), ([{"name": "f", "x": 900, "y": 3}], "off the frame")):
        context.config["targets"] = targets
        with pytest.raises(Invalid, match=words):
            first_target(context, scene.wcs, 640, 640)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda files: files.remove("mask.fits"), "Run inspect first"),
        (lambda files: files.remove("photometry.json"), "Run photometry first"),
        (lambda files: files.write("mask.fits").write_bytes(b"no"), "mask.fits cannot be read"),
        (
            lambda files: fits.writeto(files.write("mask.fits"), np.zeros((9, 9), np.uint8), overwrite=True),
            "frame's size",
        ),
        (lambda files: files.write("photometry.json").write_text("{}"), "photometry.json"),
        (lambda files: files.write("objects.parquet").write_bytes(b"no"), "objects.parquet|table"),
    ],
)
def test_what_is_missing_or_damaged_is_named(
    context: Callable[..., StepContext], spoil: Callable[[Any], Any], words: str
) -> None:
    made = measured(context(cat_limit=21))
    made.begin("transients")
    assert read_inputs(made).time_text.startswith("2026-07-16T02:14:45")
    spoil(made.files)
    with pytest.raises(Invalid, match=words):
        read_inputs(made)
