"""The shape filter keeps stars, on good and on bad frames, and marks galaxies."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hven.science.photometry.inspection import inspect
from hven.science.photometry.measure import Measured, MeasureSettings
from hven.science.photometry.moments import Windowed
from hven.science.photometry.objects import Flag
from hven.science.photometry.pipeline import measured_frame
from hven.science.photometry.shapes import star_locus

from .scenes import Scene


def marked(measured: Measured, x: np.ndarray, y: np.ndarray, reach: float = 1.5) -> np.ndarray:
    tree = cKDTree(np.column_stack([measured.objects["x"], measured.objects["y"]]))
    distance, near = tree.query(np.column_stack([x, y]))
    return (np.asarray(measured.objects["flags"])[near[distance < reach]] & Flag.SHAPE) > 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fwhm": 1.6},
        {"fwhm": 5.5},
        {"trail": 9.0},
        {"stars": 3000, "faintest": 20.5},
    ],
    ids=["good", "undersampled", "wide", "trailed", "crowded"],
)
def test_stars_keep_their_name(options: dict) -> None:
    scene = Scene(**({"size": 1024, "stars": 400, "seed": 17} | options))
    measured = measured_frame(inspect(scene.data, scene.meaning), MeasureSettings())
    alone = scene.lonely(12.0)
    lost = marked(measured, scene.x[alone], scene.y[alone], reach=2.0)
    assert lost.size > 60
    assert lost.sum() <= max(0.01 * lost.size, 1)


def test_galaxies_are_marked() -> None:
    scene = Scene(size=1024, stars=200, galaxies=40, seed=18)
    measured = measured_frame(inspect(scene.data, scene.meaning), MeasureSettings())
    assert marked(measured, scene.galaxy_x, scene.galaxy_y, reach=2.0).mean() > 0.85


def test_what_cosmic_rays_leave_is_marked_where_they_were_not_masked() -> None:
    from hven.science.photometry.inspection import InspectSettings

    scene = Scene(size=1024, stars=200, cosmics=30, seed=19)
    inspection = inspect(scene.data, scene.meaning, InspectSettings(mask_cosmics=False))
    measured = measured_frame(inspection, MeasureSettings())
    row, column = np.nonzero(scene.cosmic)
    tree = cKDTree(np.column_stack([scene.x, scene.y]))
    objects = measured.objects
    at_star = tree.query(np.column_stack([objects["x"], objects["y"]]))[0] < 4
    at_hit = cKDTree(np.column_stack([column, row])).query(np.column_stack([objects["x"], objects["y"]]))[0] < 2
    residues = at_hit & ~at_star
    assert residues.sum() > 8
    assert np.mean((np.asarray(objects["flags"])[residues] & Flag.SHAPE) > 0) > 0.7


def test_too_few_stars_make_no_locus() -> None:
    one = np.ones(5)
    few = Windowed(one, one, one, one, one, one, 0 * one, 0.01 * one, one, one > 0)
    assert star_locus(few, one > 0, 100, 100) is None
