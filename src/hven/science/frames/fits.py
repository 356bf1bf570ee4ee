"""Reading FITS: every HDU is looked at, the first plane that can be used is taken.

FITS standard 4.0 (Pence et al. 2010, A&A 524, A42, and its revision of 2016). Plain images are read here,
directly into their final array; tile-compressed ones (.fz) by astropy.
"""

import io
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.cards import as_mapping
from hven.science.frames.fits_hdus import Hdu, number, scan, whole
from hven.science.frames.fits_tiled import read_tiled
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.mosaic import SMOOTHED, is_mosaic, light_of
from hven.science.frames.pixels import Decoded, Mask, Storage, is_grey, luminance, read_plane
from hven.science.frames.selection import Plane, Selection

STRUCTURE = frozenset(
    {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "TFIELDS", "CHECKSUM", "DATASUM"}
)
_LISTED = 12  # HDUs named in a sentence
_UNSIGNED = {8: "uint8", 16: "uint16", 32: "uint32", 64: "uint64"}
_SIGNED = {8: "int8", 16: "int16", 32: "int32", 64: "int64", -32: "float32", -64: "float64"}


def read_fits(source: BinaryIO, limits: Limits, selection: Selection) -> Decoded:
    """Read a plane; HDUs are counted from 0, planes of a cube from 1."""
    size = source.seek(0, io.SEEK_END)
    notes: list[str] = []
    hdus = []
    chosen = None
    for hdu in scan(source, size, limits, notes):
        hdus.append(hdu)
        if hdu.is_plane if selection.unit is None else _is_meant(hdu, selection):
            chosen = hdu
            break
    if chosen is None or not chosen.is_plane:
        raise Invalid(_why_none(hdus, selection, notes))
    limits.check_pixels(*chosen.size)
    cards = chosen.cards
    numbers = _numbers(chosen, selection.plane)
    if chosen.is_tiled:
        planes, cards = read_tiled(source, chosen, limits, numbers)
    else:
        planes = _read_plain(source, size, chosen, numbers)
    if chosen.index:
        first = hdus[0].cards
        cards = (*cards, *(c for c in first if c.keyword not in STRUCTURE and not c.keyword.startswith("NAXIS")))
    return _assemble(chosen, planes, cards, selection.plane, notes)


def fits_planes(source: BinaryIO, limits: Limits) -> list[Plane]:
    """List the HDUs of a file, from their headers alone."""
    size = source.seek(0, io.SEEK_END)
    return [described(hdu) for hdu in scan(source, size, limits, [])]


def described(hdu: Hdu) -> Plane:
    """Say what an HDU is."""
    name = hdu.name[:80] + (f",{hdu.version}" if hdu.name and hdu.header.get("EXTVER") is not None else "")
    try:
        axes = hdu.axes
    except Invalid as error:
        return Plane(str(hdu.index), name, (), "", "unreadable", str(error))
    if hdu.is_plane:
        kind = "colour" if hdu.is_colour or hdu.is_pixelwise else "cube" if _count(hdu) > 1 else "image"
    elif hdu.header.get("XTENSION") in {"BINTABLE", "TABLE", "A3DTABLE"} and not hdu.is_tiled:
        kind = "table"
    else:
        kind = "spectrum" if axes and all(axes) else "empty"
    return Plane(str(hdu.index), name, tuple(reversed(axes)), _type_of(hdu) if axes else "", kind)


def _type_of(hdu: Hdu) -> str:
    bitpix = whole(hdu.header.get("ZBITPIX" if hdu.is_tiled else "BITPIX")) or 0
    offset = number(hdu.header, "BZERO", 0.0)
    if bitpix == 8:
        return "int8" if offset == -128 else "uint8"
    if bitpix in _UNSIGNED and offset == 2.0 ** (bitpix - 1):
        return _UNSIGNED[bitpix]
    return _SIGNED.get(bitpix, "")


def _is_meant(hdu: Hdu, selection: Selection) -> bool:
    return selection.fits(hdu.index, hdu.name or ("" if hdu.index else "PRIMARY"), hdu.version)


