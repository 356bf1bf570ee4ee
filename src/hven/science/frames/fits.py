"""Reading FITS: every HDU is looked at, the first plane that can be used is taken.

FITS standard 4.0 (Pence et al. 2010, A&A 524, A42, and its revision of 2016). Plain images are read here,
directly into their final array; tile-compressed ones (.fz) by astropy.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid, TooLarge
from hven.science.frames.cards import CARD, as_mapping, parse_cards
from hven.science.frames.fits_tiled import read_tiled
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.pixels import STORED, Decoded, Mask, Storage, is_grey, luminance, read_plane

BLOCK = 2880
STRUCTURE = frozenset(
    {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "TFIELDS", "CHECKSUM", "DATASUM"}
)
MAX_AXES = 999
HEADERS_AT_MOST = 2  # times the longest header that one HDU may have, for all HDUs together


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header with the place of its data."""

    index: int
    cards: tuple[Card, ...]
    header: dict[str, Any]
    header_at: int  # byte offsets
    data_at: int
    data_bytes: int  # without padding

    @property
    def name(self) -> str:
        """EXTNAME, or nothing."""
        return str(self.header.get("EXTNAME") or "").strip()

    @property
    def is_tiled(self) -> bool:
        """True for an image in a compressed table."""
        return self.header.get("XTENSION") == "BINTABLE" and self.header.get("ZIMAGE") is True

    @property
    def axes(self) -> tuple[int, ...]:
        """Lengths of the image's axes, NAXIS1 first; empty where this is no image."""
        if self.is_tiled:
            return _axes(self.header, "Z")
        if self.header.get("XTENSION", "IMAGE") not in {"IMAGE", "IUEIMAGE"}:
            return ()
        return _axes(self.header, "")

    @property
    def is_plane(self) -> bool:
        """True where there are at least 2 x 2 pixels in the first two axes."""
        axes = self.axes
        return len(axes) >= 2 and min(axes[:2]) >= 2 and all(axes)


def read_fits(source: BinaryIO, limits: Limits, plane: str | None = None) -> Decoded:
    """Read a plane; `plane` is an HDU's number or EXTNAME, with `:n` (0-based) for the plane of a cube."""
    size = source.seek(0, io.SEEK_END)
    notes: list[str] = []
    hdus = []
    wanted, number = _wanted(plane)
    chosen = None
    for hdu in scan(source, size, limits, notes):
        hdus.append(hdu)
        if (wanted is None and hdu.is_plane) or (wanted is not None and wanted in {str(hdu.index), hdu.name.upper()}):
            chosen = hdu
            break
    if chosen is None or not chosen.is_plane:
        raise Invalid(_why_none(hdus, wanted, notes))
    limits.check_pixels(*chosen.axes[:2])
    cards = chosen.cards
    if chosen.is_tiled:
        count = int(np.prod(chosen.axes[2:], dtype=object))
        planes, cards = read_tiled(source, chosen, limits, _numbers(chosen, count, number))
    else:
        planes = _read_plain(source, size, chosen, number)
    if chosen.index:
        first = hdus[0].cards
        cards = (*cards, *(c for c in first if c.keyword not in STRUCTURE and not c.keyword.startswith("NAXIS")))
    return _assemble(chosen, planes, cards, number, notes)


def _wanted(plane: str | None) -> tuple[str | None, int | None]:
    if plane is None:
        return None, None
    name, _, number = plane.partition(":")
    if number and not (number.isdecimal() and len(number) < 10):
        raise Invalid(f"There is no plane {number!r:.40}; planes of a cube are counted from 0.")
    return name.strip().upper() or None, int(number) if number else None


# --- headers ------------------------------------------------------------------------------------------------


