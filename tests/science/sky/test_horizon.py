"""What hides the sky, and when a target stands clear of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from hven.science.sky.almanac import Place, night_at, track_at
from hven.science.sky.horizon import clear_spells, horizon_at

TEIDE = Place(-16.5117, 28.3003, 2390.0)
ORION_NEBULA = (83.822, -5.391)


def test_between_points_the_mask_runs_straight_and_round_through_north() -> None:
    mask = [(90.0, 20.0), (270.0, 10.0), (350.0, 30.0)]
    assert horizon_at(mask, np.array([90.0, 180.0, 270.0])) == pytest.approx([20.0, 15.0, 10.0])
    assert horizon_at(mask, np.array([40.0])) == pytest.approx([25.0])  # half way from 350 to 90
    assert horizon_at(mask, np.array([400.0])) == pytest.approx([25.0])


def test_without_points_nothing_is_hidden_above_zero() -> None:
    assert horizon_at([], np.array([0.0, 123.0])) == pytest.approx([0.0, 0.0])


def test_one_point_hides_the_same_everywhere() -> None:
    assert horizon_at([(120.0, 15.0)], np.array([0.0, 120.0, 300.0])) == pytest.approx([15.0, 15.0, 15.0])


def test_a_target_passes_south_at_its_highest() -> None:
    night = night_at(TEIDE, date(2026, 1, 15))
    track = track_at(TEIDE, night.start, night.minutes, *ORION_NEBULA)
    highest = int(np.argmax(track.altitude_deg))
    assert track.azimuth_deg[highest] == pytest.approx(180.0, abs=3.0)
    assert track.altitude_deg[highest] == pytest.approx(90 - 28.3003 - 5.39, abs=0.1)


def test_the_moon_is_near_what_it_stands_by() -> None:
    """At 18:27 UTC on 29 March 2026 the Moon is about 2 degrees from Regulus (Astronomical Almanac: conjunction)."""
    night = night_at(Place(0.0, 51.5), date(2026, 3, 29))
    track = track_at(Place(0.0, 51.5), night.start, night.minutes, 152.093, 11.967)
    assert float(track.moon_deg.min()) < 4.0


def test_a_target_is_clear_above_the_mask_in_the_dark_only() -> None:
    night = night_at(TEIDE, date(2026, 1, 15))
    track = track_at(TEIDE, night.start, night.minutes, *ORION_NEBULA)
    free = clear_spells(night, track)
    walled = clear_spells(night, track, [(0.0, 40.0)])
    assert len(free) == len(walled) == 1
    dark, light = night.crossings(-18.0)
    assert dark is not None and light is not None
    assert dark - timedelta(minutes=1) <= free[0][0] <= dark + timedelta(minutes=6)
    assert free[0][0] < walled[0][0] < walled[0][1] < free[0][1] < light
    assert clear_spells(night, track, [(0.0, 80.0)]) == []


def test_a_wall_in_the_south_cuts_the_night_in_two() -> None:
    night = night_at(TEIDE, date(2026, 1, 15))
    track = track_at(TEIDE, night.start, night.minutes, *ORION_NEBULA)
    wall = [(159.0, 0.0), (160.0, 80.0), (200.0, 80.0), (201.0, 0.0)]
    spells = clear_spells(night, track, wall)
    assert len(spells) == 2
    assert spells[0][1] < datetime(2026, 1, 15, 23, 20, tzinfo=UTC) < spells[1][0]
