"""Headers of many programs mean the same thing."""

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import FK5, SkyCoord

from hven.science.frames.frame import Card, Frame
from hven.science.frames.header import meaning_of, wcs_from
from hven.science.frames.read import read_frame


def meaning(*cards: tuple, width: int = 1000, height: int = 800):
    return meaning_of(tuple(Card(*card) for card in cards), width, height)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_the_middle_lies_half_an_exposure_after_the_start():
    found = meaning(("DATE-OBS", "2020-01-01T00:00:00"), ("EXPTIME", 60))
    assert (found.start, found.middle, found.end) == (at(2020, 1, 1), at(2020, 1, 1, 0, 0, 30), at(2020, 1, 1, 0, 1))
    assert found.sources["start"] == "DATE-OBS"


@pytest.mark.parametrize(
    "cards",
    [
        [("DATE-OBS", "2020-01-01"), ("TIME-OBS", "00:00:00")],
        [("DATE-OBS", "01/01/20"), ("DATE-BEG", "2020-01-01T00:00:00")],
        [("DATE_OBS", "2020-01-01 T00:00:00")],
        [("MJD-OBS", 58849.0)],
        [("JD", 2458849.5)],
        [("DATE-OBS", "2020-01-01"), ("UT", "2020-01-01T00:00:00")],
        [("DATE-AVG", "2020-01-01T00:00:30")],
        [("DATE-END", "2020-01-01T00:01:00")],
        [("MJD-AVG", 58849.0 + 30 / 86400)],
        [("DATE-OBS", "2020-01-01T00:01:09.184"), ("TIMESYS", "TT")],
        [("DATE-OBS", ""), ("DATEOBS", "2020-01-01T00:00:00")],
        [("DATE-OBS", "2020-01-01"), ("UTSTART", "00:00:00.0")],
        [("DATE-OBS", "2019-12-31"), ("UT", "24:00:00")],
        [("DATE-OBS", "2020-01-01"), ("TM-START", 0.0, "[s] 00:00:00.000")],
        [("DATE-OBS", "31/12/119"), ("TIME-OBS", "23:59:60")],
        [("DATE-OBS", "01/01/20"), ("MJD-OBS", 58849.0)],
        [("DATE-OBS", "03/04/2020"), ("JD", "2458849,5")],
        [("DATE-OBS", "2020-01-01Tx"), ("TIME-OBS", "00:00:00")],
        [("DATE-OBS", 2458849.5)],
        [("DATE-OBS", 20200101), ("TIME-OBS", "000000")],
        [("JULIAN", 2458849.5)],
        [("JD", 2458849.5 + 30 / 86400, "mid-exposure")],
        [("JD", 2458849.5 + 60 / 86400, "Time at end of exposure")],
        [("Observation:Time:Start", "2020-01-01T00:00:00Z")],
        [("DATE-OBS", "2020-01-01T02:00:00+02:00")],
        [("DATE-OBS", "2020-01-01T05:00:00", "local time"), ("MJD-OBS", 58849.0)],
    ],
)
def test_the_start_is_found_in_many_ways(cards):
    found = meaning(*cards, ("EXPTIME", 60.0))
    assert abs((found.start - at(2020, 1, 1)).total_seconds()) < 1e-3
    assert abs((found.middle - at(2020, 1, 1, 0, 0, 30)).total_seconds()) < 1e-3


@pytest.mark.parametrize(
    ("cards", "word"),
    [
        ([("DATE-OBS", "03/04/05"), ("TIME-OBS", "10:00:00")], "1900s or the 2000s"),
        ([("DATE-OBS", "03/04/2005")], "day or the month"),
        ([("DATE-OBS", "2015-02-19T25:00:00")], "time of day"),
        ([("DATE-OBS", "2015-02-19T05:00:00", "local time at start")], "local time"),
        ([("DATE-OBS", "2015-02-19T05:00:00"), ("TIMESYS", "LOCAL")], "local time"),
        ([("DATE-OBS", "soon")], "is no date"),
        ([("JD", 57072.5)], "first digits"),
        ([("DATE-OBS", "1970-01-01T00:00:00")], "not set"),
        ([("DATE-OBS", True)], None),
        ([("MJD-OBS", 0.0)], None),
    ],
)
def test_a_time_in_doubt_is_left_open_with_a_note(cards, word):
    notes = []
    found = meaning_of(tuple(Card(*card) for card in (*cards, ("EXPTIME", 60.0))), 100, 100, notes)
    assert (found.start, found.middle, found.end) == (None, None, None)
    assert (word in notes[0]) if word else not notes


