"""What one file holds, unit by unit: the HDUs of a FITS file, the images of an XISF, each with its cards.

Headers only; the numbers of spectra and the first rows of tables are read one unit at a time.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import HvenError, Invalid, NotFound
from hven.science.frames.cards import CARD
from hven.science.frames.fits import described
from hven.science.frames.fits_hdus import BLOCK, EMPTY_PRIMARY, Hdu, number, scan, whole
from hven.science.frames.frame import Card
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.pixels import STORED
from hven.science.frames.read import Source, opened, planes
from hven.science.frames.selection import Plane
from hven.science.frames.sniff import Kind
from hven.science.frames.xisf import xisf_units

MOST_UNITS = 100
MOST_POINTS = 1_200  # of a drawn spectrum
MOST_SAMPLES = 50_000_000  # read of one
MOST_ROWS = 20
MOST_COLUMNS = 40
MOST_TEXT = 60  # characters of one cell


@dataclass(frozen=True, slots=True)
class Unit:
    """One HDU or image."""

    plane: Plane
    cards: tuple[Card, ...]  # its own, as they stand in the file


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers along one axis, thinned so that each step keeps its lowest and highest value; arrays of one length n."""

    x: NDArray[np.float64]  # in x_unit
    y: NDArray[np.float64]
    x_name: str  # CTYPE1, or pixel
    x_unit: str
    y_unit: str


@dataclass(frozen=True, slots=True)
class TableHead:
    """The first rows of a table, as text."""

    columns: tuple[tuple[str, str], ...]  # names and units
    rows: tuple[tuple[str, ...], ...]
    count: int  # rows of the whole table
    more_columns: int  # that are not shown


