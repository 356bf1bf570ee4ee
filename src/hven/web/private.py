"""What strangers do not get with a public picture: where it was taken.

The owner and those who may change a frame see everything. Others get its header without positions on the ground, and
its file with the EXIF parts cut out: byte for byte the same picture otherwise.
"""

from __future__ import annotations

import re
import struct
from typing import Any, BinaryIO

from hven.archive.models import DataFile
from hven.errors import Forbidden

_PLACE = re.compile(
    r"^(GPS.*|SITE(LAT|LON|ELEV).*|LAT-?OBS|LONG?-?OBS|ALT-?OBS|OBSGEO.*|OBS(LAT|LONG?|ALT|ELEV)"
    r"|GEO_?(LAT|LON|ALT).*|LAT(ITUDE)?|LONG?(ITUDE)?|ELEV.*|XMP.*|XML.*|MAKERNOTE|USERCOMMENT)$",
    re.IGNORECASE,
)


def tells_place(keyword: str) -> bool:
    """Say whether a header keyword tells where on the ground a frame was taken."""
    return _PLACE.match(keyword.strip()) is not None


def cards_for(data_file: DataFile, *, may_change: bool) -> list[list[Any]]:
    """Return the header cards that somebody may read."""
    cards: list[list[Any]] = data_file.cards
    return cards if may_change else [card for card in cards if not tells_place(str(card[0]))]


def without_position(stream: BinaryIO, kind: str) -> bytes | None:
    """Return a picture's bytes without EXIF and text, None where the format holds none to cut out.

    Raises
    ------
    Forbidden
        The format keeps its position where it cannot be cut out.
    """
    if kind == "jpeg":
        return _jpeg(stream.read())
    if kind == "png":
        return _png(stream.read())
    if kind in {"fits", "list"}:
        return None
    raise Forbidden("Only its owner can download this file as it was received: it may tell where it was taken.")


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
