"""Cutouts have the right pixels and the right sky, at the edge too."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import Invalid
from hven.science.photometry.cutouts import cut, shifted, write_cutout

from .scenes import Scene


def test_a_square_about_a_position_and_beyond_the_edge() -> None:
    plane = np.arange(100.0).reshape(10, 10)
    assert cut(plane, 4.4, 5.6, 1).tolist() == [[53, 54, 55], [63, 64, 65], [73, 74, 75]]
    corner = cut(plane, 0, 0, 1)
    assert np.isnan(corner[0]).all()
    assert corner[2, 2] == 11
    assert cut(plane.astype(int), 0, 0, 1)[0].tolist() == [0, 0, 0]
    with pytest.raises(Invalid):
        cut(plane, 50, 5, 2)


def test_a_cutout_carries_the_row_and_the_sky(tmp_path: Path) -> None:
    scene = Scene(size=128, stars=5)
    path = tmp_path / "one.cutout"
    cards = {"TIME": "2026-07-16", "mag_calib": np.float64(17.5), "bad": float("nan"), "flags": np.int64(2), "n": "é"}
    planes = {"IMAGE": scene.data, "MASK": scene.data > 1e5}
    write_cutout(path, planes, 40, 50, 10, cards=cards, wcs=scene.wcs)
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK"]
        assert hdus[0].header["mag_calib"] == 17.5
        assert hdus[0].header["flags"] == 2
        assert "bad" not in hdus[0].header
        assert hdus["MASK"].data.dtype == np.uint8
    ra, dec = shifted(scene.wcs, 40, 50, 10).to_sky(10, 10)
    assert (ra, dec) == pytest.approx(scene.wcs.to_sky(40, 50))
