"""Reading XISF 1.0, the format of PixInsight, N.I.N.A. and INDIGO (monolithic files).

Extensible Image Serialization Format, version 1.0 (Conejero, 2014-2022). Rows are stored from the top of the picture
down and stay so here; the projection in the keywords counts rows from the bottom, as in FITS (see header.wcs_from).
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.cards import as_mapping, value_of
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.mosaic import SMOOTHED, is_mosaic, light_of
from hven.science.frames.pixels import Decoded, is_grey, luminance, plain_type
from hven.science.frames.selection import Plane, Selection
from hven.science.frames.xisf_blocks import Block, find_block, load
from hven.science.frames.xisf_header import Element, read_header

SAMPLES = {"UInt8": "u1", "UInt16": "u2", "UInt32": "u4", "UInt64": "u8", "Float32": "f4", "Float64": "f8"}
MAX_CHANNELS = 64
MAX_PROPERTY = 400  # characters of one that is kept
MAX_CARDS = 10_000
_COMMENTARY = {"COMMENT", "HISTORY", ""}
_KEPT = re.compile(r"(Observation|Instrument|Image|XISF:Creat)\w*(:\w+)*\Z")  # what tells of the observation


@dataclass(frozen=True, slots=True)
class Picture:
    """One Image element, looked at."""

    index: int
    name: str
    element: Element
    width: int
    height: int
    channels: int
    sample: str
    interleaved: bool  # the samples of a pixel side by side ("Normal"), in place of plane after plane
    colours: str  # Gray, RGB, CIELab

    @property
    def is_rgb(self) -> bool:
        """True where the first three channels are red, green and blue."""
        return self.colours == "RGB" and self.channels >= 3

    @property
    def size(self) -> int:
        """Bytes of all samples."""
        return self.width * self.height * self.channels * np.dtype(SAMPLES[self.sample]).itemsize


def read_xisf(source: BinaryIO, limits: Limits, selection: Selection) -> Decoded:
    """Read one image of a file: its luminance where it has colours, else the channel asked for or the first."""
    root, size = _root(source, limits)
    picture = _choose(root, selection)
    limits.check_pixels(picture.width, picture.height)
    notes: list[str] = []
    block = find_block(picture.element, size)
    if block.size != picture.size:
        raise Invalid(
            f"The XISF file is damaged: an image of {picture.width:,} x {picture.height:,} pixels and"
            f" {picture.channels} channel(s) needs {picture.size:,} bytes, {block.size:,} are announced."
        )
    samples = _samples(picture, block, selection.plane, lambda part: load(source, part, limits, notes))
    count = len(root.all("Image"))
    if count > 1 and selection.is_default:
        notes.append(f"The file holds {count} images; the first was taken.")
    where = f"image {picture.index}" + (f" ({picture.name[:40]})" if picture.name else "")
    if picture.is_rgb and selection.plane is None:
        where += ", 3 colours"
    elif picture.channels > 1:
        where += f", channel {selection.plane or 1} of {picture.channels}"
        if selection.plane is None:
            notes.append(
                "The picture is stored in CIE L*a*b*: its lightness was taken."
                if picture.colours == "CIELab"
                else f"The image has {picture.channels} channels; the first was taken."
            )
    cards = _cards(root, picture.element)
    data, mask = plain_type(samples)
    rgb = stored = None
    if data.ndim == 3:
        data, rgb = (np.ascontiguousarray(data[..., 0]), None) if is_grey(data) else (luminance(data), data)
    elif is_mosaic(data, as_mapping(cards) | _filters(picture.element)):
        notes.append(SMOOTHED)
        stored, data = data, light_of(data)
    return Decoded(data, rgb, mask, cards, where, tuple(notes), stored)


def xisf_planes(source: BinaryIO, limits: Limits) -> list[Plane]:
    """List the images of a file; those that cannot be read say why in `note`."""
    root, _ = _root(source, limits)
    return [_plane(index, element) for index, element in enumerate(root.all("Image")[: limits.max_pages])]


def xisf_units(source: BinaryIO, limits: Limits) -> list[tuple[Plane, tuple[Card, ...]]]:
    """List the images of a file, each with its cards and properties."""
    root, _ = _root(source, limits)
    elements = root.all("Image")[: limits.max_pages]
    return [(_plane(index, element), _cards(root, element)) for index, element in enumerate(elements)]


def _plane(index: int, element: Element) -> Plane:
    name = element.get("id")[:MAX_PROPERTY]
    try:
        picture = _picture(index, element)
    except Invalid as error:
        return Plane(str(index), name, (), "", "unreadable", str(error))
    lead = (picture.channels,) if picture.channels > 1 else ()
    shape = (*lead, picture.height, picture.width)
    kind = "colour" if picture.is_rgb else "image" if picture.channels == 1 else "cube"
    return Plane(str(index), name, shape, np.dtype(SAMPLES[picture.sample]).name, kind)


def xisf_header(source: BinaryIO, limits: Limits) -> tuple[tuple[Card, ...], int | None, int | None]:
    """Return the cards and properties of the first image, its width and height; nothing where there is no image."""
    root, _ = _root(source, limits)
    elements = root.all("Image")
    if not elements:
        return (), None, None
    try:
        picture = _picture(0, elements[0])
    except Invalid:
        return _cards(root, elements[0]), None, None
    return _cards(root, picture.element), picture.width, picture.height


def _root(source: BinaryIO, limits: Limits) -> tuple[Element, int]:
    size = source.seek(0, io.SEEK_END)
    return read_header(source, size, limits), size


# --- which image --------------------------------------------------------------------------------------------


def _choose(root: Element, selection: Selection) -> Picture:
    elements = root.all("Image")
    if not elements:
        raise Invalid("The XISF file holds no image.")
    if selection.unit is None:
        return _picture(0, elements[0])
    for index, element in enumerate(elements):
        if selection.fits(index, element.get("id")):
            return _picture(index, element)
    names = [f"{i} ({e.get('id')[:20]})" if e.get("id") else str(i) for i, e in enumerate(elements[:10])]
    known = ", ".join(names)
    raise Invalid(f"There is no image {selection.unit:.40} in the XISF file; it holds: {known}.")


def _picture(index: int, element: Element) -> Picture:
    geometry = element.get("geometry")[:200].split(":")
    if not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in geometry) or len(geometry) < 2:
        raise Invalid(f"The XISF file gives no valid size of its image ({element.get('geometry'):.40}).")
    *axes, channels = (int(part) for part in geometry)
    if len(axes) != 2:
        raise Invalid(f"The XISF image has {len(axes)} dimension(s); images of two are read.")
    if min(axes) < 2 or not 1 <= channels <= MAX_CHANNELS:
        raise Invalid(f"The XISF image has {axes[0]:,} x {axes[1]:,} pixels and {channels:,} channels: not an image.")
    sample = element.get("sampleFormat")
    if sample.startswith("Complex"):
        raise Invalid("The XISF image holds complex numbers (a Fourier transform?), which are no picture of the sky.")
    if sample not in SAMPLES:
        raise Invalid(f"The XISF image stores its pixels in a way that is not read ({sample:.30}).")
    storage = element.get("pixelStorage", "Planar")
    if storage not in {"Planar", "Normal"}:
        raise Invalid(f"The XISF image arranges its pixels in a way that is not read ({storage:.30}).")
    colours = element.get("colorSpace", "Gray")
    return Picture(index, element.get("id"), element, axes[0], axes[1], channels, sample, storage == "Normal", colours)


# --- pixels -------------------------------------------------------------------------------------------------


def _samples(
    picture: Picture, block: Block, channel: int | None, load_block: Callable[[Block], bytes | bytearray]
) -> NDArray[Any]:
    """Return (height, width), or (height, width, 3) of a colour picture, as stored."""
    if channel is not None and not 1 <= channel <= picture.channels:
        raise Invalid(f"The image has {picture.channels} channel(s), counted from 1; there is no channel {channel}.")
    first, wanted = (channel - 1, 1) if channel else (0, 3 if picture.is_rgb else 1)
    dtype = np.dtype(SAMPLES[picture.sample]).newbyteorder(">" if block.big_endian else "<")
    plane = (picture.height, picture.width)
    if picture.interleaved:
        raw = load_block(block)
        values = np.frombuffer(raw, dtype).reshape(*plane, picture.channels)[..., first : first + wanted]
    else:
        step = picture.width * picture.height * dtype.itemsize
        if block.at is not None and block.compression is None and block.checksum is None:
            # Planes that nobody asked for are not even read
            start, length = first * step, wanted * step
            raw = load_block(block.part(start, length))
        else:
            raw = load_block(block)[first * step : (first + wanted) * step]
        values = np.moveaxis(np.frombuffer(raw, dtype).reshape(wanted, *plane), 0, -1)
    values = values[..., 0] if wanted == 1 else values
    return np.array(values, dtype.newbyteorder("="), order="C")


# --- what the header says -----------------------------------------------------------------------------------


def _filters(image: Element) -> dict[str, str]:
    """Return the colours of the sensor's filters, under the keyword that FITS has for them."""
    element = image.first("ColorFilterArray")
    return {} if element is None else {"BAYERPAT": element.get("pattern")[:36]}


