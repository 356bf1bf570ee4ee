"""The projection measured anew is as good as its stars allow, and refused where nothing fits."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.astrometry import refine_projection
from hven.science.photometry.pipeline import Calibration
from hven.science.sky.sphere import separation

from .scenes import Scene


def test_the_refined_projection_is_better_than_a_single_star(scene: Scene, calibration: Calibration) -> None:
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(30, 990, 6), np.linspace(30, 990, 6)))
    off = separation(*calibration.wcs.to_sky(x, y), *scene.wcs.to_sky(x, y)) * 3600
    assert np.median(off) < 0.02


def test_a_catalogue_of_another_field_is_refused(scene: Scene, calibration: Calibration) -> None:
    rng = np.random.default_rng(3)
    ra, dec = 150.1 + rng.uniform(-0.15, 0.15, 300), 2.2 + rng.uniform(-0.15, 0.15, 300)
    with pytest.raises(Invalid, match="Solve the frame anew"):
        refine_projection(
            scene.wcs, calibration.measured.objects, ra, dec, rng.uniform(14, 20, 300), fwhm_px=3.5, order=3
        )
