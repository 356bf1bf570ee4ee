"""Positions on the sky as people write them."""

from __future__ import annotations

import re

_NUMBER = r"([0-9]+(?:\.[0-9]*)?)"
_SEXAGESIMAL = re.compile(
    rf"^\s*(\d+)[h:\s]\s*(\d+)[m:′'\s]\s*{_NUMBER}?[s″\"]?[\s,]*([+\-−])(\d+)[d°:\s]\s*(\d+)[m:′'\s]?\s*{_NUMBER}?[s″\"]?\s*$"
)
_DEGREES = re.compile(rf"^\s*{_NUMBER}°?[\s,]+([+\-−]?){_NUMBER}°?\s*$")


def read_position(text: str) -> tuple[float, float] | None:
    """Return right ascension and declination in degrees where a text is a position, else None."""
    if found := _SEXAGESIMAL.match(text):
        h, m, s, sign, d, dm, ds = found.groups()
        ra = 15 * (int(h) + int(m) / 60 + float(s or 0) / 3600)
        dec = (int(d) + int(dm) / 60 + float(ds or 0) / 3600) * (1 if sign == "+" else -1)
    elif found := _DEGREES.match(text):
        ra, dec = float(found[1]), float(found[3]) * (1 if found[2] in {"", "+"} else -1)
    else:
        return None
    return (ra, dec) if ra <= 360 and abs(dec) <= 90 else None


def find_place(text: str) -> tuple[float, float] | None:
    """Return where a text lies: a position, or an object of the deep-sky catalogue; None where it is neither."""
    found = read_position(text)
    if found is not None:
        return found
    from hven.science.catalogues.deepsky import deep_sky, find_object  # noqa: PLC0415 - the catalogue, for few words

    if not text.strip() or len(text) > 60:
        return None
    row = find_object(text)
    return None if row is None else (float(deep_sky().ra[row]), float(deep_sky().dec[row]))