def _cards(root: Element, image: Element) -> tuple[Card, ...]:
    """Return FITS keywords and then properties, of the image first and then of the file."""
    cards: list[Card] = []
    elements = [*image.children]
    by_uid = {e.get("uid"): e for e in root.children if e.get("uid")}
    elements += [by_uid[e.get("ref")] for e in image.all("Reference") if e.get("ref") in by_uid]
    elements += root.all("FITSKeyword") + root.all("Property")
    for metadata in root.all("Metadata"):
        elements += metadata.all("Property")
    cards += [_keyword(element) for element in elements if element.name == "FITSKeyword"]
    for element in elements:
        if element.name == "Property" and _KEPT.match(element.get("id")[:MAX_PROPERTY]):
            text = (element.get("value") or element.text.strip())[:MAX_PROPERTY]
            if text and not element.get("location"):
                numeric = element.get("type").startswith(("Int", "UInt", "Float", "Byte", "Short", "Double"))
                cards.append(Card(element.get("id"), value_of(text) if numeric else text, element.get("comment")[:80]))
    return tuple(cards[:MAX_CARDS])


def _keyword(element: Element) -> Card:
    name, comment = element.get("name").strip().upper(), element.get("comment")[:MAX_PROPERTY]
    if name.startswith("HIERARCH "):
        name = name.removeprefix("HIERARCH ").strip()
    value = element.get("value")[:MAX_PROPERTY]
    if name in _COMMENTARY:
        return Card(name, None, " ".join(part for part in (str(value_of(value) or ""), comment) if part))
    return Card(name[:MAX_PROPERTY], value_of(value), comment)
