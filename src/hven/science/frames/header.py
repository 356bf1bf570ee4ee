"""What header cards mean: one reading for FITS cards and picture tags.

For every quantity the keywords are tried in order and the first sensible value wins; `Meaning.sources` names
the keyword. Values that cannot be (a negative exposure, a latitude of 200 degrees) count as absent.

Conventions that differ between programs, and the choice made here:

- XPIXSZ is the size of a binned pixel (SBFITSEXT, MaxIm DL, N.I.N.A., SharpCap), PIXSIZE1 and PIXSIZE that of a
  physical one (INDI); a comment that says "unbinned" decides otherwise.
- RA as text with colons or blanks is in hours; as a number in degrees, unless its comment speaks of hours or
  another card shows that it is 15 times too small.
- GAIN is electrons per ADU only where its comment or its size allows that: CMOS cameras write a setting there.
- East longitude is positive unless the comment says west. A pointing of exactly (0, 0) is a default, not a place.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from hven.science.frames import times
from hven.science.frames.cards import as_mapping
from hven.science.frames.equipment import read_detector, read_optics, read_site
from hven.science.frames.fields import Fields
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs

START = ("DATE-BEG", "DATE-OBS", "DATE_OBS", "DATEOBS", "DATE-STA", "DATE_BEG", "UTC-OBS")
MIDDLE = ("DATE-AVG", "DATE-MID", "DATE_MID", "DATE_AVG")
END = ("DATE-END", "DATE_END", "DATE-STO")
CLOCK = (
    "TIME-OBS", "UT-OBS", "UT", "UTC", "UTSTART", "TIME_OBS", "UTC-STAR", "TIME-BEG", "EXPSTART", "UTIME",
    "UT1", "TIME",
)  # fmt: skip
START_DAY = ("MJD-BEG", "MJD-OBS", "MJD_OBS", "MJDOBS", "MJD", "JD", "JD-OBS", "JD_OBS", "JULIAN", "JD_UTC")
MIDDLE_DAY = ("MJD-AVG", "MJD-MID", "MJD_MID", "JD-MID", "JD_MID", "JDMID", "JD-AVG")
END_DAY = ("MJD-END", "MJD_END", "JD-END", "JD_END")
EXPOSURE = (
    "EXPTIME", "EXPOSURE", "XPOSURE", "EXP_TIME", "EXPTIM", "ITIME", "TEXP", "INTTIME", "TELAPSE", "EXPOINUS",
    "ExposureTime",
)  # fmt: skip
FILTER = ("FILTER", "FILTNAM", "FILTNAME", "FILTER1", "FILTERS", "INSFLNAM", "FILTERID", "FILTER2", "BAND")
OBJECT = ("OBJECT", "OBJNAME", "TARGNAME", "TARGET", "OBJ-NAME")
TYPE = ("IMAGETYP", "IMAGTYP", "IMGTYPE", "IMTYPE", "OBSTYPE", "OBS-TYPE", "FRAME", "EXPTYPE")
POINTINGS = (
    ("RA", "DEC"), ("OBJCTRA", "OBJCTDEC"), ("RA_DEG", "DEC_DEG"), ("TELRA", "TELDEC"), ("RA-TEL", "DEC-TEL"),
    ("RA-MNT", "DEC-MNT"), ("CENTRA", "CENTDEC"), ("RA_TARG", "DEC_TARG"), ("RA_OBJ", "DEC_OBJ"),
    ("OBJRA", "OBJDEC"), ("CAT-RA", "CAT-DEC"), ("RA_PNT", "DEC_PNT"), ("MOUNTRA", "MOUNTDEC"),
)  # fmt: skip


def meaning_of(cards: tuple[Card, ...], width: int, height: int) -> Meaning:
    """Return what the cards of a frame of width x height pixels say."""
    fields = Fields(cards)
    found: dict[str, Any] = {}
    _times(fields, found)
    for name, keys in (("filter", FILTER), ("object_name", OBJECT), ("image_type", TYPE)):
        found[name] = fields.text(name, keys)
    wcs = _roughly(as_mapping(cards), width, height)
    found["ra"], found["dec"] = _pointing(fields, wcs)
    read_optics(fields, found, wcs, width, height)
    read_detector(fields, found)
    read_site(fields, found)
    return Meaning(**{k: v for k, v in found.items() if v is not None}, sources=fields.sources)


def wcs_from(frame: Frame) -> Wcs | None:
    """Return the TAN or TAN-SIP projection that the header carries, unverified; None where it has none."""
    return Wcs.from_cards(as_mapping(frame.cards), frame.width, frame.height)


# --- time ---------------------------------------------------------------------------------------------------


def _times(fields: Fields, found: dict[str, Any]) -> None:
    exposure = fields.number("exposure_s", EXPOSURE, 0.0, 1e6, unit=_seconds)
    scale = str(fields.value("TIMESYS") or "UTC")
    start = _moment(fields, "start", START, START_DAY, scale) or _exif_moment(fields)
    middle = _moment(fields, "middle", MIDDLE, MIDDLE_DAY, scale)
    end = _moment(fields, "end", END, END_DAY, scale)
    if exposure is None and start and end and start <= end:
        exposure = (end - start).total_seconds()
        fields.sources["exposure_s"] = f"{fields.sources['start']}, {fields.sources['end']}"
    length = None if exposure is None else timedelta(seconds=exposure)
    if start is None and length is not None:
        if middle:
            start, fields.sources["start"] = middle - length / 2, f"exposure and {fields.sources['middle']}"
        elif end:
            start, fields.sources["start"] = end - length, f"exposure and {fields.sources['end']}"
    if start is not None and length is not None:
        middle = middle or start + length / 2
        end = end or start + length
    found.update(exposure_s=exposure, start=start, middle=middle, end=end)


def _moment(fields: Fields, name: str, dates: tuple[str, ...], days: tuple[str, ...], scale: str) -> datetime | None:
    date_only = None
    for key in dates:
        value = fields.value(key)
        parsed = times.parse_date(value) if isinstance(value, str) else None
        if parsed is None:
            continue
        moment, with_clock = parsed
        if with_clock:
            fields.sources[name] = key
            return times.to_utc(moment, scale)
        date_only = date_only or (key, moment)
    if name == "start" and date_only:
        for key in CLOCK:
            clock = _clock(fields.value(key), date_only[1])
            if clock is not None:
                fields.sources[name] = f"{date_only[0]}, {key}"
                return times.to_utc(clock, scale)
    for key in days:
        moment_or_none = times.from_day_number(fields.value(key))
        if moment_or_none is not None:
            fields.sources[name] = key
            return times.to_utc(moment_or_none, scale)
    if date_only:
        fields.sources[name] = f"{date_only[0]} (a date only)"
        return date_only[1]
    return None


def _clock(value: Any, date: datetime) -> datetime | None:
    if not isinstance(value, str):
        return None
    full = times.parse_date(value)
    if full is not None:
        return full[0] if full[1] else None
    clock = times.parse_clock(value)
    return None if clock is None else date + clock


def _exif_moment(fields: Fields) -> datetime | None:
    for key, zone_key, part_key in (
        ("DateTimeOriginal", "OffsetTimeOriginal", "SubsecTimeOriginal"),
        ("DateTimeDigitized", "OffsetTimeDigitized", "SubsecTimeDigitized"),
    ):
        parsed = times.parse_date(str(fields.value(key) or ""))
        if parsed is None or not parsed[1]:
            continue
        moment = parsed[0]
        part = str(fields.value(part_key) or "").strip()
        if part.isdecimal() and len(part) <= 9:
            moment += timedelta(seconds=float(f"0.{part}"))
        zone = times.zone_of(str(fields.value(zone_key) or ""))
        if zone is None:
            fields.sources["start"] = f"{key} (no time zone: taken as UTC)"
            return moment
        fields.sources["start"] = f"{key}, {zone_key}"
        return moment - (zone.utcoffset(None) or timedelta())
    return None


def _seconds(key: str, comment: str) -> float:
    low = comment.lower()
    if key == "EXPOINUS" or re.search(r"\b(us|usec|microsec\w*)\b", low):
        return 1e-6
    if re.search(r"\b(ms|msec|millisec\w*)\b", low):
        return 1e-3
    return 60.0 if re.search(r"\b(min|mins|minutes?)\b", low) else 1.0


# --- pointing -----------------------------------------------------------------------------------------------


def _pointing(fields: Fields, wcs: Wcs | None) -> tuple[float | None, float | None]:
    candidates = []
    for ra_key, dec_key in POINTINGS:
        ra, ra_hours = fields.angle(ra_key, hours=True)
        dec, _ = fields.angle(dec_key)
        if ra is None or dec is None or abs(dec) > 90 or not -180 <= ra <= 360 or (ra == 0 and dec == 0):
            continue
        candidates.append((ra % 360, dec, ra_hours, f"{ra_key}, {dec_key}"))
    sure = [c for c in candidates if c[2]] + ([(*wcs.centre, True, "")] if wcs else [])
    for ra, dec, certain, source in candidates:
        as_hours = ra * 15
        # A plain number below 24 may be hours: another card that is sure of its unit decides
        if (
            not certain
            and ra < 24
            and any(separation(as_hours, dec, s[0], s[1]) < 2 < separation(ra, dec, s[0], s[1]) for s in sure)
        ):
            ra = as_hours  # noqa: PLW2901  # the corrected value of this candidate
        fields.sources["ra"] = fields.sources["dec"] = source
        return _precessed(ra, dec, fields)
    if wcs is not None:
        fields.sources["ra"] = fields.sources["dec"] = "WCS"
        return wcs.centre
    ra, dec = fields.peek("CRVAL1"), fields.peek("CRVAL2")
    celestial = str(fields.value("CTYPE1")).startswith("RA--") and str(fields.value("CTYPE2")).startswith("DEC-")
    if celestial and ra is not None and dec is not None and abs(dec) <= 90 and -180 <= ra <= 360:
        fields.sources["ra"] = fields.sources["dec"] = "CRVAL1, CRVAL2"
        return ra % 360, dec
    return None, None


def _roughly(mapping: dict[str, Any], width: int, height: int) -> Wcs | None:
    """Return the header's projection; one of another kind (TPV, ZPN, SIN...) as if it were TAN, to look near."""
    ctypes = str(mapping.get("CTYPE1", "")), str(mapping.get("CTYPE2", ""))
    if ctypes[0].startswith("RA--") and ctypes[1].startswith("DEC-") and not ctypes[0].startswith("RA---TAN"):
        mapping = {**mapping, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    return Wcs.from_cards(mapping, width, height)


def _precessed(ra: float, dec: float, fields: Fields) -> tuple[float, float]:
    """Bring a position of another equinox to J2000 (Lieske et al. 1977, A&A 58, 1): arcseconds are enough."""
    equinox = fields.peek("EQUINOX") or fields.peek("EPOCH") or 2000.0
    if not 1800 <= equinox <= 2100 or equinox == 2000:
        return ra, dec
    t = (equinox - 2000.0) / 100.0
    zeta, z, theta = (
        np.radians((a * t + b * t**2 + c * t**3) / 3600)
        for a, b, c in (
            (2306.2181, 0.30188, 0.017998), (2306.2181, 1.09468, 0.018203), (2004.3109, -0.42665, -0.041833)
        )
    )  # fmt: skip
    lon, lat = np.radians(ra) - z, np.radians(dec)  # backwards: from the equinox to J2000
    a = np.cos(lat) * np.sin(lon)
    b = np.cos(theta) * np.cos(lat) * np.cos(lon) + np.sin(theta) * np.sin(lat)
    c = -np.sin(theta) * np.cos(lat) * np.cos(lon) + np.cos(theta) * np.sin(lat)
    return float(np.degrees(np.arctan2(a, b) - zeta) % 360), float(np.degrees(np.arctan2(c, np.hypot(a, b))))
