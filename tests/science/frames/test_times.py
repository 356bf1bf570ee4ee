"""Times as headers write them, good and bad."""

from datetime import UTC, datetime, timedelta

import pytest
from astropy.time import Time

from hven.science.frames.times import clock_of_number, from_day_number, parse_clock, parse_date, parse_stamp, to_utc


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-04-10T04:35:16", (2017, 4, 10, 4, 35, 16)),
        ("2018-08-04T09:23:31.598174", (2018, 8, 4, 9, 23, 31, 598174)),
        ("2002-01-28T02:45:1.875", (2002, 1, 28, 2, 45, 1, 875000)),
        ("2015-02-19 T11:04:00", (2015, 2, 19, 11, 4, 0)),
        ("2015-02-19 11:04", (2015, 2, 19, 11, 4)),
        ("2015/02/19 11:04:05", (2015, 2, 19, 11, 4, 5)),
        ("2015:02:19 11:04:05", (2015, 2, 19, 11, 4, 5)),
        ("20160909T081314", (2016, 9, 9, 8, 13, 14)),
        ("2021-03-04T05:06:07Z", (2021, 3, 4, 5, 6, 7)),
        ("2021-03-04T05:06:07+02:00", (2021, 3, 4, 3, 6, 7)),
        ("2021-03-04T05:06:07.123456789", (2021, 3, 4, 5, 6, 7, 123457)),
        ("2016-12-31T23:59:60", (2017, 1, 1)),
        ("2020-01-01T24:00:00", (2020, 1, 2)),
        ("2015-02-19 T 11:04:00", (2015, 2, 19, 11, 4)),
        ("2015-02-19t11:04:00z", (2015, 2, 19, 11, 4)),
        ("2015-2-9T1:4:5", (2015, 2, 9, 1, 4, 5)),
        ("'2015-02-19T11:04:00'", (2015, 2, 19, 11, 4)),
        ("2015-02-19T11:04:60", (2015, 2, 19, 11, 5)),
        ("2015-02-19T11:04:07,5", (2015, 2, 19, 11, 4, 7, 500000)),
        ("2015-02-19T11-04-07", (2015, 2, 19, 11, 4, 7)),
        ("2015-02-19_11:04:07", (2015, 2, 19, 11, 4, 7)),
        ("2015.02.19 11:04:07 UT", (2015, 2, 19, 11, 4, 7)),
        ("2015 02 19 11 04 07", (2015, 2, 19, 11, 4, 7)),
        ("2015-02-19 11:04:00 (UTC)", (2015, 2, 19, 11, 4)),
        ("2015-02-19T1104", (2015, 2, 19, 11, 4)),
        ("2015-02-19 11:04:00 PM", (2015, 2, 19, 23, 4)),
        ("2015-02-19 12:04:00 am", (2015, 2, 19, 0, 4)),
        ("2015-02-19T11:04:00+02", (2015, 2, 19, 9, 4)),
        ("2015-02-19T01:04:00+0530", (2015, 2, 18, 19, 34)),
        ("2015-02-19.5", (2015, 2, 19, 12)),
        ("2015 02 19.25", (2015, 2, 19, 6)),
        ("19 Feb 2015 11:04:00", (2015, 2, 19, 11, 4)),
        ("Feb 19, 2015 11:04:00", (2015, 2, 19, 11, 4)),
        ("2015-Feb-19 11:04", (2015, 2, 19, 11, 4)),
        ("Thu Feb 19 11:04:00 2015", (2015, 2, 19, 11, 4)),
        ("19/02/2015 11:04:00", (2015, 2, 19, 11, 4)),
        ("02/19/2015 11:04:00", (2015, 2, 19, 11, 4)),
        ("26/07/102 19:36:37", (2002, 7, 26, 19, 36, 37)),
        ("29/11/51 12:07", (1951, 11, 29, 12, 7)),
        ("05/05/2015T01:02:03", (2015, 5, 5, 1, 2, 3)),
    ],
)
def test_dates_with_a_clock(text, expected):
    assert parse_date(text) == (datetime(*expected, tzinfo=UTC), True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("29/11/51", (1951, 11, 29)),
        ("26/07/102", (2002, 7, 26)),
        ("2020-05-06", (2020, 5, 6)),
        ("13/2/1998", (1998, 2, 13)),
        ("31/08/93", (1993, 8, 31)),
        ("04/03/99", (1999, 3, 4)),
    ],
)
def test_dates_alone_say_that_they_are(text, expected):
    assert parse_date(text) == (datetime(*expected, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("03/04/05", "1900s or the 2000s"),
        ("29/11/12 10:00:00", "1900s or the 2000s"),
        ("03/04/2005", "day or the month"),
        ("3-4-2005 10:00", "day or the month"),
        ("2015-02-19 11:04:00 EST", "time of day"),
        ("2015-02-19T25:00:00", "time of day"),
        ("2015-02-19T24:30:00", "time of day"),
        ("2015-02-19T11:61:00", "time of day"),
        ("2015-02-19T11:04:75", "time of day"),
        ("2015-02-19 13:04:00 PM", "time of day"),
        ("2015-02-19T11:04:00+99:00", "time of day"),
        ("2015-02-19Tabc", "time of day"),
        ("1970-01-01T00:00:00", "not set"),
        ("1858-11-17T00:00:00", "not set"),
        ("2015-02-30", "calendar"),
        ("30 Foo 2015", "calendar"),
    ],
)
def test_what_can_be_read_in_two_ways_is_in_doubt_and_says_why(text, word):
    assert word in parse_stamp(text).doubt
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2020-13-01", "2020-02-30T00:00:00", "0000-00-00", "9999-01-01", "12:34:56"]
)
def test_what_is_no_date_is_none(text):
    assert parse_date(text) is None


