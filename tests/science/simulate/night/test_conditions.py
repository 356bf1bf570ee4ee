"""The sky of a night: as bright as it is measured, and dimmed by air as it should be."""

import numpy as np
import pytest

from hven.science.simulate.night.conditions import Weather, draw_weather, sky_mag, zero_point

CALM = Weather(2.0, (), 1.0, 0.0, 0.0, 30.0)


def test_a_full_moon_brightens_the_sky_as_was_measured() -> None:
    # Krisciunas and Schaefer (1991): of a full Moon 60 degrees high, V is brighter by three to four magnitudes 60 to 90
    # degrees away from it than without Moon.
    dark = sky_mag("V", sun_deg=-40)
    moonlit = sky_mag("V", sun_deg=-40, moon_deg=60, moon_lit=1.0, apart_deg=60, altitude_deg=60)
    assert dark == pytest.approx(21.7)
    assert 17.2 < moonlit < 18.8
    assert sky_mag("V", sun_deg=-40, moon_deg=60, moon_lit=0.5, apart_deg=60) > moonlit + 1.5
    assert sky_mag("V", sun_deg=-40, moon_deg=-1, moon_lit=1.0) == dark


def test_twilight_fades_steadily_into_the_night() -> None:
    sun = np.arange(-4.0, -25.0, -0.25)
    mags = np.array([sky_mag("V", sun_deg=float(each)) for each in sun])
    assert np.all(np.diff(mags) >= 0)
    assert sky_mag("V", sun_deg=-5) == pytest.approx(11.84, abs=0.01)
    assert sky_mag("V", sun_deg=-12) == pytest.approx(19.6, abs=0.3)
    assert mags[-1] == pytest.approx(21.7)


def test_seeing_grows_with_the_airmass_to_the_power_of_three_fifths() -> None:
    assert CALM.fwhm_arcsec(0, 2.0) == pytest.approx(2.0 * 2**0.6)
    drawn = draw_weather(2.0, 0.0, [400.0, 700.0, 1000.0], 5)
    course = np.array([drawn.fwhm_arcsec(m, 1.0) for m in np.arange(400.0, 1000.0, 5.0)])
    assert 0.02 < course.std() / course.mean() < 0.3
    assert np.abs(np.diff(course)).max() < 0.2


def test_extinction_is_the_bands_for_each_airmass_and_the_cloud_passes() -> None:
    steps = [CALM.extinction("B", 0.0, airmass) for airmass in (1.0, 2.0, 3.0)]
    assert np.diff(steps) == pytest.approx([0.25, 0.25])
    cloudy = draw_weather(2.0, 1.5, [400.0, 700.0, 1000.0], 5)
    course = [cloudy.cloud(m) for m in np.arange(300.0, 1100.0, 1.0)]
    assert max(course) == pytest.approx(1.5, abs=0.01) and min(course) < 0.05


def test_the_zero_point_is_that_of_the_area() -> None:
    # 100 mm gather 100 times less than a metre
    assert zero_point("V", 1000, 0.5) - zero_point("V", 100, 0.5) == pytest.approx(5.0)
    assert zero_point("V", 1000, 1.0) == pytest.approx(24.6, abs=0.1)
    assert zero_point("V", 100, 0.5) > zero_point("Ha", 100, 0.5) + 3
