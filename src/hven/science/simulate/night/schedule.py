"""When each frame of a night is taken: bias and darks before sunset, flats at dusk, targets in the dark hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from hven.errors import Invalid
from hven.science.simulate.night.conditions import sky_mag, zero_point
from hven.science.simulate.night.plan import NightPlan
from hven.science.simulate.night.targets import Target, choose_targets, in_turn, named_targets
from hven.science.sky.almanac import Night, airmass, night_at, track_at

Kind = Literal["bias", "dark", "flat", "light"]

FLAT_LEVEL = 0.4  # of the saturation
_READ_S, _MOVE_S = 4.0, 9.0  # between two frames; between two of the sky, which are dithered
_FLAT_S = (0.2, 30.0)  # the shortest and longest exposure of a flat
_PANEL_S = 3.0  # of flats of a panel, where no twilight is bright enough
_BEFORE_SUNSET = timedelta(minutes=15)
_SETTLE = timedelta(minutes=10)  # of the dark hours, beside what the frames need
# The Sun's altitudes of which the lowest is taken that leaves time enough: it does not get dark everywhere.
_DARK = (-18.0, -15.0, -12.0, -9.0, -6.0)


@dataclass(frozen=True, slots=True)
class Take:
    """One frame to be taken."""

    kind: Kind
    number: int  # of its kind, exposure, filter and target, from 1
    start: datetime  # UTC
    exposure_s: float
    filter: str  # in the wheel; of bias and darks as well
    sun_deg: float  # altitudes at its middle
    moon_deg: float
    target: Target | None = None  # of lights; so are the next ones
    altitude_deg: float = 90.0
    azimuth_deg: float = 0.0  # from north by east
    moon_apart_deg: float = 90.0

    @property
    def middle(self) -> datetime:
        """The middle of the exposure, UTC."""
        return self.start + timedelta(seconds=self.exposure_s / 2)

    @property
    def end(self) -> datetime:
        """The end of the exposure, UTC."""
        return self.start + timedelta(seconds=self.exposure_s)

    @property
    def airmass(self) -> float:
        """Of the target."""
        return float(airmass(self.altitude_deg))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A night's frames in the order in which they are taken."""

    plan: NightPlan
    sky: Night  # Sun and Moon
    dark: tuple[datetime, datetime]  # the hours used for targets
    takes: tuple[Take, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets in turn."""
        return tuple(dict.fromkeys(take.target for take in self.takes if take.target is not None))

    def minutes(self, moment: datetime) -> float:
        """Return minutes since the night's noon."""
        return (moment - self.sky.start).total_seconds() / 60


def schedule(plan: NightPlan) -> Schedule:
    """Return when each frame of a plan is taken.

    Raises
    ------
    Invalid
        The night is too short or never dark, or a target does not rise high enough.
    """
    sky = night_at(plan.place, plan.night)
    takes = list(_before_sunset(plan, sky))
    takes += _flats(plan, sky, takes[-1].end if takes else sky.start)
    free = takes[-1].end + timedelta(minutes=2) if takes else sky.start
    dark = _dark_hours(plan, sky, free)
    if plan.lights:
        takes += _lights(plan, sky, dark)
    return Schedule(plan, sky, dark, tuple(takes))


# --- calibrations --------------------------------------------------------------------------------------------------


def _before_sunset(plan: NightPlan, sky: Night) -> Iterator[Take]:
    length = plan.bias * _READ_S + plan.darks * (plan.exposure_s + _READ_S)
    sunset = sky.crossings(-0.833)[0] or sky.start + timedelta(hours=4)
    begin = sunset - _BEFORE_SUNSET - timedelta(seconds=length)
    earliest = sky.start + timedelta(minutes=5)
    if begin < earliest:
        begin = earliest
        if begin + timedelta(seconds=length) > sunset:
            raise Invalid("The afternoon is too short for so many darks; ask for fewer or shorter ones.")
    clock = begin.replace(microsecond=0)  # that headers, which say milliseconds, are exact
    for kind, count, exposure_s in (("bias", plan.bias, 0.0), ("dark", plan.darks, plan.exposure_s)):
        for number in range(1, count + 1):
            sun_deg, moon_deg = _lamps(sky, clock)
            yield Take("bias" if kind == "bias" else "dark", number, clock, exposure_s, plan.filters[0],
                       sun_deg, moon_deg)  # fmt: skip
            clock += timedelta(seconds=exposure_s + _READ_S)


def _flats(plan: NightPlan, sky: Night, after: datetime) -> Iterator[Take]:
    """Yield flats of the evening's sky: the filter that lets the least light through comes first."""
    if not plan.flats:
        return
    names = sorted(plan.filters, key=lambda name: flat_rate(plan, name, -6.0))
    clock = max(after + timedelta(minutes=1), sky.crossings(-0.833)[0] or after)
    end = sky.start + timedelta(hours=12)
    while flat_exposure(plan, names[0], _lamps(sky, clock)[0]) < 1.0 and clock < end:
        clock += timedelta(seconds=30)
    clock = clock.replace(microsecond=0)
    for name in names:
        for number in range(1, plan.flats + 1):
            sun_deg, moon_deg = _lamps(sky, clock)
            exposure_s = flat_exposure(plan, name, sun_deg)
            yield Take("flat", number, clock, exposure_s, name, sun_deg, moon_deg)
            clock += timedelta(seconds=exposure_s + _READ_S)


def flat_rate(plan: NightPlan, name: str, sun_deg: float) -> float:
    """Return the electrons per second and pixel that the zenith gives with the Sun at an altitude."""
    camera = plan.camera
    mag = sky_mag(name, sun_deg=sun_deg) - zero_point(name, camera.aperture_mm, camera.efficiency)
    return 10 ** (-0.4 * mag) * camera.scale_arcsec**2


def flat_exposure(plan: NightPlan, name: str, sun_deg: float) -> float:
    """Return the seconds that a flat needs, in hundredths; those of a panel where the sky is too dark."""
    wanted_s = flat_electrons(plan) / flat_rate(plan, name, sun_deg)
    if wanted_s > _FLAT_S[1]:
        return _PANEL_S
    return round(max(wanted_s, _FLAT_S[0]), 2)


def flat_electrons(plan: NightPlan) -> float:
    """Return the electrons per pixel that a flat shall have in the middle."""
    camera = plan.camera
    return (FLAT_LEVEL * camera.saturation_adu - camera.bias_adu) * camera.gain


# --- lights --------------------------------------------------------------------------------------------------------


def _dark_hours(plan: NightPlan, sky: Night, free: datetime) -> tuple[datetime, datetime]:
    """Return the darkest hours of a night that are long enough."""
    needed = plan.target_count * _block(plan) + _SETTLE
    longest = timedelta()
    for limit in _DARK:
        if bool((sky.sun_deg < limit).all()):
            down, up = sky.start + timedelta(hours=6), sky.start + timedelta(hours=18)
        else:
            evening, morning = sky.crossings(limit)
            if evening is None or morning is None:
                continue
            down, up = evening, morning
        down = max(down, free)
        longest = max(longest, up - down)
        if up - down >= needed:
            return down, up
    if not plan.lights:
        return free, max(free, sky.start + timedelta(hours=18))
    raise Invalid(
        f"The frames of the targets take {_hours(needed)}, and at that site on that date the Sun is"
        f" {-_DARK[-1]:g} degrees below the horizon for {_hours(longest)} at most; ask for fewer or shorter frames,"
        " or for another date."
    )


def _lights(plan: NightPlan, sky: Night, dark: tuple[datetime, datetime]) -> Iterator[Take]:
    begins = _turns(plan, sky, dark)
    middles = [begin + _block(plan) / 2 for begin in begins]
    if plan.targets:
        targets = in_turn(named_targets(plan.targets), plan.place, middles)
    else:
        # Fields a little smaller, so that an object does not fill its frame.
        targets = choose_targets(plan.place, middles, 0.8 * plan.camera.width_deg, (plan.seed, 2))
    step = timedelta(seconds=plan.exposure_s + _MOVE_S)
    to_middle = timedelta(seconds=plan.exposure_s / 2)
    for begin, target in zip(begins, targets, strict=True):
        order = [(number, name) for number in range(1, plan.lights + 1) for name in plan.filters]
        minutes = np.arange(len(order)) * step.total_seconds() / 60
        track = track_at(plan.place, begin + to_middle, minutes, target.ra, target.dec)
        for k, (number, name) in enumerate(order):
            start = begin + k * step
            sun_deg, moon_deg = _lamps(sky, start + to_middle)
            yield Take(
                "light", number, start, plan.exposure_s, name, sun_deg, moon_deg, target,
                float(track.altitude_deg[k]), float(track.azimuth_deg[k]), float(track.moon_deg[k]),
            )  # fmt: skip


def _block(plan: NightPlan) -> timedelta:
    """Return how long one target takes."""
    return plan.lights * len(plan.filters) * timedelta(seconds=plan.exposure_s + _MOVE_S)


def _turns(plan: NightPlan, sky: Night, dark: tuple[datetime, datetime]) -> list[datetime]:
    """Return when each target's turn begins: spread over the dark hours, the middle one across local midnight."""
    (down, up), length, count = dark, _block(plan), plan.target_count
    slot = (up - down) / count
    begins = [down + slot * (k + 0.5) - length / 2 for k in range(count)]
    if count % 2:
        middle = count // 2
        first = begins[middle - 1] + length if middle else down
        last = begins[middle + 1] - length if middle else up - length
        begins[middle] = min(max(sky.start + timedelta(hours=12) - length / 2, first), last)
    return [begin.replace(microsecond=0) for begin in begins]


def _lamps(sky: Night, moment: datetime) -> tuple[float, float]:
    """Return the altitudes of Sun and Moon."""
    minutes = (moment - sky.start).total_seconds() / 60
    return (float(np.interp(minutes, sky.minutes, sky.sun_deg)), float(np.interp(minutes, sky.minutes, sky.moon_deg)))


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:.1f} hours"
