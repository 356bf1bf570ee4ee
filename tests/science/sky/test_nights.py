"""Nights from noon to noon, at all longitudes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from hven.errors import Invalid
from hven.science.sky.nights import night_bounds, night_of


@pytest.mark.parametrize(
    ("moment", "longitude", "night"),
    [
        ("2026-07-16T02:00:00", 12.7, "2026-07-15"),  # hven, after midnight
        ("2026-07-15T23:00:00", 12.7, "2026-07-15"),
        ("2026-07-16T11:00:00", 12.7, "2026-07-15"),  # still before local noon
        ("2026-07-16T11:20:00", 12.7, "2026-07-16"),
        ("2026-07-16T03:00:00", -70.4, "2026-07-15"),  # Chile: 22:18 of the day before
        ("2026-07-16T16:41:00", -70.4, "2026-07-15"),
        ("2026-07-16T16:43:00", -70.4, "2026-07-16"),
        ("2026-07-16T09:00:00", -155.5, "2026-07-15"),  # Hawaii
        ("2026-07-16T12:00:00", 179.9, "2026-07-16"),  # at the date line, just east of it
        ("2026-07-16T12:00:00", -179.9, "2026-07-15"),  # and just west
        ("2026-07-16T00:01:00", 180.0, "2026-07-16"),
        ("2026-01-01T01:00:00", 0.0, "2025-12-31"),
    ],
)
def test_a_night_is_named_by_the_day_of_the_noon_before(moment: str, longitude: float, night: str) -> None:
    assert night_of(datetime.fromisoformat(moment).replace(tzinfo=UTC), longitude) == date.fromisoformat(night)


@pytest.mark.parametrize("longitude", [-179.9, -120.5, 0, 12.7, 179.99, 292.5])
def test_bounds_hold_exactly_the_moments_of_their_night(longitude: float) -> None:
    night = date(2026, 2, 28)
    start, end = night_bounds(night, longitude)
    assert end - start == timedelta(days=1)
    assert night_of(start, longitude) == night
    assert night_of(end - timedelta(microseconds=1), longitude) == night
    assert night_of(end, longitude) == date(2026, 3, 1)
    assert night_of(start - timedelta(microseconds=1), longitude) == date(2026, 2, 27)


def test_the_zone_in_which_a_moment_is_written_does_not_matter() -> None:
    moment = datetime(2026, 7, 16, 5, 0, tzinfo=timezone(timedelta(hours=9)))
    assert night_of(moment, 139.7) == night_of(moment.astimezone(UTC), 139.7) == date(2026, 7, 15)


def test_a_moment_without_a_zone_and_a_longitude_that_is_none_are_refused() -> None:
    with pytest.raises(Invalid):
        night_of(datetime(2026, 7, 16), 0.0)  # noqa: DTZ001 - that is the fault
    with pytest.raises(Invalid):
        night_of(datetime(2026, 7, 16, tzinfo=UTC), 1000.0)
