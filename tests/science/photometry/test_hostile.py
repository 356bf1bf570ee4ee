"""Frames that no sky made end in a result or in a sentence, never in a trace or a warning."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from hven.errors import HvenError
from hven.science.frames.frame import Meaning
from hven.science.photometry.inspection import inspect
from hven.science.photometry.measure import MeasureSettings
from hven.science.photometry.pipeline import CalibrateSettings, measure_and_calibrate
from hven.science.photometry.zeropoint import FitSettings
from hven.science.sky.wcs import Wcs

from .scenes import Scene

Change = Callable[[np.ndarray], np.ndarray]


def sprinkled(value: float, share: float) -> Change:
    return lambda d: np.where(np.random.default_rng(5).random(d.shape) < share, value, d)


CHANGES: dict[str, Change] = {
    "huge": lambda d: d * 1e25,
    "tiny": lambda d: d * 1e-12,
    "negative": lambda d: -d,
    "below zero": lambda d: d - 5000,
    "coarse": lambda d: np.round(d / 60),
    "infinite": sprinkled(np.inf, 0.05),
    "minus infinite": sprinkled(-np.inf, 0.05),
    "not a number": sprinkled(np.nan, 0.3),
    "spotted": sprinkled(65535, 0.1),
    "zeros": sprinkled(0, 0.3),
    "every other row": lambda d: np.where(np.arange(d.shape[0])[:, None] % 2, d, 0),
    "a bright row": lambda d: np.where(np.arange(d.shape[0])[:, None] == 100, 1e5, d),
    "blurred": lambda d: cv2.GaussianBlur(d, (0, 0), 4),
    "waves": lambda d: d + 1e4 * np.sin(np.arange(d.shape[1]) / 9),
    "small": lambda d: d[:17, :23],
    "noise": lambda d: np.random.default_rng(1).normal(0, 1, d.shape),
    "constant": lambda d: np.full(d.shape, 7.0),
    "empty": lambda d: np.full(d.shape, np.nan),
}


@pytest.fixture(scope="module")
def plain() -> Scene:
    return Scene(size=256, stars=60, cosmics=4, seed=3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("optimal", [False, True], ids=["plain", "optimal"])
def test_hostile_frames_end_in_a_result_or_a_sentence(plain: Scene, change: str, optimal: bool) -> None:
    with np.errstate(all="ignore"):
        data = CHANGES[change](plain.data.astype(float)).astype(np.float32)
    wcs = Wcs(plain.wcs.crval, plain.wcs.crpix, plain.wcs.cd, data.shape[1], data.shape[0])
    settings = CalibrateSettings(
        measure=MeasureSettings(optimal=optimal), fit=FitSettings(background_order=1, nonlinear=True), refine=optimal
    )
    try:
        found = inspect(data, Meaning(gain=1.5, filter="r"))
        done = measure_and_calibrate(found, wcs, lambda *_: plain.catalogue, settings)
    except HvenError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either end is right
    else:
        assert np.isfinite(done.zero_point.zp)
