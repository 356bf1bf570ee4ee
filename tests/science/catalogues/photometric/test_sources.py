"""Reading catalogues in pieces: the same rows from every format, and clear words for what is wrong with a file."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from hven.errors import Invalid
from hven.science.catalogues.photometric.sources import open_source

ROWS = 1000


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(5)
    table = Table({"RAJ2000": rng.uniform(0, 360, ROWS), "DEJ2000": np.degrees(np.arcsin(rng.uniform(-1, 1, ROWS)))})
    table["rmag"] = MaskedColumn(rng.uniform(12, 20, ROWS), mask=rng.random(ROWS) < 0.1)
    table["e_rmag"] = np.full(ROWS, 0.02)
    table["objID"] = np.arange(ROWS) + 2**60
    table["note"] = ["nothing"] * ROWS
    return table


def written(table, path):
    if path.suffix == ".csv":
        table.write(path, format="ascii.csv")
    elif path.suffix == ".tsv":
        table.write(path, format="ascii.tab")
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(
            pa.table(
                {
                    name: pa.array(
                        np.asarray(table[name]),
                        mask=np.asarray(getattr(table[name], "mask", np.zeros(len(table), bool))),
                    )
                    for name in table.colnames
                }
            ),
            path,
        )
    else:
        kinds = {".fits": "fits", ".vot": "votable", ".ecsv": "ascii.ecsv"}
        table.write(path, format=kinds[path.suffix])
    return path


def read(path, given=None, **more):
    source = open_source(path, given, most_rows=300, **more)
    pieces = list(source.pieces())
    assert [share for _, share in pieces] == sorted(share for _, share in pieces)
    names = pieces[0][0]
    return source, {name: np.concatenate([piece[name] for piece, _ in pieces]) for name in names}


@pytest.mark.parametrize("suffix", [".fits", ".csv", ".tsv", ".parquet", ".vot", ".ecsv"])
def test_every_format_gives_the_same_rows(stars, tmp_path, suffix):
    source, found = read(written(stars, tmp_path / f"c{suffix}"))
    assert list(source.columns.magnitudes) == ["r"]
    assert source.rows in {ROWS, None}
    np.testing.assert_allclose(found["RAJ2000"], stars["RAJ2000"], atol=1e-9)
    np.testing.assert_allclose(found["DEJ2000"], stars["DEJ2000"], atol=1e-9)
    np.testing.assert_allclose(found["rmag"], stars["rmag"].filled(np.nan), atol=1e-5)
    assert found["id"][7] == str(2**60 + 7)


def test_pieces_are_small_whatever_the_file(stars, tmp_path):
    for suffix in (".fits", ".parquet", ".vot"):
        source = open_source(written(stars, tmp_path / f"d{suffix}"), most_rows=300)
        assert max(len(piece["rmag"]) for piece, _ in source.pieces()) <= 300


def test_csv_with_comments_and_compression(stars, tmp_path):
    text = "# made by hand\n#\nra;dec;r\n10.5;-20.25;15.5\n11.5;-21;-999\n12;22;\n"
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(text.encode()))
    _, found = read(tmp_path / "c.csv.gz")
    assert found["RAJ2000"].tolist() == [10.5, 11.5, 12]
    assert np.isfinite(found["rmag"]).tolist() == [True, False, False]


def test_whole_numbers_that_become_fractions_later_do_no_harm(tmp_path):
    lines = ["ra,dec,r"] + ["10,20,15"] * 30_000 + ["10.5,20.5,15.5", "11,,nan"]
    (tmp_path / "c.csv").write_text("\n".join(lines))
    _, found = read(tmp_path / "c.csv")
    assert found["rmag"][-2] == 15.5
    assert np.isnan(found["DEJ2000"][-1])


def test_sexagesimal_text_is_hours_and_degrees(tmp_path):
    (tmp_path / "c.csv").write_text("ra,dec,V\n05:35:17.3,-00:23:28,5\n05 35 17.3,-69 00 00,6\n12h30m00s,+10d30m,7\n")
    _, found = read(tmp_path / "c.csv")
    np.testing.assert_allclose(found["RAJ2000"], [83.8220833, 83.8220833, 187.5], atol=1e-6)
    np.testing.assert_allclose(found["DEJ2000"], [-0.3911111, -69, 10.5], atol=1e-6)


def test_units_of_the_table_are_heeded_and_the_owners_word_wins(tmp_path):
    table = Table({"ra": [0.1, 6.0], "dec": [-1.0, 1.5], "r": [12.0, 13.0]}, units={"ra": "rad", "dec": "rad"})
    table.write(tmp_path / "c.fits")
    _, found = read(tmp_path / "c.fits")
    np.testing.assert_allclose(found["RAJ2000"], np.degrees([0.1, 6.0]))
    _, found = read(tmp_path / "c.fits", unit="deg")
    np.testing.assert_allclose(found["DEJ2000"], [-1.0, 1.5])
    (tmp_path / "h.csv").write_text("ra,dec,r\n12.5,45,10\n")
    _, found = read(tmp_path / "h.csv", unit="hour")
    assert (found["RAJ2000"][0], found["DEJ2000"][0]) == (187.5, 45)


def test_negative_right_ascensions_are_wrapped(tmp_path):
    (tmp_path / "c.csv").write_text("ra,dec,r\n-10,45,10\n360,45,10\n")
    _, found = read(tmp_path / "c.csv")
    assert found["RAJ2000"].tolist() == [350, 0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "no file"),
        ("c.csv", b"", "empty"),
        ("c.csv", b"# nothing\n", "no line with names"),
        ("c.csv", b"ra,dec,r\n", "without rows"),
        ("c.csv", b"a,b\n1,2\n", "right ascension"),
        ("c.csv", b"ra,dec,r\n1,2,bright\n", "cannot be read as CSV"),
        ("c.csv", b"ra,dec,r\n1,95,12\n", "declinations"),
        ("c.fits", b"SIMPLE  =                    T" + b" " * 50 + b"END" + b" " * 3000, "c.fits"),
        ("c.fits", b"garbage" * 100, "cannot be read"),
        ("c.parquet", b"PAR1" + b"x" * 100, "cannot be read"),
        ("c.vot", b"<VOTABLE><broken", "cannot be read|no table"),
        ("c.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "no table that hven reads"),
        ("c.doc", b"\x00" * 100, "no table that hven reads"),
    ],
)  # fmt: skip
def test_files_that_are_no_catalogues_are_told(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid, match=words):
        list(open_source(tmp_path / name).pieces())


def test_a_fits_file_without_a_table_is_told(tmp_path):
    from astropy.io import fits

    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "image.fits")
    with pytest.raises(Invalid, match="no table"):
        open_source(tmp_path / "image.fits")


def test_the_largest_table_of_a_fits_file_is_read(tmp_path):
    from astropy.io import fits

    small, large = (Table({"ra": np.arange(n) + 1.0, "dec": np.ones(n), "r": np.full(n, 9.0)}) for n in (2, 30))
    fits.HDUList([fits.PrimaryHDU(), fits.table_to_hdu(small), fits.table_to_hdu(large)]).writeto(tmp_path / "c.fits")
    assert open_source(tmp_path / "c.fits").rows == 30


def test_an_unknown_unit_is_told(tmp_path):
    with pytest.raises(Invalid, match="deg, rad or hour"):
        open_source(tmp_path / "c.csv", unit="furlong")
