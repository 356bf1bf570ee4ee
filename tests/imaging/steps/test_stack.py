"""The step stack on frames of the folder for local files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import Invalid
from hven.imaging.steps import stack
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome
from hven.imaging.steps.workspace import Workspace
from tests.science.photometry.scenes import Scene


@pytest.fixture
def folder(settings: Any, tmp_path: Path, scene: Scene) -> Path:
    place = tmp_path / "local"
    place.mkdir()
    settings.HVEN_LOCAL_FILES = place
    for number in range(3):
        hdu = fits.PrimaryHDU(np.roll(scene.data, 5 * number, axis=1))
        cards = dict(scene.cards) | {"DATE-OBS": f"2026-07-16T02:{10 * number:02d}:00.000", "OBJECT": "field"}
        cards["CRPIX1"] = float(cards["CRPIX1"]) + 5 * number
        hdu.header.update({k: v for k, v in cards.items() if k not in {"IMAGEW", "IMAGEH"}})
        hdu.writeto(place / f"f{number}.fits")
    return place


def stacked(tmp_path: Path, **config: Any) -> tuple[StepContext, Outcome]:
    context = StepContext(config=config, scratch=tmp_path, workspace=Workspace({}, tmp_path))
    context.begin("stack")
    return context, stack.run(context)


NAMES = ["f0.fits", "f1.fits", "f2.fits"]


@pytest.mark.parametrize("method", ["sum", "clipped_mean", "median"])
def test_frames_are_stacked_into_the_tasks_frame(folder: Path, tmp_path: Path, scene: Scene, method: str) -> None:
    context, outcome = stacked(
        tmp_path, stack_filenames=NAMES, stack_method=method, saturation=20000, stack_mask_cosmics=True
    )
    assert outcome.results["frames"] == 3
    data, header = fits.getdata(context.files.find("image.fits"), header=True)
    factor = 3 if method == "sum" else 1
    star = int(np.argmin(np.abs(scene.rmag - 17)))
    row, column = round(scene.y[star]), round(scene.x[star])
    sky = np.median(scene.data[row - 20 : row + 21, column - 20 : column + 21])
    assert data[row, column] == pytest.approx(factor * (scene.data[row, column] - sky), rel=0.03)
    assert header["NCOMBINE"] == 3 and header["OBJECT"] == "field"
    assert header["EXPTIME"] == pytest.approx(3 * float(scene.cards["EXPTIME"]))
    assert header["SATURATE"] == 20000 * factor
    assert header["DATE-OBS"] == "2026-07-16T02:00:00.000"
    assert header["CRPIX1"] == pytest.approx(float(scene.cards["CRPIX1"]))
    assert context.config["saturation"] is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"stack_filenames": ["f0.fits"]}, "2 to 500 frames"),
        ({}, "2 to 500 frames"),
        ({"stack_filenames": ["f0.fits", 3]}, "list of the frames' paths"),
        ({"stack_filenames": ["f0.fits", "../../etc/passwd"]}, "no such file"),
        ({"stack_filenames": NAMES, "stack_method": "mode"}, "stack_method is one of"),
        ({"stack_filenames": ["f0.fits", "bad.fits"]}, "bad.fits"),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(
    folder: Path, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    (folder / "bad.fits").write_bytes(b"no frame")
    with pytest.raises(Invalid, match=words):
        stacked(tmp_path, **config)
