"""Catalogues of users: every form, every usual name, and sentences where it does not do."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table

from hven.errors import Invalid
from hven.science.catalogues.star_lists import read_star_list, write_star_table

COUNT = 200
RNG = np.random.default_rng(1)
RA, DEC, MAG = RNG.uniform(10, 12, COUNT), RNG.uniform(-3, -1, COUNT), RNG.uniform(8, 16, COUNT)
ORDER = np.argsort(MAG, kind="stable")


def table(ra="ra", dec="dec", mag="phot_g_mean_mag", **more) -> Table:
    return Table({"source": np.arange(COUNT), ra: RA, dec: DEC, mag: MAG, **more})


@pytest.mark.parametrize(
    ("form", "name"),
    [("fits", "c.fits"), ("votable", "c.vot"), ("ascii.ecsv", "c.ecsv"), ("ascii.csv", "c.csv"), ("ascii.tab", "c.tsv"),
     ("ascii.csv", "without-an-ending")],
)  # fmt: skip
def test_every_form_of_table_is_read_brightest_first(tmp_path, form, name) -> None:
    path = tmp_path / name
    table().write(path, format=form)
    stars = read_star_list(path)
    assert len(stars) == COUNT
    assert stars.columns == ("ra", "dec", "phot_g_mean_mag")
    np.testing.assert_allclose(stars.ra, RA[ORDER], atol=1e-9)
    np.testing.assert_allclose(stars.dec, DEC[ORDER], atol=1e-9)
    np.testing.assert_allclose(stars.mag, MAG[ORDER], atol=1e-6)


@pytest.mark.parametrize(
    ("ra", "dec", "mag"),
    [("RA", "Dec", "Gmag"), ("RAJ2000", "DEJ2000", "Vmag"), ("_RAJ2000", "_DEJ2000", "Jmag"),
     ("RA_ICRS", "DE_ICRS", "Gmag"),
     ("ALPHA_J2000", "DELTA_J2000", "MAG_AUTO"), ("raMean", "decMean", "rmag"), ("ra", "dec", "VTmag")],
)  # fmt: skip
def test_columns_are_recognised_by_their_usual_names(tmp_path, ra, dec, mag) -> None:
    table(ra, dec, mag).write(tmp_path / "c.fits")
    assert read_star_list(tmp_path / "c.fits").columns == (ra, dec, mag)


def test_columns_can_be_named(tmp_path) -> None:
    table("first", "second", "third").write(tmp_path / "c.ecsv")
    with pytest.raises(Invalid, match=r"right ascension.*--ra.*first"):
        read_star_list(tmp_path / "c.ecsv")
    assert len(read_star_list(tmp_path / "c.ecsv", ra="FIRST", dec="second", mag="third")) == COUNT
    with pytest.raises(Invalid, match="no column fourth"):
        read_star_list(tmp_path / "c.ecsv", ra="fourth", dec="second", mag="third")


def test_sexagesimal_text_and_units_are_understood(tmp_path) -> None:
    from astropy.coordinates import Angle

    texts = table(
        ra="x", dec="y",
        RAJ2000=Angle(RA, "deg").to_string("hourangle", sep=" ", precision=5),
        DEJ2000=Angle(DEC, "deg").to_string("deg", sep=":", precision=4, alwayssign=True),
    )  # fmt: skip
    texts.write(tmp_path / "text.csv")
    stars = read_star_list(tmp_path / "text.csv")
    np.testing.assert_allclose(stars.ra, RA[ORDER], atol=1e-6)
    np.testing.assert_allclose(stars.dec, DEC[ORDER], atol=1e-6)
    hours = table()
    hours["ra"] = RA / 15
    hours["ra"].unit = units.hourangle
    hours["dec"] = np.radians(DEC)
    hours["dec"].unit = units.rad
    hours.write(tmp_path / "hours.ecsv")
    stars = read_star_list(tmp_path / "hours.ecsv")
    np.testing.assert_allclose(stars.ra, RA[ORDER], atol=1e-9)
    np.testing.assert_allclose(stars.dec, DEC[ORDER], atol=1e-9)


def test_rows_without_a_place_or_a_magnitude_are_left_out_and_counted(tmp_path) -> None:
    holes = table()
    holes["ra"][3] = np.nan
    holes["phot_g_mean_mag"] = MaskedColumn(MAG, mask=np.arange(COUNT) == 7)
    holes["dec"][9] = 123.0
    holes.write(tmp_path / "c.vot", format="votable")
    stars = read_star_list(tmp_path / "c.vot")
    assert (len(stars), stars.left_out) == (COUNT - 3, 3)


def test_stars_move_by_the_catalogues_own_motions(tmp_path) -> None:
    moving = table(pmra=np.full(COUNT, 1000.0), pmdec=np.full(COUNT, -500.0), ref_epoch=np.full(COUNT, 2016.0))
    moving.write(tmp_path / "c.fits")
    stars = read_star_list(tmp_path / "c.fits", epoch=2026.0)
    np.testing.assert_allclose((stars.dec - DEC[ORDER]) * 3600, -5.0, atol=1e-3)
    east = (stars.ra - RA[ORDER]) * np.cos(np.radians(DEC[ORDER])) * 3600
    np.testing.assert_allclose(east, 10.0, atol=1e-3)
    still = table()
    still.write(tmp_path / "still.fits")
    with pytest.raises(Invalid, match="pmra"):
        read_star_list(tmp_path / "still.fits", epoch=2026.0)
    moving.remove_column("ref_epoch")
    moving.write(tmp_path / "when.fits")
    with pytest.raises(Invalid, match="--catalogue-epoch"):
        read_star_list(tmp_path / "when.fits", epoch=2026.0)
    assert len(read_star_list(tmp_path / "when.fits", epoch=2026.0, catalogue_epoch=2016.0)) == COUNT


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(100), b"just words\n", b"a,b\n1,2\n", b"<html><body>no table</body></html>",
     b"SIMPLE  =                    T", b"ra,dec,mag\n1,2,3\n", b"ra,dec,mag\n" + b"x,y,z\n" * 100],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_in_a_sentence(tmp_path, content) -> None:
    path = tmp_path / "c.dat"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        read_star_list(path)
    assert str(refused.value).endswith(".")
    assert str(tmp_path) not in str(refused.value)


def test_a_picture_in_fits_has_no_table(tmp_path) -> None:
    from astropy.io import fits

    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "p.fits")
    with pytest.raises(Invalid, match="without a table"):
        read_star_list(tmp_path / "p.fits")


def test_the_area_is_that_of_the_sky_with_stars(tmp_path) -> None:
    from tests.skies import deep_stars

    assert deep_stars().area_deg2 == pytest.approx(4.0, rel=0.15)
    rng = np.random.default_rng(2)
    from hven.science.catalogues.star_lists import StarList

    whole = StarList(
        rng.uniform(0, 360, 50_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 50_000))), np.zeros(50_000), ("", "", "")
    )
    assert whole.area_deg2 == pytest.approx(41253, rel=0.01)


def test_the_programs_table_has_its_columns(tmp_path) -> None:
    table().write(tmp_path / "c.fits")
    write_star_table(read_star_list(tmp_path / "c.fits"), tmp_path / "out.fits")
    written = Table.read(tmp_path / "out.fits")
    assert written.colnames == ["RA", "DEC", "MAG"]
    np.testing.assert_allclose(written["RA"], RA[ORDER])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp037"])
def test_a_votable_whose_rows_lie_elsewhere_is_refused_before_anything_is_opened(
    tmp_path, monkeypatch, encoding
) -> None:
    (tmp_path / "rows").write_bytes(bytes(24 * 100))
    fields = "".join(f'<FIELD name="{name}" datatype="double"/>' for name in ("ra", "dec", "mag"))
    stream = f'<STREAM href="{(tmp_path / "rows").as_uri()}"/>'
    version = 'version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    body = f"<VOTABLE {version}><RESOURCE><TABLE>{fields}<DATA><BINARY>{stream}</BINARY></DATA></TABLE></RESOURCE>"
    (tmp_path / "a.vot").write_bytes(
        f'<?xml version="1.0" encoding="{encoding.removesuffix("-le")}"?>'.encode(
            "utf-16-le" if "16" in encoding else "utf-8"
        )
        + f"{body}</VOTABLE>".encode(encoding)
    )
    opened = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **_: opened.append(a))
    with pytest.raises(Invalid, match=r"another file|no well-formed XML|no table"):
        read_star_list(tmp_path / "a.vot")
    assert opened == []
