"""The header of a simulated night's frame: the cards that real cameras' programs write, in their spelling."""

from datetime import timedelta
from typing import Any

import numpy as np

from hven.science.simulate.night.plan import NightPlan
from hven.science.simulate.night.schedule import Take

Cards = dict[str, tuple[Any, str]]
_TYPES = {"bias": "Bias Frame", "dark": "Dark Frame", "flat": "Flat Field", "light": "Light Frame"}


def cards_of(plan: NightPlan, take: Take, temperature_c: float, pointing: tuple[float, float] | None) -> Cards:
    """Return the cards of a frame: value and comment.

    Parameters
    ----------
    plan, take
        Whose frame it is.
    temperature_c
        Of the sensor.
    pointing
        ICRS degrees of the place where the mount believes to point; None for frames that show no stars.
    """
    camera, place = plan.camera, plan.place
    # The clock of a camera's computer shows the time of a zone.
    zone = timedelta(hours=round(place.longitude_deg / 15))
    cards: Cards = {
        "IMAGETYP": (_TYPES[take.kind], "type of image"),
        "DATE-OBS": (_stamp(take.start), "UTC, start of exposure"),
        "DATE-LOC": (_stamp(take.start + zone), "local time, start of exposure"),
        "EXPTIME": (take.exposure_s, "[s] exposure"),
        "EXPOSURE": (take.exposure_s, "[s] exposure"),
        "FILTER": (take.filter, "in the wheel"),
        "OBSERVER": (plan.observer, ""),
        "TELESCOP": (camera.telescope, ""),
        "INSTRUME": (camera.name, ""),
        "FOCALLEN": (round(camera.focal_mm, 3), "[mm] focal length"),
        "FOCRATIO": (round(camera.focal_mm / camera.aperture_mm, 2), "focal ratio"),
        "APTDIA": (round(camera.aperture_mm, 2), "[mm] aperture"),
        "XPIXSZ": (camera.pixel_um, "[um] of a binned pixel"),
        "YPIXSZ": (camera.pixel_um, "[um] of a binned pixel"),
        "XBINNING": (1, ""),
        "YBINNING": (1, ""),
        "GAIN": (camera.setting, "sensor gain setting"),
        "EGAIN": (camera.gain, "[e-/ADU] electrons per ADU"),
        "RDNOISE": (camera.read_noise_e, "[e-] read noise"),
        "SET-TEMP": (camera.temperature_c, "[degC] set temperature of the sensor"),
        "CCD-TEMP": (round(temperature_c, 2), "[degC] temperature of the sensor"),
        "SITELAT": (place.latitude_deg, "[deg] latitude"),
        "SITELONG": (place.longitude_deg, "[deg] longitude, east positive"),
        "SITEELEV": (place.height_m, "[m] height"),
        "SWCREATE": ("hven simulate night", "program that wrote this file"),
    }
    if take.target is not None and pointing is not None:
        cards |= {
            "OBJECT": (take.target.name, "target"),
            "OBJCTRA": (_sexagesimal(take.target.ra / 15, 2), "[h m s] of the target"),
            "OBJCTDEC": (_sexagesimal(take.target.dec, 1, signed=True), "[d m s] of the target"),
            "RA": (round(pointing[0] % 360, 6), "[deg] of the mount"),
            "DEC": (round(pointing[1], 6), "[deg] of the mount"),
            "EQUINOX": (2000.0, ""),
            "AIRMASS": (round(take.airmass, 4), "at the middle of the exposure"),
            "CENTALT": (round(take.altitude_deg, 3), "[deg] altitude of the target"),
            "CENTAZ": (round(take.azimuth_deg, 3), "[deg] azimuth of the target, from north by east"),
            "PIERSIDE": ("West" if before_meridian(take) else "East", "side of the pier"),
        }
    return cards


def before_meridian(take: Take) -> bool:
    """Say whether a target has not yet passed the meridian, where a German mount turns over."""
    return take.azimuth_deg < 180


def _stamp(moment: Any) -> str:
    return str(moment.isoformat(timespec="milliseconds").replace("+00:00", ""))


def _sexagesimal(value: float, digits: int, *, signed: bool = False) -> str:
    """Return hours or degrees as "05 34 31.94" or "+22 00 52.2"."""
    unit = 10**digits
    whole, rest = divmod(round(abs(value) * 3600 * unit), 3600 * unit)
    minutes, seconds = divmod(rest, 60 * unit)
    sign = ("-" if np.signbit(value) else "+") if signed else ""
    return f"{sign}{whole:02d} {minutes:02d} {seconds / unit:0{digits + 3}.{digits}f}"
