"""Twilights, the Moon and altitudes, against published almanacs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from hven.science.sky.almanac import Place, airmass, night_at, track_at

GREENWICH = Place(0.0, 51.4779)


def test_sunset_and_sunrise_at_greenwich_are_those_of_the_almanac() -> None:
    """21 March 2026: sunset 18:14 UT on the 20th, sunrise 06:02 UT on the 21st, to a minute or two."""
    down, up = night_at(GREENWICH, date(2026, 3, 20)).crossings(-0.833)
    assert down is not None and up is not None
    assert abs(down - datetime(2026, 3, 20, 18, 14, tzinfo=UTC)) < timedelta(minutes=2)
    assert abs(up - datetime(2026, 3, 21, 6, 2, tzinfo=UTC)) < timedelta(minutes=2)


def test_in_june_it_does_not_get_dark_there_and_in_the_far_north_the_sun_stays_up() -> None:
    assert night_at(GREENWICH, date(2026, 6, 21)).crossings(-18.0) == (None, None)
    assert night_at(Place(20.0, 75.0), date(2026, 6, 21)).crossings(-0.833) == (None, None)
    assert night_at(Place(20.0, 75.0), date(2026, 12, 21)).crossings(-0.833) == (None, None)


@pytest.mark.parametrize(
    ("night", "lit"), [(date(2026, 3, 3), 1.0), (date(2026, 2, 17), 0.0), (date(2026, 2, 24), 0.5)]
)
def test_the_moon_is_lit_as_at_full_new_and_half_moon(night: date, lit: float) -> None:
    assert night_at(Place(12.7, 55.9), night).moon_lit == pytest.approx(lit, abs=0.12)


def test_the_pole_star_stands_as_high_as_the_latitude() -> None:
    start = datetime(2026, 3, 20, 12, tzinfo=UTC)
    found = track_at(GREENWICH, start, np.arange(0, 1440, 60.0), 37.95, 89.264).altitude_deg
    assert np.all(np.abs(found - 51.48) < 0.8)
    assert found.max() - found.min() > 1.0


def test_a_star_culminates_at_ninety_degrees_less_the_distance_to_its_declination() -> None:
    start = datetime(2026, 3, 20, 12, tzinfo=UTC)
    found = track_at(GREENWICH, start, np.arange(0, 1440, 2.0), 101.287, -16.716).altitude_deg  # Sirius
    assert found.max() == pytest.approx(90 - 51.478 - 16.75, abs=0.1)


def test_airmass_is_one_in_the_zenith_two_at_thirty_degrees_and_none_below() -> None:
    assert airmass(90.0) == pytest.approx(1.0, abs=1e-3)
    assert airmass(30.0) == pytest.approx(1.995, abs=0.01)
    assert airmass(0.5) > 25
    assert np.isinf(airmass(-1.0))