def units(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> list[Unit]:
    """Return what a file holds; at most the first 100 units.

    Raises
    ------
    hven.errors.Invalid, hven.errors.TooLarge, hven.errors.NotFound
        With a sentence that says what is wrong with the file.
    """
    with opened(source, limits) as (file, kind, _):
        if kind is Kind.FITS:
            size = file.seek(0, io.SEEK_END)
            return [Unit(described(hdu), hdu.cards) for hdu in islice(scan(file, size, limits, []), MOST_UNITS)]
        if kind is Kind.XISF:
            return [Unit(plane, cards) for plane, cards in xisf_units(file, limits)[:MOST_UNITS]]
    return [Unit(plane, ()) for plane in planes(source, limits=limits)[:MOST_UNITS]]


def read_series(source: Source, index: str, *, limits: Limits = DEFAULT_LIMITS) -> Series:
    """Read a one-dimensional HDU of a FITS file.

    Raises
    ------
    hven.errors.NotFound
        There is no such HDU, or it is no spectrum.
    hven.errors.Invalid
        It is cut short.
    """
    with opened(source, limits) as (file, kind, _):
        hdu = _hdu(file, kind, index, limits)
        axes = hdu.axes
        bitpix = whole(hdu.header.get("BITPIX"))
        if hdu.is_plane or hdu.is_tiled or not axes or bitpix not in STORED or max(axes) < 2:
            raise NotFound("There is no spectrum in this unit.")
        count = max(axes)
        if count > MOST_SAMPLES:
            raise NotFound("The spectrum is too long to be drawn.")
        dtype = np.dtype(STORED[bitpix]).newbyteorder(">")
        file.seek(hdu.data_at)
        raw = file.read(count * dtype.itemsize)
    if len(raw) < count * dtype.itemsize:
        raise Invalid("The spectrum is cut short.")
    stored = np.frombuffer(raw, dtype)
    values = stored.astype(float) * number(hdu.header, "BSCALE", 1.0) + number(hdu.header, "BZERO", 0.0)
    blank = whole(hdu.header.get("BLANK"))
    if blank is not None and stored.dtype.kind in "iu":
        values[stored == blank] = np.nan
    step = number(hdu.header, "CDELT1", number(hdu.header, "CD1_1", 1.0))
    first = number(hdu.header, "CRVAL1", 1.0) - (number(hdu.header, "CRPIX1", 1.0) - 1.0) * step
    kept = _thinned(values)
    said = {name: str(hdu.header.get(name) or "").strip()[:MOST_TEXT] for name in ("CTYPE1", "CUNIT1", "BUNIT")}
    return Series(
        np.asarray(first + step * kept, float),
        np.asarray(values[kept], float),
        said["CTYPE1"] or "pixel",
        said["CUNIT1"],
        said["BUNIT"],
    )


def read_table_head(source: Source, index: str, *, limits: Limits = DEFAULT_LIMITS) -> TableHead:
    """Read the first 20 rows of a table of a FITS file, its first 40 columns.

    Raises
    ------
    hven.errors.NotFound
        There is no such HDU, or it is no table.
    hven.errors.Invalid
        It cannot be read.
    """
    with opened(source, limits) as (file, kind, _):
        hdu = _hdu(file, kind, index, limits)
        width, count = whole(hdu.header.get("NAXIS1")), whole(hdu.header.get("NAXIS2"))
        if hdu.header.get("XTENSION") not in {"BINTABLE", "TABLE"} or width is None or count is None or width < 1:
            raise NotFound("There is no table in this unit.")
        rows = max(0, min(count, MOST_ROWS))
        if width * max(rows, 1) > limits.max_header_bytes:
            raise Invalid("The rows of this table are too long to be shown.")
        file.seek(hdu.header_at)
        header = file.read(hdu.data_at - hdu.header_at)
        data = file.read(width * rows)
    if len(data) < width * rows:
        raise Invalid("The table is cut short.")
    shortened = _with_whole(_with_whole(_with_whole(header, "NAXIS2", rows), "PCOUNT", 0), "THEAP", 0)
    whole_file = b"".join((EMPTY_PRIMARY, shortened, data, b"\0" * (-len(data) % BLOCK)))
    return _read_rows(whole_file, count)


def _read_rows(content: bytes, count: int) -> TableHead:
    from astropy.io import fits  # noqa: PLC0415 - heavy; only tables need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), checksum=False) as file:
                table = file[1]
                names = list(table.columns.names)
                shown = names[:MOST_COLUMNS]
                units_of = [str(table.columns[name].unit or "") for name in shown]
                columns = [_texts(table, name) for name in shown]
    except HvenError:
        raise
    except Exception as error:
        raise Invalid("The table cannot be read: its columns are described in no known way.") from error
    heads = tuple(zip((str(name)[:MOST_TEXT] for name in shown), units_of, strict=True))
    return TableHead(heads, tuple(zip(*columns, strict=True)), count, len(names) - len(shown))


def _texts(table: Any, name: str) -> list[str]:
    if "P" in str(table.columns[name].format) or "Q" in str(table.columns[name].format):
        return ["…"] * len(table.data)  # of a length of its own, kept elsewhere in the file
    return [_text(value) for value in table.data[name]]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        inner = ", ".join(_text(each) for each in value.flat[:6])
        return f"[{inner}{', …' if value.size > 6 else ''}]"
    if isinstance(value, float | np.floating):
        return f"{float(value):.8g}"
    return str(value).strip()[:MOST_TEXT]


def _hdu(file: BinaryIO, kind: Kind, index: str, limits: Limits) -> Hdu:
    if kind is Kind.FITS and index.isascii() and index.isdecimal() and len(index) < 6:
        size = file.seek(0, io.SEEK_END)
        found = next(islice(scan(file, size, limits, []), int(index), int(index) + 1), None)
        if found is not None:
            return found
    raise NotFound("The file holds no such unit.")


def _thinned(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the places of the lowest and highest value of each of a thousand pieces; all where there are few."""
    if values.size <= MOST_POINTS:
        return np.arange(values.size)
    edges = np.linspace(0, values.size, MOST_POINTS // 2 + 1).astype(int)
    kept: set[int] = set()
    for first, last in pairwise(edges):
        piece = values[first:last]
        if np.isfinite(piece).any():
            kept |= {first + int(np.nanargmin(piece)), first + int(np.nanargmax(piece))}
    return np.array(sorted(kept), np.intp)


def _with_whole(header: bytes, keyword: str, value: int) -> bytes:
    """Return a header in which a card has another whole number; without that card it stays as it is."""
    name = keyword.ljust(8).encode()
    card = f"{keyword:<8}= {value:>20d}".ljust(CARD).encode()
    cards: Sequence[bytes] = [header[at : at + CARD] for at in range(0, len(header), CARD)]
    return b"".join(card if each[:8] == name and each[8:9] == b"=" else each for each in cards)
