"""Lists of sources as text: x, y and perhaps a flux in each line, as spreadsheets and small programs write them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.read import opened
from hven.science.frames.sniff import Kind
from hven.science.stars.solution import SourceList
from hven.science.stars.tables import brightness, source_list

_MOST_BYTES = 64 * 1024 * 1024
_MOST_SOURCES = 1_000_000
_MOST_VALUES = 10_000_000  # in all columns together: each takes four times the memory of its text
_LONGEST_LINE = 10_000
_COMMENTS = ("#", "//", "!", "%")
_X = {"x", "xpix", "x_pix", "xcentroid", "x_image", "xcenter", "xcentre", "xc", "field_x"}
_Y = {"y", "ypix", "y_pix", "ycentroid", "y_image", "ycenter", "ycentre", "yc", "field_y"}
_FLUX = {"flux", "counts", "brightness", "intensity", "flux_auto", "flux_iso", "flux_aper", "peak"}
_MAG = {"mag", "magnitude", "mag_auto", "mag_iso", "mag_aper"}
_NO_LIST = "The file is no list of sources: each line has x and y, and perhaps a flux, with commas, tabs or spaces."


def read_text_list(
    path: Path, *, width: int | None = None, height: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> SourceList:
    """Read a text list of x, y (1-based pixels) and perhaps a flux or magnitude, in .gz or .bz2 too.

    Lines may end in any way; those that begin with #, //, ! or % are remarks, and a first line of words names the
    columns. Where no column holds a brightness the brightest come first.

    Raises
    ------
    Invalid
        It is no such list; the sentence names the line.
    TooLarge
        It holds more than 1,000,000 sources or 10,000,000 values, or exceeds the limits.
    """
    with opened(path, limits) as (file, kind, _):
        if kind not in {Kind.XY_LIST, Kind.TEXT}:
            raise Invalid(_NO_LIST)
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise TooLarge(f"The list has more than {_MOST_BYTES:,} bytes.")
    rows, names = _rows(content.removeprefix(b"\xef\xbb\xbf").decode("latin-1"))
    at_x, at_y, at_flux, sign = _columns(names, min(len(row) for row in rows))
    table = np.array([[row[at_x], row[at_y], row[at_flux] if at_flux is not None else 0.0] for row in rows])
    flux = None if at_flux is None else table[:, 2] if sign > 0 else brightness(table[:, 2])
    return source_list(table[:, 0] - 1, table[:, 1] - 1, flux=flux, width=width, height=height)


def _rows(text: str) -> tuple[list[list[float]], list[str]]:
    rows: list[list[float]] = []
    names: list[str] = []
    held = 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(_COMMENTS):
            continue
        fields = _fields(stripped)
        values = [_value(field) for field in fields]
        if len(values) < 2 or values[0] is None or values[1] is None:
            if rows or names or len(fields) < 2 or any(value is not None for value in values):
                raise Invalid(f"{_NO_LIST} Line {number} has none.")
            names = [field.strip("\"'").lower() for field in fields]
            continue
        held += len(values)
        if held > _MOST_VALUES:
            raise TooLarge(f"The list holds more than {_MOST_VALUES:,} values; x, y and a flux are enough.")
        rows.append([math.nan if value is None else value for value in values])
        if len(rows) > _MOST_SOURCES:
            raise TooLarge(f"The list holds more than {_MOST_SOURCES:,} sources.")
    if not rows:
        raise Invalid("The list holds no source.")
    return rows, names


def _fields(line: str) -> list[str]:
    line = line[:_LONGEST_LINE]
    for mark in (",", ";", "\t"):
        if mark in line:
            return [field.strip() for field in line.split(mark)]
    return line.split()


def _value(field: str) -> float | None:
    try:
        return float(field) if "_" not in field else None
    except ValueError:
        return None


def _columns(names: list[str], fewest: int) -> tuple[int, int, int | None, float]:
    """Return where x, y and the brightness stand, and -1 where a small number means bright."""
    if fewest < 2:
        raise Invalid(_NO_LIST)
    at = {name: place for place, name in reversed(list(enumerate(names[:fewest])))}
    x = next((at[name] for name in names if name in _X and name in at), None)
    y = next((at[name] for name in names if name in _Y and name in at), None)
    if x is None or y is None:
        if names and (x is None) != (y is None):
            raise Invalid("The first line names one of x and y, and not the other.")
        return 0, 1, 2 if fewest > 2 and not names else _first(names, at, _FLUX), 1.0
    flux = _first(names, at, _FLUX)
    if flux is not None:
        return x, y, flux, 1.0
    mag = _first(names, at, _MAG)
    return x, y, mag, -1.0


def _first(names: list[str], at: dict[str, int], wanted: set[str]) -> int | None:
    return next((at[name] for name in names if name in wanted and name in at), None)
