"""Times as headers write them, among them the malformed ones of real files, as aware UTC."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

EARLIEST, LATEST = 1840, 2150  # the first daguerreotypes of the sky; beyond both a date is a mistake
MAX_TEXT = 80  # characters looked at
MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)

_YEAR_FIRST = re.compile(r"(\d{4})[-/:.](\d{1,2})[-/:.](\d{1,2})(?![\d])")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?=T|\s|$)")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2,4})(?!\d)")
_CLOCK = re.compile(r"(\d{1,2})[:hH ]\s*(\d{1,2})(?:[:mM ]\s*(\d{1,2}(?:[.,]\d*)?))?\s*[sS]?")
_CLOCK_COMPACT = re.compile(r"(\d{2})(\d{2})(\d{2}(?:\.\d*)?)\Z")
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})\s*\Z")

# TAI - UTC from the date on (IERS Bulletin C); before 1999 a header in another scale is not worth a table
_LEAPS = (
    (datetime(2017, 1, 1, tzinfo=UTC), 37), (datetime(2015, 7, 1, tzinfo=UTC), 36),
    (datetime(2012, 7, 1, tzinfo=UTC), 35), (datetime(2009, 1, 1, tzinfo=UTC), 34),
    (datetime(2006, 1, 1, tzinfo=UTC), 33), (datetime(1999, 1, 1, tzinfo=UTC), 32),
)  # fmt: skip
_AHEAD_OF_TAI = {"TAI": 0.0, "TT": 32.184, "TDT": 32.184, "ET": 32.184, "TDB": 32.184, "GPS": -19.0}


def parse_date(text: str) -> tuple[datetime, bool] | None:
    """Return the time (UTC) and whether a time of day stood there; None for what is no date.

    Read are ISO 8601 with any number of digits ("2002-01-28T02:45:1.875"), blanks around the T, a zone, slashes
    or EXIF's colons in the date, the FITS form of before 2000 ("29/11/51"), and the form that software made of
    it ("26/07/102").
    """
    text = text[:MAX_TEXT].strip().strip("'\" ")
    if match := _YEAR_FIRST.match(text) or _COMPACT.match(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _DAY_FIRST.match(text):
        day, month, year = (int(part) for part in match.groups())
        if year < 1000:
            year += 1900  # the two digits of before 2000, and years since 1900
    else:
        return None
    rest = text[match.end() :].strip(" T\t,")
    try:
        date = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    if not EARLIEST <= year <= LATEST:
        return None
    clock = parse_clock(rest) if rest else None
    if clock is None:
        return date, False
    return date + clock, True


def parse_clock(text: str) -> timedelta | None:
    """Return the time of day as UTC ("19:36:37", "12:07", "081314"), a zone taken into account."""
    text = text[:MAX_TEXT].strip().rstrip("Zz").removesuffix("UTC").removesuffix("UT").strip()
    shift = timedelta()
    if match := _ZONE.search(text):
        sign = 1 if match[1] == "+" else -1
        shift = sign * timedelta(hours=int(match[2]), minutes=int(match[3]))
        text = text[: match.start()].strip()
    found = _CLOCK_COMPACT.match(text) or _CLOCK.match(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    second = float((found[3] or "0").replace(",", "."))
    if hour > 24 or minute > 59 or second >= 61:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second) - shift


def from_day_number(value: Any) -> datetime | None:
    """Return the time of a Julian or Modified Julian Date, told apart by its size."""
    try:
        days = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(days):
        return None
    if days > 2_000_000:
        days -= 2_400_000.5
    if not -7000 < days < 107_000:  # 1839 to 2151
        return None
    return MJD_EPOCH + timedelta(days=days)


def to_utc(moment: datetime, scale: str) -> datetime:
    """Convert from the scale that TIMESYS names; unknown names count as UTC."""
    ahead = _AHEAD_OF_TAI.get(scale.strip().upper().partition("(")[0])
    if ahead is None:
        return moment
    leap = next((seconds for since, seconds in _LEAPS if moment >= since), None)
    return moment if leap is None else moment - timedelta(seconds=leap + ahead)


def zone_of(text: str) -> timezone | None:
    """Return the zone of EXIF's OffsetTime ("+02:00")."""
    match = _ZONE.search(text.strip())
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes)) if minutes < 1440 else None
