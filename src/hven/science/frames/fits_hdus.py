"""Walking through the headers of a FITS file, without reading a pixel."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from hven.errors import Invalid, TooLarge
from hven.science.frames.cards import CARD, as_mapping, parse_cards
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.pixels import STORED

BLOCK = 2880
MAX_AXES = 999

# An empty primary HDU, so that one extension makes a file of its own: what else the file holds, and how broken that
# may be, does not matter then.
_EMPTY = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0", "END")
EMPTY_PRIMARY = "".join(line.ljust(CARD) for line in _EMPTY).ljust(BLOCK).encode()
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

    @property
    def is_pixelwise(self) -> bool:
        """True for a colour picture whose three samples of a pixel stand side by side (the first axis is colour)."""
        axes = self.axes
        return len(axes) == 3 and axes[0] == 3 and min(axes[1:]) > 3 and not self.is_tiled

    @property
    def is_colour(self) -> bool:
        """True for three planes whose axis is named RGB, COLOR or not at all."""
        axes = self.axes
        kind = str(self.header.get("CTYPE3") or "").strip().upper()
        named = not kind or "RGB" in kind or "COLO" in kind
        return len(axes) >= 3 and axes[2] == 3 and set(axes[3:]) <= {1} and named

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of one plane."""
        axes = self.axes
        return (axes[1], axes[2]) if self.is_pixelwise else (axes[0], axes[1])

    @property
    def version(self) -> int:
        """EXTVER, which is 1 where it does not stand."""
        return whole(self.header.get("EXTVER")) or 1


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
    return b"END" in block and any(block[i : i + 8].rstrip() == b"END" for i in range(0, len(block), CARD))


def _axes(header: dict[str, Any], prefix: str) -> tuple[int, ...]:
    count = whole(header.get(f"{prefix}NAXIS", 0))
    if count is None or not 0 <= count <= MAX_AXES:
        raise Invalid("The FITS header gives no valid number of axes (NAXIS).")
    axes = []
    for i in range(1, count + 1):
        length = whole(header.get(f"{prefix}NAXIS{i}"))
        if length is None or length < 0:
            value = str(header.get(f"{prefix}NAXIS{i}"))
            raise Invalid(f"The FITS header gives no valid length of axis {i} (NAXIS{i} = {value:.40}).")
        axes.append(length)
    return tuple(axes)


def _data_bytes(header: dict[str, Any]) -> int:
    axes = _axes(header, "")
    bitpix = whole(header.get("BITPIX"))
    if bitpix not in STORED:
        raise Invalid(f"The FITS header gives no valid pixel type (BITPIX = {header.get('BITPIX')!s:.40}).")
    if axes and axes[0] == 0 and header.get("GROUPS") is True:
        axes = axes[1:]  # random groups
    elements = int(np.prod(axes, dtype=object)) if axes else 0
    extra, groups = whole(header.get("PCOUNT", 0)), whole(header.get("GCOUNT", 1))
    if "XTENSION" not in header and header.get("GROUPS") is not True:
        extra, groups = 0, 1
    if extra is None or groups is None or extra < 0 or groups < 0:
        raise Invalid("The FITS header gives no valid PCOUNT and GCOUNT.")
    return abs(bitpix) // 8 * groups * (extra + elements)


def whole(value: Any) -> int | None:
    """Return a card's whole number, None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def number(header: dict[str, Any], key: str, default: float) -> float:
    """Return a card's number, the default for anything else."""
    value = header.get(key)
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if good else default  # type: ignore[arg-type]


def isolated(source: BinaryIO, hdu: Hdu) -> bytes:
    """Return a FITS file of an empty primary HDU and this extension, whose bytes the caller knows to be there."""
    source.seek(hdu.header_at)
    body = source.read(hdu.data_at + hdu.data_bytes - hdu.header_at)
    return b"".join((EMPTY_PRIMARY, body, b"\0" * (-len(body) % BLOCK)))
