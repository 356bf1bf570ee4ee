"""Sun, Moon and targets above a horizon: twilights, altitudes, airmass, through one night at one place.

Positions come from astropy's built-in ephemeris. Times are UTC taken as UT1 (they differ by less than a second, which
moves the sky by 15 arcseconds), so that nothing is fetched; refraction is left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.nights import night_bounds

Floats = NDArray[np.float64]
STEP_MINUTES = 5
TWILIGHTS = (("sunset", -0.833), ("civil", -6.0), ("nautical", -12.0), ("astronomical", -18.0))  # degrees of the Sun


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands."""

    longitude_deg: float  # east positive
    latitude_deg: float
    height_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Night:
    """Sun and Moon through a night; arrays of one length n, from noon to noon."""

    start: datetime  # the noon
    minutes: Floats  # (n,), since then
    sun_deg: Floats  # altitudes
    moon_deg: Floats
    moon_lit: float  # share of its disc at midnight, 0 to 1

    def crossings(self, altitude_deg: float) -> tuple[datetime | None, datetime | None]:
        """Return when the Sun goes below an altitude and comes up again; None where it does not."""
        below = self.sun_deg < altitude_deg
        if below.all() or not below.any():
            return None, None
        down = np.flatnonzero(~below[:-1] & below[1:])
        up = np.flatnonzero(below[:-1] & ~below[1:])
        return self._moment(down, altitude_deg, 0), self._moment(up, altitude_deg, -1)

    def always_below(self, altitude_deg: float) -> bool:
        """Say whether the Sun stays below an altitude from noon to noon."""
        return bool((self.sun_deg < altitude_deg).all())

    def _moment(self, at: NDArray[np.intp], altitude_deg: float, which: int) -> datetime | None:
        if not at.size:
            return None
        k = int(at[which])
        a, b = self.sun_deg[k], self.sun_deg[k + 1]
        share = float((altitude_deg - a) / (b - a))
        return self.start + timedelta(minutes=float(self.minutes[k] + share * (self.minutes[k + 1] - self.minutes[k])))


@dataclass(frozen=True, slots=True)
class Track:
    """A target's way over the sky; arrays of one length n."""

    altitude_deg: Floats
    azimuth_deg: Floats  # from north by east
    moon_deg: Floats  # how far the Moon is from it


def night_at(place: Place, night: date) -> Night:
    """Return Sun and Moon through the night that begins at this date's noon."""
    from astropy.coordinates import get_body  # noqa: PLC0415 - heavy; only nights need it

    start, end = night_bounds(night, place.longitude_deg)
    minutes = np.arange(0, (end - start).total_seconds() / 60 + 1e-6, STEP_MINUTES)
    with _offline():
        times, frame = _frame(place, start, minutes)
        location = frame.location
        sun = get_body("sun", times, location)
        moon = get_body("moon", times, location)
        sun_deg = np.asarray(sun.transform_to(frame).alt.deg, float)
        moon_deg = np.asarray(moon.transform_to(frame).alt.deg, float)
        middle = minutes.size // 2
        apart = float(sun[middle].separation(moon[middle]).rad)
    return Night(start, minutes, sun_deg, moon_deg, float((1 - np.cos(apart)) / 2))


def track_at(place: Place, start: datetime, minutes: Floats, ra: float, dec: float) -> Track:
    """Return a target's way over the sky, at minutes (n,) after a moment; its place is ICRS degrees."""
    from astropy.coordinates import SkyCoord, get_body  # noqa: PLC0415 - as above

    with _offline():
        times, frame = _frame(place, start, np.asarray(minutes, float))
        target = SkyCoord(ra, dec, unit="deg").transform_to(frame)
        moon = get_body("moon", times, frame.location).transform_to(frame)
        apart = np.asarray(target.separation(moon).deg, float)
    return Track(np.asarray(target.alt.deg, float), np.asarray(target.az.deg, float), apart)


def airmass(altitude_deg: Floats | float) -> Floats:
    """Return the airmass of altitudes (Pickering 2002, DIO 12, 20); infinity below the horizon."""
    altitude = np.asarray(altitude_deg, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = 1 / np.sin(np.radians(altitude + 244 / (165 + 47 * np.abs(altitude) ** 1.1)))
    return np.where(altitude > 0, found, np.inf)


def _frame(place: Place, start: datetime, minutes: Floats) -> tuple[Any, Any]:
    from astropy import units as u  # noqa: PLC0415 - as above
    from astropy.coordinates import AltAz, EarthLocation  # noqa: PLC0415 - as above
    from astropy.time import Time  # noqa: PLC0415 - as above

    location = EarthLocation.from_geodetic(place.longitude_deg, place.latitude_deg, place.height_m)
    times = Time(start.astimezone(UTC).replace(tzinfo=None)) + np.asarray(minutes, float) * u.minute
    times.delta_ut1_utc = np.zeros(times.shape)
    return times, AltAz(obstime=times, location=location)


class _offline:  # noqa: N801 - read as a word: with _offline()
    """Keeps astropy from asking for tables of the Earth's rotation."""

    def __enter__(self) -> None:
        from astropy.utils import iers  # noqa: PLC0415 - as above

        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        self._download = iers.conf.set_temp("auto_download", False)
        self._download.__enter__()
        self._age = iers.conf.set_temp("iers_degraded_accuracy", "ignore")
        self._age.__enter__()

    def __exit__(self, *problem: object) -> None:
        for each in (self._age, self._download, self._warnings):
            each.__exit__(None, None, None)
