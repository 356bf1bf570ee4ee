"""Tile-compressed FITS images (.fz): decoded by astropy after hven has checked what the header asks for."""

import io
import re
import warnings
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.cards import parse_cards
from hven.science.frames.fits_hdus import EMPTY_PRIMARY, Hdu, isolated, whole
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.pixels import Mask, without_gaps

ITEM_BYTES = 8  # of the widest pixel
MAX_COLUMNS = 999
_WIDTHS = {"L": 1, "X": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_FORM = re.compile(r"\s*(\d{0,9})([LXBIJKAEDCMPQ])")


def read_tiled(
    source: BinaryIO, hdu: Hdu, limits: Limits, numbers: tuple[int, ...]
) -> tuple[list[tuple[NDArray[Any], Mask | None]], tuple[Card, ...]]:
    """Return the planes asked for and the cards of the image that was compressed."""
    from astropy.io import fits  # noqa: PLC0415  # 0.3 s that plain files need not pay

    _check_tiles(hdu, limits)
    missing = hdu.data_at + hdu.data_bytes - source.seek(0, io.SEEK_END)
    if missing > 0:  # before a buffer of the announced size is taken
        raise Invalid(f"The file is cut short: {missing:,} bytes of the compressed image are missing.")
    content = isolated(source, hdu)
    _check_streams(memoryview(content)[len(EMPTY_PRIMARY) + hdu.data_at - hdu.header_at :], hdu)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), memmap=False) as hdus:
                image = hdus[1]
                section = image.section
                lead = len(hdu.axes) - 2
                planes = []
                for number in numbers:
                    index = np.unravel_index(number, hdu.axes[:1:-1]) if lead else ()
                    planes.append(_native(np.asarray(section[(*map(int, index), slice(None), slice(None))])))
                cards = _cards(image, hdu)
    except Invalid:
        raise
    except Exception as error:  # astropy raises whatever a hostile stream makes it raise
        text = str(error).split("\n", 1)[0][:120] or type(error).__name__
        raise Invalid(f"The compressed image in the FITS file cannot be decoded ({text}).") from error
    return planes, cards


def _check_tiles(hdu: Hdu, limits: Limits) -> None:
    columns = whole(hdu.header.get("TFIELDS"))
    if columns is None or not 1 <= columns <= MAX_COLUMNS or whole(hdu.header.get("NAXIS")) != 2:
        raise Invalid("The compressed image in the FITS file lies in no valid table.")
    limits.check_pixels(_tile_pixels(hdu), 1)


def _tile_pixels(hdu: Hdu) -> int:
    pixels = 1
    for i, length in enumerate(hdu.axes, 1):
        tile = hdu.header.get(f"ZTILE{i}", length if i == 1 else 1)
        if isinstance(tile, bool) or not isinstance(tile, int) or tile < 1:
            raise Invalid("The compressed image in the FITS file has no valid tiles.")
        pixels *= tile
    return pixels


def _check_streams(data: memoryview, hdu: Hdu) -> None:
    """Refuse tiles in gzip that unpack to more than their pixels: they would be unpacked whole, whatever they hold."""
    row, rows = whole(hdu.header.get("NAXIS1")) or 0, whole(hdu.header.get("NAXIS2")) or 0
    heap = whole(hdu.header.get("THEAP")) or row * rows
    most = ITEM_BYTES * _tile_pixels(hdu) + 64
    at = 0
    for i in range(1, min(whole(hdu.header.get("TFIELDS")) or 0, MAX_COLUMNS) + 1):
        form = _FORM.match(str(hdu.header.get(f"TFORM{i}") or ""))
        if form is None:
            return  # what astropy makes of it, it says itself
        name, size = str(hdu.header.get(f"TTYPE{i}") or "").strip(), _WIDTHS[form[2]]
        if form[2] in "PQ" and name in {"COMPRESSED_DATA", "GZIP_COMPRESSED_DATA"}:
            kind = ">u4" if form[2] == "P" else ">u8"
            for n in range(min(rows, len(data) // max(1, row))):
                length, offset = (int(v) for v in np.frombuffer(data, kind, 2, n * row + at))
                _check_stream(data[heap + offset : heap + offset + length], most)
        at += int(form[1] or 1) * size


def _check_stream(stream: memoryview | bytes, most: int) -> None:
    if stream[:2] != b"\x1f\x8b":
        return
    decoder, total = zlib.decompressobj(31), 0
    try:
        while not decoder.eof and total <= most:
            piece = decoder.decompress(stream, 1 << 20)
            stream, total = decoder.unconsumed_tail, total + len(piece)
            if not piece and not stream:
                return
    except zlib.error:
        return  # astropy finds it, too, and says so
    if total > most:
        raise Invalid("A tile of the compressed FITS image unpacks to more than its pixels: it is made to harm.")


def _native(values: NDArray[Any]) -> tuple[NDArray[Any], Mask | None]:
    kind = values.dtype
    if kind in (np.uint8, np.uint16):
        return np.ascontiguousarray(values, kind.newbyteorder("=")), None
    if kind == np.int16 and values.min(initial=0) >= 0:
        return np.ascontiguousarray(values, np.int16).view(np.uint16), None
    with np.errstate(over="ignore", invalid="ignore"):
        return without_gaps(np.array(values, np.float32, order="C"))


def _cards(image: Any, hdu: Hdu) -> tuple[Card, ...]:
    try:
        return parse_cards(image.header.tostring(endcard=False, padding=False).encode("latin-1", "replace"))
    except Exception:  # noqa: BLE001  # a card that astropy cannot format: the table's own cards say the same
        return hdu.cards
