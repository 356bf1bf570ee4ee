"""Times as headers write them, good and bad."""

from datetime import UTC, datetime, timedelta

import pytest
from astropy.time import Time

from hven.science.frames.times import from_day_number, parse_clock, parse_date, to_utc


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
        ("1/2/1998", (1998, 2, 1)),
    ],
)
def test_dates_alone_say_that_they_are(text, expected):
    assert parse_date(text) == (datetime(*expected, tzinfo=UTC), False)


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


def test_scales_are_taken_to_utc_as_astropy_does():
    for scale, name in (("tt", "TT"), ("tai", "TAI"), ("utc", "UTC")):
        for stamp in ("2020-06-01T00:00:00", "2010-06-01T00:00:00", "2003-01-01T00:00:00"):
            expected = Time(stamp, scale=scale).utc.to_datetime(timezone=UTC)
            got = to_utc(datetime.fromisoformat(stamp).replace(tzinfo=UTC), name)
            assert abs((got - expected).total_seconds()) < 1e-3