def _count(hdu: Hdu) -> int:
    """Return how many planes the HDU holds."""
    return 3 if hdu.is_pixelwise else int(np.prod(hdu.axes[2:], dtype=object))


def _numbers(hdu: Hdu, wanted: int | None) -> tuple[int, ...]:
    """Return which planes are read, from 0: the one asked for, all three of a colour picture, else the first."""
    if wanted is None:
        return (0, 1, 2) if hdu.is_colour or hdu.is_pixelwise else (0,)
    if wanted > _count(hdu):
        raise Invalid(f"The image has {_count(hdu)} plane(s), counted from 1; there is no plane {wanted}.")
    return (wanted - 1,)


# --- pixels -------------------------------------------------------------------------------------------------


def _read_plain(
    source: BinaryIO, size: int, hdu: Hdu, numbers: tuple[int, ...]
) -> list[tuple[NDArray[Any], Mask | None]]:
    width, height = hdu.size
    blank = whole(hdu.header.get("BLANK"))
    bitpix = int(hdu.header["BITPIX"])
    storage = Storage(
        bitpix,
        number(hdu.header, "BSCALE", 1.0) or 1.0,
        number(hdu.header, "BZERO", 0.0),
        blank if bitpix > 0 else None,
    )
    plane_bytes = width * height * storage.item_bytes
    wanted = _count(hdu) if hdu.is_pixelwise else max(numbers) + 1
    missing = hdu.data_at + wanted * plane_bytes - size
    if missing > 0:
        raise Invalid(
            f"The file is cut short: its image of {width:,} x {height:,} pixels needs {plane_bytes:,} bytes,"
            f" {min(missing, plane_bytes):,} of them are missing."
        )
    if not hdu.is_pixelwise:
        return [read_plane(source, hdu.data_at + n * plane_bytes, (height, width), storage) for n in numbers]
    data, mask = read_plane(source, hdu.data_at, (height, 3 * width), storage)
    colours = data.reshape(height, width, 3)
    gaps = None if mask is None else mask.reshape(height, width, 3)
    return [
        (np.ascontiguousarray(colours[..., n]), None if gaps is None else np.ascontiguousarray(gaps[..., n]))
        for n in numbers
    ]


def _assemble(
    hdu: Hdu,
    planes: list[tuple[NDArray[Any], Mask | None]],
    cards: tuple[Card, ...],
    wanted: int | None,
    notes: list[str],
) -> Decoded:
    where = f"HDU {hdu.index}" + (f" ({hdu.name[:40]})" if hdu.name else "")
    rgb = stored = None
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
    else:
        if _count(hdu) > 1:
            where += f", plane {wanted or 1} of {_count(hdu)}"
            if wanted is None:
                notes.append(f"The file holds {_count(hdu)} planes; the first was taken.")
        if is_mosaic(data, as_mapping(cards)):
            notes.append(SMOOTHED)
            stored, data = data, light_of(data)
    return Decoded(data, rgb, mask, cards, where, tuple(notes), stored)


def _why_none(hdus: list[Hdu], selection: Selection, notes: list[str]) -> str:
    if selection.unit is not None:
        named = [f"{h.index}{f' ({h.name[:20]})' if h.name else ''}" for h in hdus if h.is_plane]
        known = ", ".join(named[:_LISTED]) + (", ..." if len(named) > _LISTED else "")
        asked = selection.unit[:40] + (f",{selection.version}" if selection.version is not None else "")
        return " ".join([f"There is no image in HDU {asked}; images are in: {known or 'none'}.", *notes[:3]])
    tables = any(h.header.get("XTENSION") in {"BINTABLE", "TABLE"} for h in hdus)
    lines = any(len(h.axes) == 1 or (len(h.axes) >= 2 and min(h.axes[:2]) == 1) for h in hdus)
    if lines:
        reason = "its data have one dimension only (a spectrum?)"
    elif tables:
        reason = "it holds a table"
    else:
        reason = "it has headers but no data"
    return " ".join([f"The FITS file holds no image: {reason}.", *notes[:3]])