def test_a_date_without_a_time_of_day_says_so():
    notes = []
    found = meaning_of((Card("DATE-OBS", "2015-02-19"),), 100, 100, notes)
    assert found.start == at(2015, 2, 19)
    assert "no time of day" in notes[0]


def test_an_end_after_midnight_belongs_to_the_next_day():
    found = meaning(("DATE-OBS", "2015-02-19"), ("UTSTART", "23:59:30"), ("UTSTOP", "00:00:30"))
    assert (found.end, found.exposure_s) == (at(2015, 2, 20, 0, 0, 30), 60)


def test_start_and_end_without_an_exposure_give_it():
    found = meaning(("DATE-BEG", "2020-01-01T00:00:00"), ("DATE-END", "2020-01-01T00:01:00"))
    assert found.exposure_s == 60


@pytest.mark.parametrize(
    ("card", "seconds"),
    [
        (("EXPTIME", 2.5), 2.5),
        (("EXPOSURE", "2.5"), 2.5),
        (("EXPOSURE", 50.0, "Exposure time minutes"), 3000),
        (("EXPTIME", 250, "[ms] integration"), 0.25),
        (("EXPOINUS", 32, "Exposure time in us"), 32e-6),
        (("ExposureTime", 0.01), 0.01),
        (("EXPTIME", -1), None),
        (("EXPTIME", float("nan")), None),
        (("EXPTIME", True), None),
        (("EXPTIME", "long"), None),
        (("EXPTIME", 1e300), None),
        (("EXPTIME", 10**400), None),
    ],
)
def test_exposures(card, seconds):
    assert meaning(card).exposure_s == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("cards", "ra", "dec"),
    [
        ([("RA", 150.5), ("DEC", -12.25)], 150.5, -12.25),
        ([("RA", "10:02:00"), ("DEC", "-12:15:00")], 150.5, -12.25),
        ([("RA", "10 02 00.0"), ("DEC", "-00 15 00")], 150.5, -0.25),
        ([("OBJCTRA", "10 02 00"), ("OBJCTDEC", "-12 15 00")], 150.5, -12.25),
        ([("RA", 10.0333333, "[h] right ascension"), ("DEC", -12.25)], 150.5, -12.25),
        ([("RA", 10.0333333), ("DEC", -12.25), ("OBJCTRA", "10 02 00"), ("OBJCTDEC", "-12 15 00")], 150.5, -12.25),
        ([("RA", "150.5d"), ("DEC", "-12.25")], None, None),
        ([("RA", 150.5), ("DEC", 95)], None, None),
        ([("RA", 720.0), ("DEC", 5)], None, None),
        ([("RA", -10.0), ("DEC", 5)], 350.0, 5),
        ([("RA", 0.0), ("DEC", 0.0)], None, None),
        ([("RA", ""), ("DEC", "")], None, None),
        ([("RA", "10h02m00s"), ("DEC", "-12d15m00s")], 150.5, -12.25),
        ([("CTYPE1", "RA---ZPN"), ("CTYPE2", "DEC--ZPN"), ("CRVAL1", 150.5), ("CRVAL2", -12.25)], 150.5, -12.25),
    ],
)
def test_pointings(cards, ra, dec):
    found = meaning(*cards)
    assert (found.ra, found.dec) == (ra and pytest.approx(ra, abs=1e-4), dec and pytest.approx(dec))


