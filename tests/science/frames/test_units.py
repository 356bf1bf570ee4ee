"""What one file holds, unit by unit."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import HvenError, Invalid, NotFound
from hven.science.frames.units import read_series, read_table_head, units


def made(*hdus: object) -> io.BytesIO:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer


def a_table(rows: int = 50) -> fits.BinTableHDU:
    columns = [
        fits.Column("number", "J", array=np.arange(rows)),
        fits.Column("flux", "D", unit="Jy", array=np.linspace(0, 1, rows)),
        fits.Column("name", "8A", array=np.array([f"s{n}" for n in range(rows)])),
        fits.Column("place", "2E", unit="deg", array=np.ones((rows, 2))),
        fits.Column("loose", "PJ()", array=np.array([np.arange(n % 3) for n in range(rows)], dtype=object)),
    ]
    return fits.BinTableHDU.from_columns(columns, name="STARS")


def test_every_hdu_is_listed_with_its_own_cards() -> None:
    image = fits.ImageHDU(np.zeros((4, 6), np.uint16), fits.Header({"FILTER": "R"}), name="SCI")
    file = made(fits.PrimaryHDU(header=fits.Header({"OBJECT": "M31"})), image, a_table())
    found = units(file)
    assert [(unit.plane.index, unit.plane.name, unit.plane.kind) for unit in found] == [
        ("0", "", "empty"), ("1", "SCI", "image"), ("2", "STARS", "table"),
    ]  # fmt: skip
    assert {card.keyword: card.value for card in found[0].cards}["OBJECT"] == "M31"
    assert {card.keyword: card.value for card in found[1].cards}["FILTER"] == "R"
    assert found[1].plane.shape == (4, 6)


def test_a_spectrum_comes_with_its_axis() -> None:
    header = fits.Header({"CRVAL1": 4000.0, "CDELT1": 2.0, "CRPIX1": 1.0, "CTYPE1": "WAVE", "CUNIT1": "Angstrom"})
    values = np.sin(np.arange(500.0)).astype(np.float32)
    found = read_series(made(fits.PrimaryHDU(values, header)), "0")
    assert found.x[0] == 4000.0
    assert found.x[-1] == 4998.0
    assert np.allclose(found.y, values)
    assert (found.x_name, found.x_unit) == ("WAVE", "Angstrom")


def test_scaled_and_blank_values_are_those_that_are_meant() -> None:
    hdu = fits.PrimaryHDU(np.array([1, 2, -99, 4], np.int16))
    hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = 0.5, 10.0, -99
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    found = read_series(buffer, "0")
    assert found.y == pytest.approx([10.5, 11.0, np.nan, 12.0], nan_ok=True)


def test_a_long_spectrum_keeps_its_peaks() -> None:
    values = np.zeros(100_000, np.float32)
    values[77_777], values[3] = 9.0, -9.0
    found = read_series(made(fits.PrimaryHDU(values)), "0")
    assert len(found.y) <= 1_200
    assert (found.y.max(), found.y.min()) == (9.0, -9.0)
    assert found.x[int(found.y.argmax())] == 77_778.0  # pixels are counted from 1


def test_the_first_rows_of_a_table_are_texts_with_units() -> None:
    found = read_table_head(made(fits.PrimaryHDU(), a_table()), "1")
    assert found.columns == (("number", ""), ("flux", "Jy"), ("name", ""), ("place", "deg"), ("loose", ""))
    assert len(found.rows) == 20
    assert found.rows[1] == ("1", "0.020408163", "s1", "[1, 1]", "…")
    assert (found.count, found.more_columns) == (50, 0)


def test_a_short_table_is_whole() -> None:
    found = read_table_head(made(fits.PrimaryHDU(), a_table(3)), "1")
    assert (len(found.rows), found.count) == (3, 3)


def test_what_is_no_spectrum_or_table_is_told() -> None:
    file = made(fits.PrimaryHDU(np.zeros((4, 4))), a_table())
    with pytest.raises(NotFound):
        read_series(file, "0")
    with pytest.raises(NotFound):
        read_table_head(file, "0")
    for index in ("7", "-1", "x", "", "999999999"):
        with pytest.raises(NotFound):
            read_series(file, index)


def test_a_file_that_is_cut_short_is_told() -> None:
    whole = made(fits.PrimaryHDU(np.zeros(5000, np.float32))).getvalue()
    with pytest.raises(Invalid, match="cut short"):
        read_series(io.BytesIO(whole[:4000]), "0")
    table = made(fits.PrimaryHDU(), a_table(500)).getvalue()
    with pytest.raises(Invalid, match="cut short"):
        read_table_head(io.BytesIO(table[: 2880 * 2 + 10]), "1")


@pytest.mark.parametrize("form", ["999999999J", "PX", "Z", "", "A(3"])
def test_columns_that_are_described_wrongly_are_told(form: str) -> None:
    content = bytearray(made(fits.PrimaryHDU(), a_table(3)).getvalue())
    at = content.index(b"TFORM1  = ")
    content[at + 10 : at + 30] = f"'{form:<8}'".ljust(20).encode()
    with pytest.raises(HvenError):
        read_table_head(io.BytesIO(bytes(content)), "1")


def test_the_units_of_xisf_files_come_with_keywords_and_properties(shared_data: Path) -> None:
    (unit,) = units(shared_data / "xisf" / "mountwizzard4_test.xisf")
    assert unit.plane.shape == (1024, 1280)
    assert unit.plane.kind == "image"
    assert len(unit.cards) > 40
