"""Barycentric times against geometry, and without the network."""

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.times import Place, barycentric_julian_date

MOMENT = datetime(2026, 7, 16, 2, 14, 45, tzinfo=UTC)
UTC_JD = 2461237.5 + (2 * 3600 + 14 * 60 + 45) / 86400


def test_a_star_at_the_ecliptics_pole_sees_tdb_alone() -> None:
    # TDB is 69.184 s ahead of UTC; light travel from the pole is what the barycentre is off the ecliptic
    off = (barycentric_julian_date(MOMENT, 270.0, 66.56071) - UTC_JD) * 86400
    assert off == pytest.approx(69.184, abs=10)


def test_opposite_directions_differ_by_twice_the_light_travel() -> None:
    # on this day the Sun is near right ascension 115.2, declination 21.4
    towards = (barycentric_julian_date(MOMENT, 115.2, 21.4) - UTC_JD) * 86400 - 69.184
    away = (barycentric_julian_date(MOMENT, 295.2, -21.4) - UTC_JD) * 86400 - 69.184
    assert towards == pytest.approx(-507, abs=9)  # 1.0165 au, and the Sun about the barycentre
    assert away == pytest.approx(-towards, abs=0.2)


def test_a_site_moves_the_time_by_less_than_the_earths_radius() -> None:
    centre = barycentric_julian_date(MOMENT, 150.1, 2.2)
    site = barycentric_julian_date(MOMENT, 150.1, 2.2, Place(-30.0, -70.8, 2400.0))
    assert 0 < abs(centre - site) * 86400 < 0.0215


def test_naive_times_are_utc_and_years_far_off_need_no_download() -> None:
    assert barycentric_julian_date(MOMENT.replace(tzinfo=None), 150, 2) == barycentric_julian_date(MOMENT, 150, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy and ERFA call such years dubious, which they are
        assert np.isfinite(barycentric_julian_date(datetime(2049, 1, 1, tzinfo=UTC), 10, 10, Place(52, 13)))
        assert np.isfinite(barycentric_julian_date(datetime(1965, 1, 1, tzinfo=UTC), 10, 10, Place(52, 13)))


def test_no_direction_is_refused() -> None:
    for ra, dec in ((np.nan, 0), (0, 91), (0, np.inf)):
        with pytest.raises(Invalid):
            barycentric_julian_date(MOMENT, ra, dec)
