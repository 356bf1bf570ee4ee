"""A target through a night at a place, as a drawing: its altitude and airmass, the Moon, what the horizon hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from django.core.cache import cache

from hven.science.sky.almanac import TWILIGHTS, Night, Track, airmass, night_at, track_at
from hven.science.sky.horizon import clear_spells, horizon_at
from hven.science.sky.nights import night_of
from hven.sites.models import Site
from hven.web.axes import Axis, Band, darkness, line, night_axis

HEIGHT = 240.0  # pixels
_AIRMASSES = (1.0, 1.1, 1.3, 1.5, 2.0, 3.0, 5.0)
_KEPT_S = 3600  # an almanac does not change


@dataclass(frozen=True, slots=True)
class Almanac:
    """When the Sun and the Moon go and come in one night."""

    night: date
    rows: list[tuple[str, datetime | None, datetime | None, bool]]  # what, evening, morning, whether all night long
    moon_lit: float  # 0 to 1
    moon_up: list[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class SkyPlot:
    """The drawing of one night; lines are points in a box of 1000 by HEIGHT."""

    axis: Axis
    ticks: list[tuple[float, str]]
    bands: list[Band]
    moon: str
    target: str
    hidden: str  # the horizon's mask where the target stands
    airmasses: list[tuple[float, str]]  # pixels from the top, words
    altitudes: list[tuple[float, str]]
    best: (
        tuple[datetime, float, float, float] | None
    )  # when it is highest while clear; altitude, airmass, Moon's distance
    spells: list[tuple[datetime, datetime]]
    always: bool  # clear and dark from noon to noon
    height: float = HEIGHT


def tonight(site: Site, moment: datetime) -> date:
    """Return the date of the night under way at a site, or of the coming one."""
    return night_of(moment, site.longitude_deg or 0.0)


def sky_night(site: Site, night: date) -> Night:
    """Return Sun and Moon through a night at a placed site; kept for an hour."""
    place = site.place
    key = f"almanac-{place.longitude_deg:.4f}-{place.latitude_deg:.4f}-{place.height_m:.0f}-{night}"
    kept: Night | None = cache.get(key)
    if kept is None:
        kept = night_at(place, night)
        cache.set(key, kept, _KEPT_S)
    return kept


def almanac(sky: Night, night: date) -> Almanac:
    """Return twilights and the Moon as rows."""
    words = {"sunset": "Sun", "civil": "Civil twilight", "nautical": "Nautical twilight", "astronomical": "Dark"}
    rows = [(words[name], *sky.crossings(limit), sky.always_below(limit)) for name, limit in TWILIGHTS]
    up = Track(sky.moon_deg, np.zeros_like(sky.moon_deg), np.zeros_like(sky.moon_deg))
    return Almanac(night, rows, sky.moon_lit, clear_spells(sky, up, sun_deg=91.0))


def sky_plot(site: Site, sky: Night, target: tuple[float, float] | None) -> SkyPlot | None:
    """Return the drawing of a night at a placed site, with a target (ICRS degrees) where one is given."""
    axis = night_axis(sky, ())
    if axis is None:
        return None
    track = None if target is None else track_at(site.place, sky.start, sky.minutes, *target)
    spells, best = [], None
    if track is not None:
        spells = clear_spells(sky, track, site.horizon)
        best = _best(sky, track, spells)
    return SkyPlot(
        axis=axis,
        ticks=axis.ticks(),
        bands=darkness(sky, axis),
        moon=line(axis, sky.start, sky.minutes, sky.moon_deg, HEIGHT),
        target="" if track is None else line(axis, sky.start, sky.minutes, track.altitude_deg, HEIGHT),
        hidden="" if track is None or not site.horizon
        else line(axis, sky.start, sky.minutes, horizon_at(site.horizon, track.azimuth_deg), HEIGHT),
        airmasses=[(_up(_altitude_of(each)), f"{each:g}") for each in _AIRMASSES],
        altitudes=[(_up(each), f"{each}°") for each in (15, 30, 45, 60, 75)],
        best=best,
        spells=spells,
        always=bool(spells) and spells[0][1] - spells[0][0] >= timedelta(hours=23, minutes=50),
    )  # fmt: skip


def horizon_points(points: Sequence[Sequence[float]]) -> str:
    """Return a horizon's mask as points of a chart of 200 by 200: north up, east left, the zenith in the middle."""
    azimuths = np.arange(0.0, 361.0, 2.0)
    distance = (90.0 - np.clip(horizon_at(points, azimuths), 0.0, 90.0)) / 90.0 * 92.0
    x = 100.0 - distance * np.sin(np.radians(azimuths))
    y = 100.0 - distance * np.cos(np.radians(azimuths))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _best(
    sky: Night, track: Track, spells: Sequence[tuple[datetime, datetime]]
) -> tuple[datetime, float, float, float] | None:
    moments = [sky.start + timedelta(minutes=float(m)) for m in sky.minutes]
    inside = [k for k, at in enumerate(moments) if any(first <= at <= last for first, last in spells)]
    if not inside:
        return None
    k = max(inside, key=lambda index: float(track.altitude_deg[index]))
    altitude = float(track.altitude_deg[k])
    return moments[k], altitude, float(airmass(altitude)), float(track.moon_deg[k])


def _altitude_of(wanted: float) -> float:
    """Return the altitude in degrees at which the airmass is this."""
    altitudes = np.linspace(90.0, 5.0, 851)
    return float(altitudes[int(np.argmin(np.abs(airmass(altitudes) - wanted)))])


def _up(altitude: float) -> float:
    return round(HEIGHT * (1 - altitude / 90), 1)
