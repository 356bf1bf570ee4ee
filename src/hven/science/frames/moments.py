"""When a frame was exposed, from whichever cards say so; a time that is in doubt is left open."""

import re
from datetime import datetime, timedelta
from typing import Any

from hven.science.frames import times
from hven.science.frames.fields import Fields

START = ("DATE-BEG", "DATE-OBS", "DATE_OBS", "DATEOBS", "DATE-STA", "DATE_BEG", "UTC-OBS", "Observation:Time:Start")
MIDDLE = ("DATE-AVG", "DATE-MID", "DATE_MID", "DATE_AVG")
END = ("DATE-END", "DATE_END", "DATE-STO", "Observation:Time:End")
CLOCK = (
    "TIME-OBS", "UT-OBS", "UT", "UTC", "UTSTART", "UT-START", "UT_START", "TIME_OBS", "UTC-STAR", "UTC-BEG", "TIME-BEG",
    "EXPSTART", "UTIME", "UTOPEN", "UTSHUT", "TM-START", "UT1", "TIME",
)  # fmt: skip
END_CLOCK = ("UTSTOP", "UTEND", "UT-END", "UT_END", "UTC-END", "UTC-STOP", "TIME-END", "TM-END", "EXPEND", "UTCLOSE")
START_DAY = ("MJD-BEG", "MJD-OBS", "MJD_OBS", "MJDOBS", "MJD", "JD", "JD-OBS", "JD_OBS", "JULIAN", "JD_UTC")
MIDDLE_DAY = ("MJD-AVG", "MJD-MID", "MJD_MID", "JD-MID", "JD_MID", "JDMID", "JD-AVG")
END_DAY = ("MJD-END", "MJD_END", "JD-END", "JD_END")
EXPOSURE = (
    "EXPTIME", "EXPOSURE", "XPOSURE", "EXP_TIME", "EXPTIM", "ITIME", "TEXP", "INTTIME", "TELAPSE", "EXPOINUS",
    "ExposureTime", "Instrument:ExposureTime",
)  # fmt: skip
JULIAN_DATES = 2_390_000, 2_510_000  # 1831 to 2159


def read_times(fields: Fields, found: dict[str, Any], notes: list[str]) -> None:
    """Put start, middle, end and exposure into `found`, and what stays open into `notes`."""
    exposure = fields.number("exposure_s", EXPOSURE, 0.0, 1e6, unit=_seconds)
    reader = _Reader(fields, str(fields.value("TIMESYS") or "UTC").strip().upper())
    start = reader.moment("start", START, START_DAY) or _exif_moment(fields)
    middle = reader.moment("middle", MIDDLE, MIDDLE_DAY)
    end = reader.moment("end", END, END_DAY) or reader.end_by_clock(start)
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
    if start is middle is end is None and (start := reader.written()) is not None:
        notes.append("The header says no time of the exposure: that of its own writing (DATE) stands for it.")
        middle = start if length is None else start + length / 2
    if start is None:
        notes += reader.doubts
    elif "a date only" in fields.sources.get("start", ""):
        notes.append("The header gives the date of the exposure but no time of day: midnight (UTC) stands for it.")
    found.update(exposure_s=exposure, start=start, middle=middle, end=end)


class _Reader:
    """The cards of one frame, the scale of their times, and what could not be read with certainty."""

    def __init__(self, fields: Fields, scale: str) -> None:
        self.fields = fields
        self.scale = scale
        self.doubts: list[str] = []

    def moment(self, name: str, dates: tuple[str, ...], days: tuple[str, ...]) -> datetime | None:
        """Return the first certain moment: a date with its clock, with a clock of its own card, a day's number."""
        date_only: tuple[str, datetime] | None = None
        unsure = False
        sources = self.fields.sources
        for key in dates:
            stamp = self._stamp(key)
            if stamp is None or stamp.moment is None:
                continue
            if stamp.has_clock:
                sources[name] = key
                return times.to_utc(stamp.moment, self.scale)
            date_only = date_only or (key, stamp.moment)
            unsure = unsure or bool(stamp.doubt)
        if name == "start" and date_only:
            for key in CLOCK:
                clock = self._clock(key, date_only[1])
                if clock is not None:
                    sources[name] = f"{date_only[0]}, {key}"
                    return times.to_utc(clock, self.scale)
        day = self._by_day_number(name, days)
        if day is not None:
            return times.to_utc(day, self.scale)
        if date_only and not unsure:
            sources[name] = f"{date_only[0]} (a date only)"
            return date_only[1]
        return None

    def written(self) -> datetime | None:
        """Return when the header was written, to the second: what old cameras know, and nothing says otherwise."""
        stamp = None if self.doubts else self._stamp("DATE")
        if stamp is None or stamp.moment is None or not stamp.has_clock:
            return None
        self.fields.sources["start"] = "DATE"
        return times.to_utc(stamp.moment, self.scale)

    def end_by_clock(self, start: datetime | None) -> datetime | None:
        """Return the end that a time of day gives, on the day of the start or after its midnight."""
        if start is None or "a date only" in self.fields.sources.get("start", ""):
            return None
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        for key in END_CLOCK:
            end = self._clock(key, midnight)
            if end is not None:
                self.fields.sources["end"] = key
                return end if end >= start else end + timedelta(days=1)
        return None

    def _doubt(self, key: str, why: str) -> None:
        self.doubts.append(f"The header's {key} ({str(self.fields.value(key))!r:.60}) {why}; it was not used.")

    def _stamp(self, key: str) -> times.Stamp | None:
        value = self.fields.value(key)
        if isinstance(value, bool) or value is None:
            return None
        if not isinstance(value, str):
            number = times.day_number(value)
            if number is not None and JULIAN_DATES[0] < number < JULIAN_DATES[1]:
                return times.Stamp(times.from_day_number(number), has_clock=True)
            value = str(value)
        stamp = times.parse_stamp(value)
        if stamp is None:
            if value.strip():
                self._doubt(key, "is no date")
            return None
        comment = self.fields.comment(key)
        local = re.search(r"\blocal\b", comment) and not re.search(r"\but\b|\butc\b|\bgmt\b", comment)
        if (local or self.scale in {"LOCAL", "LT"}) and not stamp.doubt:
            stamp = times.Stamp(None, doubt="is in local time of an unknown zone")
        if stamp.doubt:
            self._doubt(key, stamp.doubt)
        return stamp

    def _by_day_number(self, name: str, days: tuple[str, ...]) -> datetime | None:
        fields = self.fields
        if name != "start":
            # Plain JD and MJD are of the start, unless their comment says otherwise
            word = "mid" if name == "middle" else r"\bend\b"
            days = (*days, *(key for key in START_DAY if re.search(word, fields.comment(key))))
        for key in days:
            moment = times.from_day_number(fields.value(key))
            if moment is None or (name == "start" and re.search(r"mid|\bend\b", fields.comment(key))):
                continue
            if key.startswith(("JD", "JULIAN")) and (times.day_number(fields.value(key)) or 0) < JULIAN_DATES[0]:
                self._doubt(key, "lacks the first digits of a Julian Date")
                continue
            fields.sources[name] = key
            return moment
        return None

    def _clock(self, key: str, date: datetime) -> datetime | None:
        value = self.fields.value(key)
        if isinstance(value, bool) or value is None:
            return None
        if not isinstance(value, str):
            number = self.fields.peek(key)
            clock = None if number is None else times.clock_of_number(number, self.fields.comment(key))
            return None if clock is None else date + clock
        full = times.parse_stamp(value)
        if full is not None:
            return full.moment if full.has_clock else None
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
