"""Tables of a FITS file, each by itself, once its header has been looked at."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from hven.science.frames.fits_hdus import Hdu, isolated, scan, whole
from hven.science.frames.limits import Limits

MAX_COLUMNS = 999  # FITS standard 4.0, section 7.2.1


def tables_of(source: BinaryIO, limits: Limits) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """Yield (keywords of the first two HDUs, a FITS file of an empty primary HDU and one table) for each table.

    A library that is given the whole file believes every header in it: a million HDUs, an image of ten million axes.
    """
    size = source.seek(0, io.SEEK_END)
    keywords: dict[str, Any] = {}
    for hdu in scan(source, size, limits, []):
        if hdu.index < 2:
            keywords |= hdu.header
        if _is_table(hdu) and hdu.data_at + hdu.data_bytes <= size:
            yield dict(keywords), io.BytesIO(isolated(source, hdu))


def _is_table(hdu: Hdu) -> bool:
    columns = whole(hdu.header.get("TFIELDS"))
    return (
        hdu.header.get("XTENSION") in {"BINTABLE", "TABLE"}
        and not hdu.is_tiled
        and hdu.header.get("NAXIS") == 2
        and columns is not None
        and 1 <= columns <= MAX_COLUMNS
    )