def test_a_position_of_another_equinox_is_brought_to_j2000_as_astropy_does():
    for equinox in (1950.0, 2026.5):
        for ra, dec in ((10.0, 20.0), (200.0, -75.0), (359.9, 89.0)):
            found = meaning(("RA", ra), ("DEC", dec), ("EQUINOX", equinox))
            expected = SkyCoord(ra * units.deg, dec * units.deg, frame=FK5(equinox=f"J{equinox}")).transform_to(FK5())
            got = SkyCoord(found.ra * units.deg, found.dec * units.deg, frame=FK5())
            assert expected.separation(got).arcsec < 1


@pytest.mark.parametrize(
    ("cards", "pixel", "scale"),
    [
        ([("XPIXSZ", 7.52), ("XBINNING", 2), ("FOCALLEN", 500)], 7.52, 3.1022),
        ([("PIXSIZE1", 3.76), ("XBINNING", 2), ("FOCALLEN", 500)], 7.52, 3.1022),
        ([("XPIXSZ", 3.76, "unbinned size"), ("CCDSUM", "2 2"), ("FOCALLEN", 500)], 7.52, 3.1022),
        ([("XPIXSZ", 3.76), ("FOCALLEN", 0.5, "[m]")], 3.76, 1.5511),
        ([("PIXSCALE", 1.25)], None, 1.25),
        ([("SCALE", 1.25, "image scale arcsec/pixel")], None, 1.25),
        ([("SCALE", 1.25, "display zoom")], None, None),
        ([("PLTSCALE", 67.2, "arcsec per mm"), ("XPIXELSZ", 25.28445)], 25.28445, 1.69911),
        ([("FOCALLEN", 0), ("XPIXSZ", -3)], None, None),
        ([("FocalLengthIn35mmFilm", 50)], None, 139.37),
        ([("FocalPlaneXResolution", 2500.0), ("FocalPlaneResolutionUnit", 3), ("FocalLength", 200.0)], 4.0, 4.1253),
    ],
)
def test_pixel_size_and_scale(cards, pixel, scale):
    found = meaning(*cards)
    assert found.pixel_size_um == (pixel and pytest.approx(pixel))
    assert found.scale_arcsec == (scale and pytest.approx(scale, rel=1e-4))


@pytest.mark.parametrize(
    ("cards", "binning"),
    [
        ([("XBINNING", 2), ("YBINNING", 3)], (2, 3)),
        ([("CCDSUM", "2 4")], (2, 4)),
        ([("BINNING", "2x2")], (2, 2)),
        ([("BINNING", 2)], (2, 2)),
        ([("XBINNING", 0)], None),
        ([("BINNING", "99999999999 1")], None),
    ],
)
def test_binning(cards, binning):
    assert meaning(*cards).binning == binning


@pytest.mark.parametrize(
    ("cards", "gain"),
    [
        ([("EGAIN", 0.25), ("GAIN", 120)], 0.25),
        ([("GAIN", 1.7, "[e-/ADU]")], 1.7),
        ([("GAIN", 2.3)], 2.3),
        ([("GAIN", 120, "sensor gain")], None),
        ([("GAIN", 139)], None),
    ],
)
def test_gain_is_told_from_a_cameras_setting(cards, gain):
    assert meaning(*cards).gain == gain


@pytest.mark.parametrize(
    ("cards", "place"),
    [
        ([("SITELAT", "+33:24:24"), ("SITELONG", "-116:51:48")], (33.40667, -116.86333)),
        ([("LAT-OBS", 19.54), ("LONG-OBS", 204.42)], (19.54, -155.58)),
        ([("SITELAT", "52 30 00 N"), ("SITELONG", "13 24 00 W")], (52.5, -13.4)),
        ([("GPSLatitude", "33.0 30.0 0.0"), ("GPSLatitudeRef", "S"), ("GPSLongitude", "70.0 48.0 0.0"),
          ("GPSLongitudeRef", "W")], (-33.5, -70.8)),
        ([("SITELAT", 200), ("SITELONG", 10)], (None, 10)),
        ([("SITELAT", 0.0), ("SITELONG", 0.0)], (None, None)),
        ([("SITELAT", 33.4), ("SITELONG", 116.9, "degrees west")], (33.4, -116.9)),
    ],
)  # fmt: skip
def test_sites(cards, place):
    found = meaning(*cards)
    assert found.site_latitude == (place[0] and pytest.approx(place[0], abs=1e-4))
    assert found.site_longitude == (place[1] and pytest.approx(place[1], abs=1e-4))


