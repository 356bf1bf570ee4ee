"""Times as headers write them, among them the malformed ones of real files, as aware UTC."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

EARLIEST, LATEST = 1840, 2150  # the first daguerreotypes of the sky; beyond both a date is a mistake
MAX_TEXT = 80  # characters looked at
MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})\s*([-/:._ ])\s*(\d{1,2})\s*[-/:._ ]\s*(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?=[Tt_\s]|$)")
_YEAR_LAST = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2,3})(?!\d)")
_NAMED = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?:(?P<y>\d{4})[-\s]+(?P<m1>[A-Za-z]{3,9})\.?[-\s]+(?P<d1>\d{1,2})"
    r"|(?P<d2>\d{1,2})[-\s]+(?P<m2>[A-Za-z]{3,9})\.?,?[-\s]+(?P<y2>\d{4})"
    r"|(?P<m3>[A-Za-z]{3,9})\.?\s+(?P<d3>\d{1,2}),?\s+(?P<y3>\d{4}))(?!\d)"
)
_CTIME = re.compile(r"[A-Za-z]{3}\s+([A-Za-z]{3}\s+\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s+(\d{4})\Z")
_DAY_PART = re.compile(r"\.\d+\Z")
_CLOCK = re.compile(
    r"(\d{1,2})\s*[:hH .-]\s*(\d{1,2})(?:\s*[:mM'\u2032 .-]\s*(\d{1,2}(?:[.,]\d*)?)?\s*[sS\"\u2033]?)?"
    r"\s*([AaPp]\.?[Mm]\.?)?\Z"
)
_CLOCK_COMPACT = re.compile(r"(\d{2})(\d{2})(?:(\d{2}(?:[.,]\d*)?))?()\Z")
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})\s*\Z")
_HOUR_ZONE = re.compile(r"(?<=:\d\d)\s*([+-])(\d{1,2})()\s*\Z|(?<=\.\d)\s*([+-])(\d{1,2})()\s*\Z")
_UTC_WORDS = re.compile(r"\s*\(?(?:UTC|UT|GMT|Z)\)?\s*\Z", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?\Z")
_DEFAULTS = frozenset(
    {datetime(1970, 1, 1, tzinfo=UTC), datetime(1858, 11, 17, tzinfo=UTC), datetime(1899, 12, 30, tzinfo=UTC)}
)  # the zero of a clock that was never set
PIVOT = 50  # two digits from here on are of the 1900s; smaller ones are of 1905 or 2005, and nobody can tell

# TAI - UTC from the date on (IERS Bulletin C); before 1999 a header in another scale is not worth a table
_LEAPS = (
    (datetime(2017, 1, 1, tzinfo=UTC), 37), (datetime(2015, 7, 1, tzinfo=UTC), 36),
    (datetime(2012, 7, 1, tzinfo=UTC), 35), (datetime(2009, 1, 1, tzinfo=UTC), 34),
    (datetime(2006, 1, 1, tzinfo=UTC), 33), (datetime(1999, 1, 1, tzinfo=UTC), 32),
)  # fmt: skip
_AHEAD_OF_TAI = {"TAI": 0.0, "TT": 32.184, "TDT": 32.184, "ET": 32.184, "TDB": 32.184, "GPS": -19.0}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a text says of a moment, and what stays open."""

    moment: datetime | None  # UTC; midnight where no time of day stood there
    has_clock: bool = False
    doubt: str = ""  # why the moment, or its time of day, is not known, as the end of a sentence


def parse_stamp(text: str) -> Stamp | None:
    """Read a date with or without a time of day; None for what is no date at all.

    Read are ISO 8601 with any number of digits ("2002-01-28T02:45:1.875"), blanks around the T, zones, slashes,
    dots or EXIF's colons in the date, names of months, decimal days, 12-hour clocks, the FITS form of before 2000
    ("29/11/51"), and the form that software made of it ("26/07/102"). What can be read in two ways is in doubt.
    """
    text = " ".join(text[:MAX_TEXT].strip().strip("'\" ").split())
    if match := _CTIME.match(text):
        text = f"{match[1]} {match[3]} {match[2]}"
    found = _date_of(text)
    if found is None:
        return None
    date, rest, doubt = found
    if date is None or doubt:
        return Stamp(None, doubt=doubt or "is no date of the calendar")
    return _with_clock(date, rest) if EARLIEST <= date.year <= LATEST else None


def _with_clock(date: datetime, rest: str) -> Stamp:
    if _DAY_PART.match(rest):
        return Stamp(date + timedelta(days=float(f"0{rest}")), has_clock=True)
    rest = rest.lstrip(" Tt\t,_;@-").rstrip()
    if not rest:
        return Stamp(date)
    clock = parse_clock(rest)
    if clock is None:
        return Stamp(date, doubt="has a time of day that cannot be read with certainty")
    if date + clock in _DEFAULTS:
        return Stamp(None, doubt="is the zero of a clock that was not set")
    return Stamp(date + clock, has_clock=True)


