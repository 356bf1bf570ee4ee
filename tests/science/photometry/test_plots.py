"""Every picture is drawn, also of frames with hardly a star."""

import io

import numpy as np
import pytest
from PIL import Image

from hven.science.photometry.inspection import Inspection, inspect
from hven.science.photometry.measure import MeasureSettings
from hven.science.photometry.pipeline import CalibrateSettings, Calibration, measure_and_calibrate
from hven.science.photometry.plots import draw_plots

from .scenes import Scene

NAMES = {
    "objects.png", "fwhm.png", "fwhm_mag.png", "prefilter.png", "photometry.png", "photometry_unmasked.png",
    "photometry_zeropoint.png", "photometry_model.png", "photometry_residuals.png", "astrometry_dist.png",
    "limit_hist.png", "limit_sn.png",
}  # fmt: skip


def test_all_pictures_are_png_with_something_on_them(inspection: Inspection, calibration: Calibration) -> None:
    drawn = draw_plots(inspection, calibration, 5.0)
    assert set(drawn) == NAMES
    for name, content in drawn.items():
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        assert min(picture.shape) > 300, name
        assert picture.std() > 5, name


@pytest.mark.filterwarnings("error")
def test_a_handful_of_stars_is_drawn_too() -> None:
    scene = Scene(size=300, stars=12, seed=2, faintest=19)
    found = inspect(scene.data, scene.meaning)
    settings = CalibrateSettings(measure=MeasureSettings(), refine=False)
    calibration = measure_and_calibrate(
        found, scene.wcs, lambda *_: scene.catalogue["RAJ2000", "DEJ2000", "rmag"], settings
    )
    assert set(draw_plots(found, calibration, 5.0)) == NAMES
