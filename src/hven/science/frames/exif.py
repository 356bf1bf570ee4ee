"""What a picture's own tags say, as cards, so that their meaning is read in one place."""

import contextlib
from typing import Any

from PIL import Image
from PIL.ExifTags import GPSTAGS, TAGS

from hven.science.frames.frame import Card

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
ORIENTATION = 0x0112
MAX_TEXT = 400
# Lay-out and bulk that say nothing of the observation
_SKIPPED = frozenset(
    {"MakerNote", "UserComment", "PrintImageMatching", "StripOffsets", "StripByteCounts", "TileOffsets",
     "TileByteCounts", "JPEGTables", "ImageResources", "InterColorProfile", "ExifOffset", "GPSInfo", "XMLPacket",
     "IPTCNAA", "JpegIFOffset", "JpegIFByteCount", "ColorMap", "TransferFunction"}
)  # fmt: skip


def cards_of_picture(image: Image.Image, notes: list[str]) -> tuple[Card, ...]:
    """Return EXIF tags (by their EXIF names), GPS tags and text chunks as cards, and note an orientation tag.

    Pixels stay as they are stored: every program that asks for a position gives it in the file's own rows and
    columns, and most of them do not look at the tag. Damaged tags are left out.
    """
    cards: list[Card] = []
    with contextlib.suppress(Exception):  # Pillow raises many kinds on damaged tags; they are no reason to fail
        tags = image.getexif()
        cards += _cards(tags, TAGS)
        cards += _cards(tags.get_ifd(EXIF_IFD), TAGS)
        cards += _cards(tags.get_ifd(GPS_IFD), GPSTAGS)
        orientation = tags.get(ORIENTATION, 1)
        if orientation in range(2, 9):
            notes.append(
                f"The picture asks to be turned for display (orientation {orientation}); pixels are counted as the"
                " file stores them."
            )
    text = getattr(image, "text", None)
    if isinstance(text, dict):
        cards += [Card(str(k)[:MAX_TEXT], str(v)[:MAX_TEXT]) for k, v in text.items()]
    comment = image.info.get("comment")
    if isinstance(comment, bytes | str):
        cards.append(Card("COMMENT", None, _plain(comment)))
    return tuple(cards)


def _cards(tags: Any, names: dict[int, str]) -> list[Card]:
    cards = []
    for number, value in tags.items():
        name = names.get(number, f"Tag{number}")
        if name not in _SKIPPED:
            cards.append(Card(name, _plain(value)))
    return cards


def _plain(value: Any) -> Any:
    """Return text, a number, or numbers separated by blanks."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return value.replace("\x00", " ").strip()[:MAX_TEXT]
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple | list):
        return " ".join(str(_plain(item)) for item in value[:16])
    try:
        return float(value)  # Pillow's rationals
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
