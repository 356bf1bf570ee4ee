"""Tables of solutions as FITS: what other software reads back from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.errors import Invalid
from hven.science.frames.frame import Card, Frame
from hven.science.sky.wcs import Wcs
from hven.science.stars import tables
from hven.science.stars.solution import SolveResult, SourceList

SIP = np.zeros((3, 3))
SIP[2, 0] = 1e-5
PROJECTION = Wcs((120.0, -30.0), (49.5, 39.5), ((-0.01, 0.0), (0.0, 0.01)), 100, 80, SIP, SIP * 0)


def _sources(count: int = 5) -> SourceList:
    x = np.linspace(1, 90, count)
    return SourceList(x, x / 2, np.linspace(900, 100, count), np.full(count, 7.0), np.full(count, 9.0), 100, 80)


def test_the_projection_written_is_the_projection_read(tmp_path: Path) -> None:
    tables.write_wcs(tmp_path / "a", PROJECTION, ("a word of explanation",))
    with fits.open(tmp_path / "a") as hdus:
        ra, dec = WCS(hdus[0].header).all_pix2world([3.0, 77.0], [5.0, 60.0], 0)
        assert hdus[0].data is None
        assert "a word of explanation" in str(hdus[0].header["COMMENT"])
    assert np.allclose((ra, dec), PROJECTION.to_sky([3.0, 77.0], [5.0, 60.0]), atol=1e-9)


def test_sources_come_back_as_they_went(tmp_path: Path) -> None:
    tables.write_sources(tmp_path / "a", _sources())
    found = tables.read_source_list(tmp_path / "a")
    assert np.allclose(found.x, _sources().x, atol=1e-4)
    assert (found.width, found.height) == (100, 80)
    with fits.open(tmp_path / "a") as hdus:
        assert hdus[1].data["X"][0] == pytest.approx(_sources().x[0] + 1)


def test_a_list_is_sorted_by_flux_where_there_is_one_and_keeps_its_order_where_not() -> None:
    x = np.array([10.0, 20.0, 30.0])
    by_flux = tables.source_list(x, x, flux=np.array([1.0, 3.0, 2.0]))
    assert by_flux.x.tolist() == [20.0, 30.0, 10.0]
    assert tables.source_list(x, x).x.tolist() == [10.0, 20.0, 30.0]
    many = np.arange(5000.0)
    assert tables.source_list(many, many).x.tolist() == many.tolist()


def test_sources_without_a_place_are_left_out() -> None:
    found = tables.source_list(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, np.inf]))
    assert found.x.tolist() == [1.0]


@pytest.mark.parametrize(
    ("x", "y"), [([1.0], [1.0, 2.0]), ([np.nan], [1.0]), ([], []), ([1e9], [1.0]), ([-5.0], [-9.0])]
)
def test_lists_without_sense_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(Invalid):
        tables.source_list(np.array(x), np.array(y))


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =", b"Hello", bytes(2880)])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Invalid, match="columns X and Y"):
        tables.read_source_list(tmp_path / "a")


def test_without_a_solution_there_are_no_matches_to_write(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        tables.write_matches(tmp_path / "a", SolveResult(None, _sources()))
    assert not (tmp_path / "a").exists()


def test_a_solved_frame_keeps_pixels_and_cards_but_no_older_projection(tmp_path: Path) -> None:
    cards = (
        Card("EXPTIME", 30.0, "seconds"), Card("CRVAL1", 999.0), Card("CD1_1", 5.0), Card("BZERO", 32768),
        Card("COMMENT", "as it was"), Card("HISTORY", "dark subtracted"), Card("NAXIS1", 7), Card("PV1_1", 3.0),
        Card("HIERARCH long keyword", 3), Card("BAD KEY=", "x\ny"), Card("EMPTY", None),
    )  # fmt: skip
    data = np.arange(8000, dtype=np.uint16).reshape(80, 100)
    tables.write_solved_frame(tmp_path / "a", Frame(data, cards=cards), PROJECTION)
    with fits.open(tmp_path / "a") as hdus:
        header = hdus[0].header
        assert np.array_equal(hdus[0].data, data)
        assert header["EXPTIME"] == 30.0
        assert header["CRVAL1"] == 120.0
        assert "PV1_1" not in header
        assert "as it was" in str(header["COMMENT"])
        ra, _ = WCS(header).all_pix2world(49.5, 39.5, 0)
        assert float(ra) == pytest.approx(120.0)


def test_a_picture_gives_its_colours_and_not_the_place_where_it_was_taken(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    cards = (Card("GPSLatitude", "48.2"), Card("MakerNote", "serial"), Card("ISOSpeedRatings", 800))
    tables.write_solved_frame(tmp_path / "a", Frame(rgb[..., 0], rgb=rgb, cards=cards, format="jpeg"), PROJECTION)
    content = (tmp_path / "a").read_bytes()
    assert b"GPS" not in content.upper()
    assert b"serial" not in content
    with fits.open(tmp_path / "a") as hdus:
        assert hdus[0].data.shape == (3, 80, 100)
        assert np.array_equal(hdus[0].data[1], rgb[..., 1])