def parse_date(text: str) -> tuple[datetime, bool] | None:
    """Return the time (UTC) and whether a time of day stood there; None for what is no date, or in doubt."""
    stamp = parse_stamp(text)
    return None if stamp is None or stamp.moment is None or stamp.doubt else (stamp.moment, stamp.has_clock)


def _date_of(text: str) -> tuple[datetime | None, str, str] | None:
    """Return the date (None where there is no such day), what follows it, and a doubt."""
    doubt = ""
    if match := _YEAR_FIRST.match(text):
        year, month, day = int(match[1]), int(match[3]), int(match[4])
    elif match := _COMPACT.match(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _YEAR_LAST.match(text):
        year, month, day, doubt = _year_last(match)
    elif match := _NAMED.match(text):
        year, month, day = _named(match)
    else:
        return None
    try:
        return datetime(year, month, day, tzinfo=UTC), text[match.end() :], doubt
    except ValueError:
        return None, "", doubt


def _year_last(match: re.Match[str]) -> tuple[int, int, int, str]:
    day, month, year = int(match[1]), int(match[3]), int(match[4])
    digits = len(match[4])
    doubt = ""
    if month > 12 >= day:
        day, month = month, day  # only an American can have meant it
    elif digits == 4 and day <= 12 and day != month:
        doubt = "may have the day or the month first"
    if digits == 2 and year < PIVOT:
        doubt = "may be of the 1900s or the 2000s"
    if year < 1000:
        year += 1900  # the two digits of before 2000, and years since 1900
    return year, month, day, doubt


def _named(match: re.Match[str]) -> tuple[int, int, int]:
    part = match.groupdict()
    name = (part["m1"] or part["m2"] or part["m3"]).lower()[:3]
    month = _MONTHS.index(name) + 1 if name in _MONTHS else 0  # 0 is no month of the calendar
    return int(part["y"] or part["y2"] or part["y3"]), month, int(part["d1"] or part["d2"] or part["d3"])


def parse_clock(text: str) -> timedelta | None:
    """Return the time of day as UTC ("19:36:37", "12:07", "081314", "11:04 pm"), a zone taken into account.

    None for what is no time of day, and for one of a zone that is given by a name.
    """
    text = _UTC_WORDS.sub("", text[:MAX_TEXT].strip())
    shift = timedelta()
    match = _ZONE.search(text) or _HOUR_ZONE.search(text)
    if match is not None:
        sign, hours, minutes = (part for part in match.groups() if part is not None)
        shift = timedelta(hours=int(hours), minutes=int(minutes or 0)) * (1 if sign == "+" else -1)
        if abs(shift) > timedelta(hours=14):
            return None
        text = _UTC_WORDS.sub("", text[: match.start()].strip())
    found = _CLOCK_COMPACT.match(text) or _CLOCK.match(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    second = float((found[3] or "0").replace(",", "."))
    half = (found[4] or "").lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    clock = timedelta(hours=hour, minutes=minute, seconds=second)
    if minute > 59 or second >= 61 or clock > timedelta(days=1, seconds=1):
        return None
    return clock - shift


def clock_of_number(value: float, comment: str) -> timedelta | None:
    """Return a time of day written as a number, whose comment tells the unit; None where it does not."""
    low = comment.lower()
    if re.search(r"\bsec|\[s\]|\bs since|\(s\)", low):
        size = timedelta(seconds=1)
    elif re.search(r"\bhours?\b|\bhrs?\b|\[h\]|\(h\)", low):
        size = timedelta(hours=1)
    elif re.search(r"\bdays?\b|\[d\]|\(d\)", low) and "per day" not in low:
        size = timedelta(days=1)
    else:
        return None
    if not math.isfinite(value) or not 0 <= value <= timedelta(days=1) / size:
        return None
    return value * size


def day_number(value: Any) -> float | None:
    """Return the number of a Julian or Modified Julian Date, also one written with commas or blanks."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        text = value[:MAX_TEXT].strip()
        text = text.replace(",", "") if _THOUSANDS.match(text) else text.replace(",", ".", 1)
        value = re.sub(r"(?<=\d) (?=\d{3})", "", text)
    try:
        days = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return days if math.isfinite(days) else None


def from_day_number(value: Any) -> datetime | None:
    """Return the time of a Julian or Modified Julian Date, told apart by its size; 0 is a default, not a date."""
    days = day_number(value)
    if days is None:
        return None
    if days > 2_000_000:
        days -= 2_400_000.5
    if not -7000 < days < 107_000 or abs(days) < 1:  # 1839 to 2151
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
