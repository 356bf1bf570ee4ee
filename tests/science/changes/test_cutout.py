"""Cutouts written and read back."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.errors import Invalid
from hven.science.changes.cutout import cut_out, cut_square, object_name, read_cutout, write_cutout

from .scenes import grid


def row() -> dict:
    table = Table({
        "x": [100.4], "y": [57.6], "ra": [150.1163], "dec": [2.2058], "mag": [np.nan], "flags": [256],
        "mag_color_term": [-0.08], "FLUX_RADIUS": [1.6], "mag_filter_name": ["rmag"], "adjust_chi2_0": [12.5],
    })  # fmt: skip
    return dict(table[0])


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (150.11625, 2.2058, "J100027.90+021220.8"),
        (0.0, -0.001, "J000000.00-000003.6"),
        (359.9999999, 89.99999, "J235959.99+895959.9"),
        (-15.0, -45.5, "J230000.00-453000.0"),
    ],
)
def test_names_are_cut_not_rounded(ra: float, dec: float, name: str) -> None:
    assert object_name(ra, dec) == name


def test_a_cutout_comes_back_as_it_was(tmp_path: Path) -> None:
    image = np.random.default_rng(1).normal(0, 1, (480, 480)).astype(np.float32)
    mask = image > 2
    cutout = cut_out({"IMAGE": image, "MASK": mask, "DIFF": -image}, row(), 30, wcs=grid(), time="2026-07-16T02:13:45")
    path = tmp_path / f"{cutout.name}.cutout"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_cutout(path, cutout)
    back = read_cutout(path)
    assert back.name == cutout.name == "J100027.91+021220.8"
    assert list(back.planes) == ["IMAGE", "MASK", "DIFF"]
    assert back.planes["IMAGE"].shape == (61, 61)
    assert np.array_equal(back.planes["IMAGE"], image[28:89, 70:131])
    assert np.array_equal(back.planes["MASK"], mask[28:89, 70:131])
    assert back.time == "2026-07-16T02:13:45"
    assert np.isnan(back.row.pop("mag"))
    assert back.row == {
        "x": 100.4, "y": 57.6, "ra": 150.1163, "dec": 2.2058, "flags": 256, "mag_color_term": -0.08, "FLUX_RADIUS": 1.6,
        "mag_filter_name": "rmag", "adjust_chi2_0": 12.5,
    }  # fmt: skip
    ra, dec = grid().to_sky(100.0, 58.0)
    assert back.wcs is not None
    assert back.wcs.to_sky(30.0, 30.0) == pytest.approx((float(ra), float(dec)))
    assert read_cutout(path.read_bytes()).name == back.name
    with fits.open(path) as hdus:
        assert hdus[0].data is None and [h.name for h in hdus[1:]] == ["IMAGE", "MASK", "DIFF"]


def test_names_in_any_script_and_of_any_length_can_be_written(tmp_path: Path) -> None:
    values = row() | {"mag_filter_name": "Ünïcödé\n" * 30}
    cutout = cut_out({"IMAGE": np.ones((480, 480), np.float32)}, values, 5, name="Sternschnuppe ☄ " * 20)
    write_cutout(tmp_path / "a.cutout", cutout)
    back = read_cutout(tmp_path / "a.cutout")
    assert back.name.startswith("Sternschnuppe ?") and back.row["mag_filter_name"].startswith("?n?c?d??")


def test_beyond_the_edge_there_is_nothing() -> None:
    image = np.ones((50, 60), np.float32)
    part = cut_square(image, 0.0, 49.0, 5)
    assert part.shape == (11, 11)
    assert np.isnan(part[:, :5]).all() and np.isnan(part[6:]).all() and (part[:6, 5:] == 1).all()
    assert cut_square(np.zeros((50, 60), bool), 0.0, 49.0, 5)[0, 0] == 1
    assert np.isnan(cut_square(image, 500.0, 500.0, 5)).all()


def test_what_is_no_cutout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.cutout"
    for content in (b"", b"SIMPLE  =                    T", b"x" * 6000):
        path.write_bytes(content)
        with pytest.raises(Invalid, match="cutout"):
            read_cutout(path)
        with pytest.raises(Invalid, match="cutout"):
            read_cutout(content)
    fits.PrimaryHDU().writeto(path, overwrite=True)
    with pytest.raises(Invalid, match="no plane"):
        read_cutout(path)
    image = np.ones((50, 60), np.float32)
    with pytest.raises(Invalid, match="place"):
        cut_out({"IMAGE": image}, {"x": np.nan, "y": 3.0}, 5)
    with pytest.raises(Invalid, match="no plane OTHER"):
        cut_out({"OTHER": image}, {"x": 3.0, "y": 3.0}, 5)
    with pytest.raises(Invalid, match="between 1 and 2000"):
        cut_out({"IMAGE": image}, {"x": 3.0, "y": 3.0}, 0)
