"""What tells where on the ground a picture was taken: cards of its header, and what formats keep beside the pixels."""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from typing import BinaryIO

from hven.errors import Forbidden
from hven.science.frames.equipment import ELEVATION, LATITUDE, LONGITUDE
from hven.science.frames.sniff import HEAD_BYTES, Kind, sniff

# What is read as the site, and its relatives that other programs write.
_READ = frozenset(re.sub(r"[-_]", "", name.upper()) for name in (*LATITUDE, *LONGITUDE, *ELEVATION))
_PLACE = re.compile(
    r"(GPS.*|(SITE|GEO)(LAT|LON|ALT|ELEV).*|(LAT|LONG?|ALT|ELEV)OBS|OBSGEO.*|OBS(LAT|LONG?|ALT|ELEV).*"
    r"|TEL(LAT|LONG?|ELEV)|LAT(ITUDE?)?|LONG?(ITUDE?)?|ELEV.*|XMP.*|XML.*|MAKERNOTE|USERCOMMENT)"
)
_XISF_PLACE = "OBSERVATION:LOCATION:"
_PLAIN = frozenset({Kind.FITS, Kind.XY_LIST, Kind.TEXT, Kind.JSON, Kind.HTML, Kind.EMPTY})
_PACKED = frozenset({Kind.GZIP, Kind.BZIP2, Kind.ZIP, Kind.TAR, Kind.ARCHIVE})
_NO_PICTURES = frozenset({"", "fits", "list"})  # formats whose files are handed on as they are
WITHHELD = "Only its owner can download this file as it was received: it may tell where it was taken."


@lru_cache(maxsize=5_000)  # the same few words stand in each frame of a camera
def tells_place(keyword: str) -> bool:
    """Say whether a header keyword tells where on the ground a frame was taken.

    Of names with several words (HIERARCH ESO TEL GEOLAT) the last one says it.
    """
    name = keyword.strip().upper()
    if name.startswith(_XISF_PLACE):
        return True
    last = re.sub(r"[-_]", "", re.split(r"[\s.:]+", name)[-1])
    return last in _READ or _PLACE.fullmatch(last) is not None


def without_position(stream: BinaryIO, format: str) -> bytes | None:  # noqa: A002 - what a data file calls it
    """Return a file's bytes without EXIF and text; None where it holds none, and is handed on as it is.

    Parameters
    ----------
    stream
        The file, at its beginning. What kind it is, its bytes say: it may have been read not yet, or be packed.
    format
        As reading it told; empty where it was not read, or is no picture.

    Raises
    ------
    Forbidden
        It may keep a position where it cannot be cut out.
    """
    head = stream.read(HEAD_BYTES)
    kind = sniff(head)
    if kind is Kind.JPEG:
        return _jpeg(head + stream.read())
    if kind is Kind.PNG:
        return _png(head + stream.read())
    if kind in _PLAIN or (kind in _PACKED and format in {"fits", "list"}):
        return None
    if kind in {Kind.UNKNOWN, Kind.XML, Kind.NETPBM, Kind.BMP, Kind.SER} and format in _NO_PICTURES:
        return None
    raise Forbidden(WITHHELD)


def _jpeg(content: bytes) -> bytes:
    """Copy the segments of a JPEG but APP1 (EXIF, XMP), APP13 (IPTC) and comments."""
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xDA:  # the picture itself follows
            break
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack(">H", content[at + 2 : at + 4])
        if marker not in {0xE1, 0xED, 0xFE}:
            kept.append(content[at : at + 2 + length])
        at += 2 + length
    return b"".join(kept) + content[at:]


def _png(content: bytes) -> bytes:
    """Copy the chunks of a PNG but eXIf and texts."""
    kept, at = [content[:8]], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        if content[at + 4 : at + 8] not in {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}:
            kept.append(content[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)
