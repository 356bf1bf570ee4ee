"""Tables of solutions as FITS: what other software reads back from them."""

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from hven.errors import Invalid, TooLarge
from hven.science.frames.frame import Card, Frame
from hven.science.frames.limits import Limits
from hven.science.sky.wcs import Wcs
from hven.science.stars import tables
from hven.science.stars.solution import SolveResult, SourceList
from hven.science.stars.subject import read_subject

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


def test_a_list_may_come_packed(tmp_path: Path) -> None:
    tables.write_sources(tmp_path / "a", _sources())
    (tmp_path / "a.gz").write_bytes(gzip.compress((tmp_path / "a").read_bytes()))
    assert len(tables.read_source_list(tmp_path / "a.gz")) == 5
    found = read_subject(tmp_path / "a.gz")
    assert isinstance(found, SourceList)


def test_what_is_neither_frame_nor_list_says_why_it_is_no_frame(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"Hello World")
    with pytest.raises(Invalid, match="not an image"):
        read_subject(tmp_path / "a")


def test_a_bomb_is_not_unpacked_to_look_for_a_list_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    monkeypatch.setattr(tables, "read_source_list", lambda *_args, **_more: pytest.fail("it was looked into"))
    with pytest.raises(TooLarge):
        read_subject(tmp_path / "a.gz", limits=Limits(max_unpacked_bytes=1_000_000))


def test_a_table_with_more_rows_than_any_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.write_sources(tmp_path / "a", _sources(20))
    monkeypatch.setattr(tables, "_MOST_SOURCES", 19)
    with pytest.raises(TooLarge, match="more than 19"):
        tables.read_source_list(tmp_path / "a")


@given(st.lists(st.tuples(st.integers(0, 8639), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_damaged_table_is_read_or_refused(edits: list[tuple[int, bytes]]) -> None:
    content = io.BytesIO()
    tables.write_sources(content, _sources())
    damaged = bytearray(content.getvalue())
    for at, piece in edits:
        damaged[at : at + len(piece)] = piece
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "a.fits"
        path.write_bytes(damaged)
        with suppress(Invalid):
            assert len(tables.read_source_list(path)) > 0


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


@pytest.mark.parametrize(
    "card",
    [
        Card("HIERARCH a key much longer than eight", "v" * 75),
        Card("NUMBER", float("nan")),
        Card("NUMBER", float("inf")),
        Card("NUMBER", 10**90),
        Card("LONG", "'" * 500, "c" * 500),
        Card("TEXT", "\u00e4\x00\ud800"),
        Card("K\u00e4se", 1),
        Card("", "no keyword"),
        Card("A" * 100, 1.0),
        Card("LIST", "x", "comment \n with a break"),
        Card("COMMENT", "\u00e4 break \n here"),
        Card("HISTORY", "h" * 300),
        Card("CONTINUE", "'loose'"),
        Card("LOGICAL", True),
    ],
    ids=lambda card: card.keyword.strip() or "none",
)
@pytest.mark.filterwarnings("ignore")
def test_no_card_of_a_hostile_header_keeps_the_frame_from_being_written(tmp_path: Path, card: Card) -> None:
    data = np.zeros((80, 100), np.uint8)
    for kind in ("fits", "jpeg"):
        tables.write_solved_frame(tmp_path / "a", Frame(data, cards=(card, Card("OK", 1)), format=kind), PROJECTION)
        with fits.open(tmp_path / "a") as hdus:
            hdus.verify("exception")
            assert hdus[0].header["OK"] == 1
            assert hdus[0].data.shape == (80, 100)


def test_of_a_packed_frame_the_cards_of_its_packing_go_and_others_that_begin_alike_stay(tmp_path: Path) -> None:
    packing = ("ZIMAGE", "ZCMPTYPE", "ZNAXIS", "ZNAXIS1", "ZTILE2", "ZHECKSUM", "TTYPE1", "TFORM1")
    others = ("ZENITH", "ZD", "ZMAG", "ZTEMP", "ZNAMED")
    frame = Frame(np.zeros((80, 100), np.uint8), cards=tuple(Card(name, 1) for name in packing + others))
    tables.write_solved_frame(tmp_path / "a", frame, PROJECTION)
    header = fits.getheader(tmp_path / "a")
    assert not [name for name in packing if name in header]
    assert [name for name in others if name in header] == list(others)


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


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("X", "Y", "FLUX"), [2, 1, 0]),
        (("X_IMAGE", "Y_IMAGE", "MAG_AUTO"), [0, 1, 2]),
        (("xcentroid", "ycentroid", "flux"), [2, 1, 0]),
        (("X", "Y", "BACKGROUND"), [0, 1, 2]),
    ],
)
def test_tables_of_other_programs_are_read_by_their_names(
    tmp_path: Path, names: tuple[str, ...], order: list[int]
) -> None:
    columns = [fits.Column(name, "D", array=np.array([1.0, 2.0, 3.0])) for name in names]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(tmp_path / "a.fits")
    found = tables.read_source_list(tmp_path / "a.fits", width=10, height=10)
    assert found.x.tolist() == [float(n) for n in order]


@pytest.mark.parametrize("names", [tables.DETECTED, tables.SEGMENTED])
def test_sources_get_places_and_become_text(names: str) -> None:
    n = 5
    x, y, flux = np.arange(n, dtype=float), np.arange(n, dtype=float), np.array([9.0, 7.0, 5.0, 3.0, -1.0])
    sources = SourceList(x, y, flux, np.ones(n), np.ones(n), 100, 50)
    table = io.BytesIO()
    tables.write_sources(table, sources, names=names)
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0, "CRPIX1": 1.0, "CRPIX2": 1.0,
        "CD1_1": -0.01, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.01,
    }  # fmt: skip
    wcs = Wcs.from_cards(cards, 100, 50)
    assert wcs is not None
    placed = tables.with_places(io.BytesIO(table.getvalue()), wcs)
    with fits.open(io.BytesIO(placed)) as hdus:
        assert hdus[1].columns.names[-2:] == ["RA", "DEC"]
        assert (hdus[1].data["RA"][0], hdus[1].data["DEC"][0]) == pytest.approx((10.0, 20.0))
        assert hdus[1].data["DEC"][4] == pytest.approx(20.04, abs=1e-4)
    lines = tables.as_csv(io.BytesIO(placed)).splitlines()
    assert lines[0].endswith("RA,DEC")
    assert len(lines) == n + 1
    if names == tables.SEGMENTED:
        assert lines[0].startswith("X_IMAGE,Y_IMAGE,MAG_AUTO,FLUX_AUTO")
        assert lines[5].split(",")[2] == "99.0"
    with pytest.raises(Invalid):
        tables.with_places(_tableless(), wcs)


def _tableless() -> io.BytesIO:
    content = io.BytesIO()
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(content)
    content.seek(0)
    return content
