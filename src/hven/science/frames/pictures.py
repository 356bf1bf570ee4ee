"""Reading JPEG, PNG, TIFF and GIF as they are stored: no rotation, no colour management, no scaling.

Pillow decodes all but what it cannot hold (colours of 16 bits, floating point colours, 64-bit TIFF), which
OpenCV does.
"""

import contextlib
import ctypes
import io
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hven.errors import Invalid, TooLarge
from hven.science.frames import tiff_tags
from hven.science.frames.exif import cards_of_picture
from hven.science.frames.limits import Limits
from hven.science.frames.mosaic import SMOOTHED, is_mosaic, light_of
from hven.science.frames.pixels import Decoded, Mask, is_grey, luminance, plain_type
from hven.science.frames.selection import Plane, Selection
from hven.science.frames.sniff import Kind
from hven.science.frames.tiff_survey import check_jpeg, survey

# What OpenCV would say on standard error stands in the sentences of the errors raised here
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _silence_libtiff() -> None:
    """Keep Pillow's libtiff from writing a line for every bad row of a picture to standard error, for the same reason.

    Where Pillow was built with a libtiff of the system, nothing changes.
    """
    site = Path(PIL.__file__).parent.parent
    for path in (*site.glob("pillow.libs/libtiff*"), *site.glob("PIL/.dylibs/libtiff*")):
        with contextlib.suppress(OSError, AttributeError):
            handler = ctypes.CDLL(str(path)).TIFFSetErrorHandler
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


_silence_libtiff()

NAMES = {Kind.JPEG: "JPEG", Kind.PNG: "PNG", Kind.TIFF: "TIFF", Kind.GIF: "GIF"}
PAGES_OF_LIMIT = 20  # times the pixels of one plane, for all pages before the one that is read
_MISSING = re.compile(r"\((\d+) bytes? not processed\)")


