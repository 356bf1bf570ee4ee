"""Scenes that the tests of photometry share; each is made once."""

from __future__ import annotations

import pytest

from hven.science.photometry.inspection import Inspection, inspect
from hven.science.photometry.measure import Measured, MeasureSettings
from hven.science.photometry.pipeline import Calibration, measure_and_calibrate, measured_frame

from .scenes import Scene


@pytest.fixture(scope="session")
def scene() -> Scene:
    return Scene(size=1024, stars=450, galaxies=20, cosmics=20, seed=3, saturated=2)


@pytest.fixture(scope="session")
def inspection(scene: Scene) -> Inspection:
    return inspect(scene.data, scene.meaning)


@pytest.fixture(scope="session")
def measured(inspection: Inspection) -> Measured:
    return measured_frame(inspection, MeasureSettings())


@pytest.fixture(scope="session")
def calibration(scene: Scene, inspection: Inspection) -> Calibration:
    return measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue)
