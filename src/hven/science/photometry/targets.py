"""What people write for a target: a name, coordinates in the usual forms, or pixels of the frame."""

import re
from dataclasses import dataclass

from hven.errors import Invalid
from hven.science.frames.fields import sexagesimal

_MOST = 100
_LONGEST = 200
_NONE = {"", "none", "null", "n/a", "na", "unknown", "-"}
_NUMBER = r"[+-]?\d+(?:\.\d*)?"
_PIXELS = re.compile(rf"x\s*=\s*({_NUMBER})\s*[,;\s]\s*y\s*=\s*({_NUMBER})\s*\Z", re.IGNORECASE)
_PLAIN = re.compile(rf"({_NUMBER})(?:\s*(?:deg|d|°))?\s*[,;\s]\s*({_NUMBER})(?:\s*(?:deg|d|°))?\s*\Z", re.IGNORECASE)
_UNIT = r"[:\s]"
_SEXAGESIMAL = re.compile(
    rf"(\d{{1,3}}{_UNIT}+\d{{1,2}}(?:{_UNIT}+\d{{1,2}}(?:\.\d*)?|\.\d+)?)\s*[,;\s]\s*"
    rf"([+-]?\s*\d{{1,2}}{_UNIT}+\d{{1,2}}(?:{_UNIT}+\d{{1,2}}(?:\.\d*)?|\.\d+)?)\s*\Z"
)
_LETTERS = re.compile(
    r"(\d{1,3})\s*([hd°])\s*(\d{1,2})\s*[m'′]\s*(?:(\d{1,2}(?:\.\d*)?)\s*(?:s|\"|″|'')?)?\s*[,;\s]?\s*"
    r"([+-]?)\s*(\d{1,2})\s*[d°]\s*(\d{1,2})\s*[m'′]\s*(?:(\d{1,2}(?:\.\d*)?)\s*(?:s|\"|″|'')?)?\s*\Z",
    re.IGNORECASE,
)
_PACKED = re.compile(r"J?(\d{2})(\d{2})(\d{2}(?:\.\d*)?)([+-])(\d{2})(\d{2})(\d{2}(?:\.\d*)?)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """One target as it was written: with a place, with pixels, or with a name that somebody must know."""

    name: str
    ra: float | None = None  # ICRS degrees
    dec: float | None = None
    x: float | None = None  # 0-based pixels
    y: float | None = None

    @property
    def needs_name(self) -> bool:
        """Whether only the name says where it is."""
        return self.ra is None and self.x is None


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read targets, one in each line; the first is the primary one. Lines that say "none" are left out.

    Raises
    ------
    Invalid
        There are very many, or a line has coordinates that cannot be.

    """
    lines = [" ".join(line.split()) for line in str(text).replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line.lower() not in _NONE]
    if len(lines) > _MOST:
        raise Invalid(f"There are {len(lines)} targets; at most {_MOST} are measured.")
    return tuple(parse_target(line) for line in lines)


def parse_target(line: str) -> Target:
    """Read one target.

    Raises
    ------
    Invalid
        It is longer than 200 characters, or has coordinates that cannot be.

    """
    if len(line) > _LONGEST:
        raise Invalid(f"A target has at most {_LONGEST} characters.")
    text = line.replace("\u2212", "-").strip()
    if match := _PIXELS.match(text):
        return Target(line, x=float(match[1]), y=float(match[2]))
    if match := _PLAIN.match(text):
        return _placed(line, float(match[1]), float(match[2]))
    if match := _LETTERS.match(text):
        ra = int(match[1]) + int(match[3]) / 60 + float(match[4] or 0) / 3600
        dec = int(match[6]) + int(match[7]) / 60 + float(match[8] or 0) / 3600
        _check_parts(line, match[3], match[4], match[7], match[8])
        return _placed(line, 15 * ra if match[2].lower() == "h" else ra, -dec if match[5] == "-" else dec)
    if match := _PACKED.match(text):
        ra = int(match[1]) + int(match[2]) / 60 + float(match[3]) / 3600
        dec = int(match[5]) + int(match[6]) / 60 + float(match[7]) / 3600
        _check_parts(line, match[2], match[3], match[6], match[7])
        return _placed(line, 15 * ra, -dec if match[4] == "-" else dec)
    if match := _SEXAGESIMAL.match(text):
        hours, degrees = (
            sexagesimal(match[1]),
            sexagesimal(match[2].replace(" ", ":").replace("+:", "+").replace("-:", "-")),
        )
        if hours is not None and degrees is not None:
            return _placed(line, 15 * hours, degrees)
    return Target(line)


def _placed(line: str, ra: float, dec: float) -> Target:
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise Invalid(
            f"The target `{line[:60]}` has coordinates that cannot be: right ascensions go from 0 to 360 degrees "
            "(0 to 24 hours) and declinations from -90 to 90."
        )
    return Target(line, ra=ra % 360.0, dec=dec)


def _check_parts(line: str, *parts: str | None) -> None:
    if any(part is not None and float(part) >= 60 for part in parts):
        raise Invalid(f"The target `{line[:60]}` has minutes or seconds of 60 and more.")