def scan(source: BinaryIO, size: int, limits: Limits, notes: list[str]) -> Iterator[Hdu]:
    """Yield HDU after HDU, lazily; what stops the walk after the first one is noted, not raised."""
    at = headers = 0
    for index in range(limits.max_hdus):
        if index and at >= size:
            return
        try:
            hdu = _read_header(source, at, index, limits)
        except Invalid as error:
            if not index:
                raise
            notes.append(f"HDU {index} could not be read: {error}")
            return
        if hdu is None:
            return
        yield hdu
        headers += hdu.data_at - hdu.header_at
        if headers > HEADERS_AT_MOST * limits.max_header_bytes:
            notes.append("The headers of the file are longer than is read; later HDUs were not looked at.")
            return
        at = hdu.data_at + -(-hdu.data_bytes // BLOCK) * BLOCK
    notes.append(f"Only the first {limits.max_hdus} HDUs of the file were looked at.")


def _read_header(source: BinaryIO, at: int, index: int, limits: Limits) -> Hdu | None:
    source.seek(at)
    header = bytearray()
    while True:
        block = source.read(BLOCK)
        if index and not header and not block.startswith(b"XTENSION"):
            return None  # special records or padding after the last HDU
        header += block
        if _has_end(block):
            break
        if len(block) < BLOCK:
            raise Invalid("The FITS header is cut short: it has no END.")
        if len(header) > limits.max_header_bytes:
            raise TooLarge(f"The FITS header is longer than {limits.max_header_bytes:,} bytes.")
    cards = parse_cards(bytes(header))
    mapping = as_mapping(cards)
    return Hdu(index, cards, mapping, at, at + len(header), _data_bytes(mapping))


def _has_end(block: bytes) -> bool:
    return any(block[i : i + 8].rstrip() == b"END" for i in range(0, len(block), CARD))


def _axes(header: dict[str, Any], prefix: str) -> tuple[int, ...]:
    count = _whole(header.get(f"{prefix}NAXIS", 0))
    if count is None or not 0 <= count <= MAX_AXES:
        raise Invalid("The FITS header gives no valid number of axes (NAXIS).")
    axes = []
    for i in range(1, count + 1):
        length = _whole(header.get(f"{prefix}NAXIS{i}"))
        if length is None or length < 0:
            value = str(header.get(f"{prefix}NAXIS{i}"))
            raise Invalid(f"The FITS header gives no valid length of axis {i} (NAXIS{i} = {value:.40}).")
        axes.append(length)
    return tuple(axes)


def _data_bytes(header: dict[str, Any]) -> int:
    axes = _axes(header, "")
    bitpix = _whole(header.get("BITPIX"))
    if bitpix not in STORED:
        raise Invalid(f"The FITS header gives no valid pixel type (BITPIX = {header.get('BITPIX')!s:.40}).")
    if axes and axes[0] == 0 and header.get("GROUPS") is True:
        axes = axes[1:]  # random groups
    elements = int(np.prod(axes, dtype=object)) if axes else 0
    extra, groups = _whole(header.get("PCOUNT", 0)), _whole(header.get("GCOUNT", 1))
    if "XTENSION" not in header and header.get("GROUPS") is not True:
        extra, groups = 0, 1
    if extra is None or groups is None or extra < 0 or groups < 0:
        raise Invalid("The FITS header gives no valid PCOUNT and GCOUNT.")
    return abs(bitpix) // 8 * groups * (extra + elements)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def _number(header: dict[str, Any], key: str, default: float) -> float:
    value = header.get(key)
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if good else default  # type: ignore[arg-type]


# --- pixels -------------------------------------------------------------------------------------------------


def _read_plain(source: BinaryIO, size: int, hdu: Hdu, number: int | None) -> list[tuple[NDArray[Any], Mask | None]]:
    width, height = hdu.axes[:2]
    blank = _whole(hdu.header.get("BLANK"))
    bitpix = int(hdu.header["BITPIX"])
    storage = Storage(
        bitpix,
        _number(hdu.header, "BSCALE", 1.0) or 1.0,
        _number(hdu.header, "BZERO", 0.0),
        blank if bitpix > 0 else None,
    )
    plane_bytes = width * height * storage.item_bytes
    numbers = _numbers(hdu, hdu.data_bytes // plane_bytes, number)
    missing = hdu.data_at + (max(numbers) + 1) * plane_bytes - size
    if missing > 0:
        raise Invalid(
            f"The file is cut short: its image of {width:,} x {height:,} pixels needs {plane_bytes:,} bytes,"
            f" {min(missing, plane_bytes):,} of them are missing."
        )
    return [read_plane(source, hdu.data_at + n * plane_bytes, (height, width), storage) for n in numbers]


def _numbers(hdu: Hdu, count: int, number: int | None) -> tuple[int, ...]:
    """Return which planes are read: the one asked for, all three of a colour picture, else the first."""
    if number is not None:
        if number >= count:
            raise Invalid(f"The image has {count} plane(s), counted from 0; there is no plane {number}.")
        return (number,)
    return (0, 1, 2) if _is_colour(hdu) else (0,)


def _is_colour(hdu: Hdu) -> bool:
    """Tell a colour picture: three planes, and the third axis named RGB, COLOR or not at all."""
    axes = hdu.axes
    kind = str(hdu.header.get("CTYPE3") or "").strip().upper()
    return len(axes) >= 3 and axes[2] == 3 and set(axes[3:]) <= {1} and (not kind or "RGB" in kind or "COLO" in kind)


def _assemble(
    hdu: Hdu,
    planes: list[tuple[NDArray[Any], Mask | None]],
    cards: tuple[Card, ...],
    number: int | None,
    notes: list[str],
) -> Decoded:
    where = f"HDU {hdu.index}" + (f" ({hdu.name[:40]})" if hdu.name else "")
    count = int(np.prod(hdu.axes[2:], dtype=object))
    rgb = None
    data, mask = planes[0]
    if len(planes) == 3:
        common = np.result_type(*(p[0].dtype for p in planes))
        rgb = np.stack([p[0].astype(common, copy=False) for p in planes], axis=-1)
        masks = [p[1] for p in planes if p[1] is not None]
        mask = np.logical_or.reduce(masks) if masks else None
        if is_grey(rgb):
            rgb = None
        else:
            data = luminance(rgb)
        where += ", 3 colours"
    elif count > 1:
        where += f", plane {number or 0} of {count}"
        if number is None:
            notes.append(f"The file holds {count} planes; the first was taken.")
    return Decoded(data, rgb, mask, cards, where, tuple(notes))


def _why_none(hdus: list[Hdu], wanted: str | None, notes: list[str]) -> str:
    if wanted is not None:
        known = ", ".join(f"{h.index}{f' ({h.name[:20]})' if h.name else ''}" for h in hdus if h.is_plane)
        return f"There is no image in HDU {wanted[:40]}; images are in: {known or 'none'}."
    tables = any(h.header.get("XTENSION") in {"BINTABLE", "TABLE"} for h in hdus)
    lines = any(len(h.axes) == 1 or (len(h.axes) >= 2 and min(h.axes[:2]) == 1) for h in hdus)
    if lines:
        reason = "its data have one dimension only (a spectrum?)"
    elif tables:
        reason = "it holds a table"
    else:
        reason = "it has headers but no data"
    return " ".join([f"The FITS file holds no image: {reason}.", *notes])