def read_picture(source: BinaryIO, kind: Kind, limits: Limits, selection: Selection) -> Decoded:
    """Read one page; pages are counted from 0."""
    name = NAMES[kind]
    notes: list[str] = []
    page = _page_number(selection)
    pages = _survey(source, kind, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here, and about odd tags
            # One thumbnail within a JPEG makes Pillow see two pictures (MPO): the first is meant
            with Image.open(source, formats=[name, "MPO"] if kind is Kind.JPEG else [name]) as image:
                limits.check_pixels(image.width, image.height)
                pages = _turn_to(image, page, pages, limits, name)
                limits.check_pixels(image.width, image.height)
                cards = cards_of_picture(image, notes, limits)
                values = _decode(image, source, kind, page)
    except (Invalid, MemoryError):
        raise  # the latter becomes a sentence where all formats meet
    except Image.DecompressionBombError as error:  # Pillow's own bound, far above hven's
        raise TooLarge(f"The {name} picture has more pixels than this server reads.") from error
    except UnidentifiedImageError as error:
        if kind is not Kind.TIFF:
            raise Invalid(f"The {name} file is damaged or cut short: its header cannot be read.") from error
        # Pillow holds no colours in floating point and no 64 bits
        _check_tiff(source, limits)
        values, cards, pages = _by_opencv(source, name, page), (), 1
    except Exception as error:  # decoders raise whatever a hostile stream makes them raise
        raise Invalid(_sentence(name, error)) from error
    if pages > 1 and selection.is_default:
        notes.append(f"The file holds {pages} pages; the first was taken.")
    data, rgb, mask = _arrays(values, notes)
    where = f"page {page} of {pages}" if pages > 1 else ""
    stored = None
    if rgb is None and kind in {Kind.TIFF, Kind.PNG} and is_mosaic(data, {}):
        notes.append(SMOOTHED)
        stored, data = data, light_of(data)
    return Decoded(data, rgb, mask, cards, where, tuple(notes), stored)


def picture_planes(source: BinaryIO, kind: Kind, limits: Limits) -> list[Plane]:
    """List the pages of a picture, without decoding them.

    A GIF is listed by its first page alone where counting the others would mean decoding them.
    """
    name = NAMES[kind]
    planes = []
    _survey(source, kind, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=[name, "MPO"] if kind is Kind.JPEG else [name]) as image:
                planes.append(_page(image, 0))
                while kind is Kind.TIFF and len(planes) < limits.max_pages:
                    image.seek(len(planes))
                    planes.append(_page(image, len(planes)))
    except EOFError:
        pass
    except Exception as error:
        if not planes and kind is not Kind.TIFF:
            raise Invalid(_sentence(name, error)) from error
    if not planes:  # a kind of TIFF that Pillow does not hold
        width, height = _check_tiff(source, limits)
        planes.append(Plane("0", "", (height, width), "", "image"))
    return planes


def _survey(source: BinaryIO, kind: Kind, limits: Limits) -> int:
    """Look at what a decoder would believe at once; return the pages that a TIFF has, else 1."""
    pages = 1
    if kind is Kind.TIFF:
        pages = survey(source, limits)
    elif kind is Kind.JPEG:
        check_jpeg(source, limits)
    source.seek(0)
    return pages


def _page(image: Image.Image, number: int) -> Plane:
    bands = len(image.getbands())
    lead = (image.height, image.width)
    kind = "colour" if bands >= 3 or image.mode == "P" else "image"
    dtype = {"I;16": "uint16", "I;16B": "uint16", "I": "int32", "F": "float32", "1": "bool"}.get(image.mode, "uint8")
    return Plane(str(number), "", (*lead, bands) if bands > 1 else lead, dtype, kind)


def _page_number(selection: Selection) -> int:
    unit = selection.unit
    if selection.plane is not None or selection.version is not None:
        raise Invalid("Pages of a picture are chosen by their number, counted from 0; they hold no planes.")
    if unit is None:
        return 0
    if not (unit.isdecimal() and unit.isascii() and len(unit) < 7):
        raise Invalid(f"There is no page {unit!r:.40}; pages are counted from 0.")
    return int(unit)


def _turn_to(image: Image.Image, page: int, pages: int, limits: Limits, name: str) -> int:
    """Go to a page and return how many there are (counted up to the limit, or to the one asked for)."""
    if name == "JPEG":
        if page:
            raise Invalid("A JPEG picture has one page, number 0.")
        return 1
    if name != "TIFF":
        pages = 1
        try:
            while pages <= min(limits.max_pages, page + 1):
                # In order: a GIF builds on the pages before, each as large as its screen
                if pages * image.width * image.height > PAGES_OF_LIMIT * limits.max_pixels:
                    raise TooLarge(f"Page {page} of the {name} file lies behind more pixels than are looked at.")
                image.seek(pages)
                pages += 1
        except EOFError:
            pass
    if page >= pages:
        raise Invalid(f"The {name} file has {pages} page(s), counted from 0; there is no page {page}.")
    image.seek(page)
    return pages


def _decode(image: Image.Image, source: BinaryIO, kind: Kind, page: int) -> NDArray[Any]:
    """Return (height, width) or (height, width, 2 | 3 | 4) with alpha last."""
    if kind is Kind.TIFF and _needs_opencv(_tag(image, 258, (1,)), _tag(image, 339, (1,)), image.mode):
        return _by_opencv(source, "TIFF", page)
    if kind is Kind.PNG and image.mode in {"RGB", "RGBA"} and _png_depth(source) == 16:
        return _by_opencv(source, "PNG", 0)
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in {"1", "La"}:
        image = image.convert("L")
    elif image.mode not in {"L", "LA", "RGB", "RGBA", "I", "F", "I;16", "I;16B", "I;16L"}:
        image = image.convert("RGB")  # CMYK, YCbCr, LAB, RGBX
    return np.array(image)


def _needs_opencv(bits: Any, formats: Any, mode: str) -> bool:
    colours = mode not in {"L", "I", "F", "I;16", "I;16B", "1", "P"}
    return (colours and max(bits) > 8) or max(bits) > 32 or (mode == "F" and max(formats) != 3)


def _check_tiff(source: BinaryIO, limits: Limits) -> tuple[int, int]:
    """Return the width and height that the first directory announces, before OpenCV takes memory for them."""
    source.seek(0)
    head = source.read(16)
    at = tiff_tags.directory_offset(head)
    if at is not None and at < source.seek(0, io.SEEK_END):
        source.seek(at)
        tags = tiff_tags.first_values(head, source.read(16 + 20 * tiff_tags.MAX_ENTRIES))
        width, height = tags.get(tiff_tags.WIDTH), tags.get(tiff_tags.HEIGHT)
        if width and height:
            limits.check_pixels(width, height)
            return width, height
    raise Invalid("The TIFF file is damaged or cut short: its header cannot be read.")


def _tag(image: Image.Image, number: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = getattr(image, "tag_v2", {}).get(number, default)
    return value if isinstance(value, tuple) else (value,)


def _png_depth(source: BinaryIO) -> int:
    source.seek(24)
    return source.read(1)[0]


def _plain_png(content: bytes) -> bytes:
    """Return a PNG with nothing but its picture, after a look at every chunk's length.

    OpenCV takes the memory that a chunk announces before it looks whether the file has so much, and gives a
    picture of which part is missing without a word.
    """
    out, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        name = content[at + 4 : at + 8]
        if end > len(content):
            break
        if name in {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}:
            out += content[at:end]
        if name == b"IEND":
            return bytes(out)
        at = end
    raise Invalid("The PNG file is cut short: part of the image is missing.")


def _by_opencv(source: BinaryIO, name: str, page: int) -> NDArray[Any]:
    source.seek(0)
    content = source.read()
    raw = np.frombuffer(_plain_png(content) if name == "PNG" else content, np.uint8)
    flags = cv2.IMREAD_UNCHANGED  # keeps depth and alpha, and does not turn the picture
    values = None
    with contextlib.suppress(cv2.error):
        if page:
            good, found = cv2.imdecodemulti(raw, flags, None, (page, page + 1))
            values = found[0] if good and len(found) else None
        else:
            values = cv2.imdecode(raw, flags)
    if values is None:
        raise Invalid(f"The {name} picture is damaged or cut short, or stored in a way that is not read.")
    if values.ndim == 3 and values.shape[2] >= 3:
        order = [2, 1, 0, 3][: values.shape[2]]
        values = values[..., order]
    return np.asarray(values)


def _arrays(values: NDArray[Any], notes: list[str]) -> tuple[NDArray[Any], NDArray[Any] | None, Mask | None]:
    mask: Mask | None = None
    if values.ndim == 3 and values.shape[2] in {2, 4}:
        alpha = values[..., -1]
        if (alpha == 0).any() and (alpha != 0).any():
            mask = alpha == 0
            notes.append("Wholly transparent pixels count as pixels without a value.")
        values = values[..., :-1]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    values, gaps = plain_type(np.ascontiguousarray(values))
    if gaps is not None:
        mask = gaps if mask is None else mask | gaps
    if values.ndim == 2:
        return values, None, mask
    if is_grey(values):
        return np.ascontiguousarray(values[..., 0]), None, mask
    return luminance(values), values, mask


def _sentence(name: str, error: Exception) -> str:
    text = str(error).split("\n", 1)[0][:120]
    if missing := _MISSING.search(text):
        return f"The {name} file is cut short ({missing[1]} bytes could not be used): part of the image is missing."
    if "truncated" in text.lower() or isinstance(error, EOFError | io.UnsupportedOperation):
        return f"The {name} file is cut short: part of the image is missing."
    return f"The {name} file is damaged and cannot be decoded ({text or type(error).__name__})."
