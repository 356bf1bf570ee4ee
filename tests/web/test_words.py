"""Coordinates, angles, ages and sizes in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hven.web import words


@pytest.mark.parametrize(
    ("degrees", "hours", "shown"),
    [
        (339.2691667, True, "22h37m04.60s"),
        (0.0, True, "00h00m00.00s"),
        (359.99999999, True, "00h00m00.00s"),
        (-1.0, True, "23h56m00.00s"),
        (34.42475, False, "+34°25′29.1″"),
        (-0.0001, False, "−00°00′00.4″"),
        (-1e-9, False, "+00°00′00.0″"),
        (-89.9999999, False, "−90°00′00.0″"),
        (59.99999999 / 60, False, "+01°00′00.0″"),
    ],
)
def test_angles_are_rounded_once(degrees, hours, shown) -> None:
    assert words.sexagesimal(degrees, hours=hours) == shown


def test_sexagesimal_agrees_with_astropy() -> None:
    from astropy.coordinates import Angle

    for tenth in range(0, 3600, 7):
        degrees = tenth / 10
        text = words.sexagesimal(degrees, hours=True)
        assert Angle(text).deg == pytest.approx(degrees, abs=2e-5)


@pytest.mark.parametrize(("degrees", "shown"), [(12.0, "12.00°"), (0.5, "30.00′"), (0.004, "14.4″"), (1.0, "1.00°")])
def test_an_angle_takes_the_unit_that_suits_it(degrees, shown) -> None:
    assert words.angle(degrees) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "just now"), (-9, "just now"), (40, "40 s ago"), (190, "3 min ago"), (7300, "2 h ago"), (9e5, "10 d ago")],
)
def test_ages(seconds, shown) -> None:
    assert words.age(datetime.now(UTC) - timedelta(seconds=seconds)) == shown


def test_the_julian_date_of_j2000() -> None:
    assert words.julian_date(datetime(2000, 1, 1, 12, tzinfo=UTC)) == pytest.approx(2451545.0)


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2**31, "2.1 GB")])
def test_sizes(count, shown) -> None:
    assert words.size(count) == shown