def test_exif_time_heeds_its_zone():
    zone, part = ("OffsetTimeOriginal", "+02:00"), ("SubsecTimeOriginal", "25")
    zoned = meaning(("DateTimeOriginal", "2020:01:01 02:00:00"), zone, part)
    assert zoned.start == at(2020, 1, 1, 0, 0, 0, 250000)
    plain = meaning(("DateTimeOriginal", "2020:01:01 02:00:00"))
    assert plain.start == at(2020, 1, 1, 2)
    assert "time zone" in plain.sources["start"]


def test_words_that_say_nothing_count_as_absent():
    found = meaning(("FILTER", ""), ("FILTER1", "r"), ("OBJECT", "Unknown"), ("INSTRUME", "  cam   era "))
    assert (found.filter, found.object_name, found.camera) == ("r", None, "cam era")


def test_a_projection_of_the_header_is_returned():
    cards = (
        Card("CTYPE1", "RA---TAN"), Card("CTYPE2", "DEC--TAN"), Card("CRVAL1", 10.0), Card("CRVAL2", 20.0),
        Card("CRPIX1", 50.5), Card("CRPIX2", 40.5), Card("CD1_1", -1e-4), Card("CD2_2", 1e-4),
    )  # fmt: skip
    frame = Frame(np.zeros((80, 100), np.uint16), cards=cards)
    assert wcs_from(frame).centre == pytest.approx((10.0, 20.0))
    assert wcs_from(Frame(np.zeros((80, 100), np.uint16))) is None
    found = meaning_of(cards, 100, 80)
    assert (found.ra, found.dec, found.scale_arcsec) == pytest.approx((10, 20, 0.36))


def test_empty_and_absurd_headers_mean_nothing():
    assert meaning().sources == {}
    keys = ("DATE-OBS", "MJD-OBS", "EXPTIME", "RA", "DEC", "XPIXSZ", "FOCALLEN", "XBINNING", "GAIN", "SITELAT",
            "SITELONG", "TIMESYS", "CTYPE1", "CRVAL1", "EQUINOX", "SCALE", "PLTSCALE", "FocalPlaneResolutionUnit",
            "FocalPlaneXResolution", "CD1_1", "DateTimeOriginal", "FILTER")  # fmt: skip
    for value in (
        None,
        True,
        "",
        "x" * 3000,
        "1" + " " * 20_000,
        "1 " * 9000,
        -1e308,
        float("inf"),
        float("nan"),
        10**60,
        "1e999",
        "\x00\xff",
        -5,
        0,
    ):
        meaning(*((key, value) for key in keys))  # no value whatever makes it fail


@pytest.mark.shared
def test_real_headers(shared_data):
    dss = read_frame(shared_data / "images/photutils_M67_DSS.fits").meaning
    assert dss.start == at(1951, 11, 29, 12, 7)
    assert dss.exposure_s == 3000
    assert dss.scale_arcsec == pytest.approx(1.699, abs=1e-3)
    assert (dss.ra, dss.dec) == pytest.approx((132.834, 11.812), abs=1e-3)
    trail = read_frame(shared_data / "orbits/astride/long.fits").meaning
    assert trail.start == at(2002, 7, 26, 19, 36, 37)
    assert (trail.site_latitude, trail.site_longitude) == pytest.approx((-32.3806, 20.8111), abs=1e-3)
    pocs = read_frame(shared_data / "images/pocs_unsolved.fits").meaning
    assert (pocs.site_elevation_m, pocs.exposure_s) == (3400, 120.4)
