"""Pictures in false colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from hven.errors import Invalid
from hven.science.frames.coloured import Look, coloured
from hven.science.frames.frame import Frame


def shown(
    data: np.ndarray, look: Look, mask: np.ndarray | None = None, missing: np.ndarray | None = None
) -> np.ndarray:
    frame = Frame(data=data.astype(np.float32), mask=missing)
    return np.asarray(Image.open(io.BytesIO(coloured(frame, look, mask))).convert("RGB")).astype(int)


RAMP = np.tile(np.linspace(0, 1000, 256), (64, 1))


def test_colours_are_those_of_the_map_between_the_percentiles() -> None:
    picture = shown(RAMP, Look(width=256, form="png", cmap="viridis", low=0, high=100))
    want = colormaps["viridis"](np.arange(256), bytes=True)[:, :3].astype(int)
    assert np.abs(picture[30] - want).max() <= 6


@pytest.mark.parametrize(("stretch", "middle"), [("linear", 0.5), ("sqrt", 0.707), ("log", 0.9), ("asinh", 0.772)])
def test_stretches_lift_the_middle_by_their_own_law(stretch: str, middle: float) -> None:
    picture = shown(RAMP, Look(width=256, form="png", cmap="gray", stretch=stretch, low=0, high=100))
    assert picture[30, 128, 0] / 255 == pytest.approx(middle, abs=0.015)


def test_masked_pixels_do_not_set_the_scale_and_missing_ones_are_darkest() -> None:
    data, mask = np.tile(np.linspace(0, 100, 256), (64, 1)), np.zeros((64, 256), bool)
    data[:, :20], mask[:, :20] = 1e6, True
    look = Look(width=256, form="png", cmap="gray", low=0, high=100)
    assert shown(data, look)[30, 250, 0] < 3
    assert shown(data, look, mask)[30, 250, 0] > 240
    assert shown(data, look, missing=mask)[30, 5, 0] == 0


def test_a_frame_without_any_value_still_gives_a_picture() -> None:
    assert shown(np.zeros((10, 10)), Look(width=50), missing=np.ones((10, 10), bool)).shape == (50, 50, 3)


@pytest.mark.parametrize(
    "look",
    [
        Look(width=0),
        Look(width=10**6),
        Look(stretch="cubic"),
        Look(cmap="mauve"),
        Look(low=60, high=40),
        Look(smooth_px=-1),
    ],
)
def test_a_look_that_makes_no_sense_is_refused(look: Look) -> None:
    with pytest.raises(Invalid):
        shown(RAMP, look)
