"""Tile-compressed FITS images (.fz): decoded by astropy after hven has checked what the header asks for."""

import io
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.cards import parse_cards
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.pixels import Mask, without_gaps

if TYPE_CHECKING:
    from hven.science.frames.fits_hdus import Hdu

# An empty primary HDU, so that the one extension wanted makes a file of its own: what else the file holds, and
# how broken that may be, does not matter then.
_EMPTY = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0", "END")
_PRIMARY = "".join(line.ljust(80) for line in _EMPTY).ljust(2880).encode()


def read_tiled(
    source: BinaryIO, hdu: "Hdu", limits: Limits, numbers: tuple[int, ...]
) -> tuple[list[tuple[NDArray[Any], Mask | None]], tuple[Card, ...]]:
    """Return the planes asked for and the cards of the image that was compressed."""
    from astropy.io import fits  # noqa: PLC0415  # 0.3 s that plain files need not pay

    _check_tiles(hdu, limits)
    missing = hdu.data_at + hdu.data_bytes - source.seek(0, io.SEEK_END)
    if missing > 0:  # before a buffer of the announced size is taken
        raise Invalid(f"The file is cut short: {missing:,} bytes of the compressed image are missing.")
    source.seek(hdu.header_at)
    body = source.read(hdu.data_at + hdu.data_bytes - hdu.header_at)
    body += b"\0" * (-len(body) % 2880)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(_PRIMARY + body), memmap=False) as hdus:
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


def _check_tiles(hdu: "Hdu", limits: Limits) -> None:
    pixels = 1
    for i, length in enumerate(hdu.axes, 1):
        tile = hdu.header.get(f"ZTILE{i}", length if i == 1 else 1)
        if isinstance(tile, bool) or not isinstance(tile, int) or tile < 1:
            raise Invalid("The compressed image in the FITS file has no valid tiles.")
        pixels *= tile
    limits.check_pixels(pixels, 1)


def _native(values: NDArray[Any]) -> tuple[NDArray[Any], Mask | None]:
    kind = values.dtype
    if kind in (np.uint8, np.uint16):
        return np.ascontiguousarray(values, kind.newbyteorder("=")), None
    if kind == np.int16 and values.min(initial=0) >= 0:
        return np.ascontiguousarray(values, np.int16).view(np.uint16), None
    with np.errstate(over="ignore", invalid="ignore"):
        return without_gaps(np.array(values, np.float32, order="C"))


def _cards(image: Any, hdu: "Hdu") -> tuple[Card, ...]:
    try:
        return parse_cards(image.header.tostring(endcard=False, padding=False).encode("latin-1", "replace"))
    except Exception:  # noqa: BLE001  # a card that astropy cannot format: the table's own cards say the same
        return hdu.cards