def test_clocks():
    assert parse_clock("19:36:37") == timedelta(hours=19, minutes=36, seconds=37)
    assert parse_clock("12 07 00.5") == timedelta(hours=12, minutes=7, seconds=0.5)
    assert parse_clock("25:00:00") is None
    assert parse_clock("noon") is None


def test_day_numbers_of_both_kinds():
    expected = datetime(2000, 1, 1, 12, tzinfo=UTC)
    assert from_day_number(51544.5) == expected
    assert from_day_number(2451545.0) == expected
    for nonsense in (None, "x", float("nan"), float("inf"), 1e9, -1e9, True):
        assert from_day_number(nonsense) is None or nonsense is True


def test_day_numbers_with_commas_and_blanks():
    expected = datetime(2000, 1, 1, 12, tzinfo=UTC)
    for text in ("2451545,0", "2,451,545.0", "2 451 545.0", " 51544.5 ", "51544,5"):
        assert from_day_number(text) == expected
    assert from_day_number(0.0) is None  # a default
    assert from_day_number("1,2,3") is None


@pytest.mark.parametrize(
    ("number", "comment", "hours"),
    [
        (43200.0, "[s] UT at start", 12),
        (12.0, "UT in hours", 12),
        (0.5, "[d] fraction of the day", 12),
        (12.0, "UT", None),
        (90000.0, "seconds since midnight", None),
        (float("nan"), "[s]", None),
    ],
)
def test_a_clock_written_as_a_number_needs_its_unit(number, comment, hours):
    assert clock_of_number(number, comment) == (None if hours is None else timedelta(hours=hours))


def test_scales_are_taken_to_utc_as_astropy_does():
    for scale, name in (("tt", "TT"), ("tai", "TAI"), ("utc", "UTC")):
        for stamp in ("2020-06-01T00:00:00", "2010-06-01T00:00:00", "2003-01-01T00:00:00"):
            expected = Time(stamp, scale=scale).utc.to_datetime(timezone=UTC)
            got = to_utc(datetime.fromisoformat(stamp).replace(tzinfo=UTC), name)
            assert abs((got - expected).total_seconds()) < 1e-3
