"""What a picture's own tags say, as cards, so that their meaning is read in one place."""

import contextlib
import io
import re
from typing import Any, BinaryIO

from PIL import Image
from PIL.ExifTags import GPSTAGS, TAGS

from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.tiff_survey import check_exif, survey

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
ORIENTATION = 0x0112
MAX_TEXT = 400
# Lay-out and bulk that say nothing of the observation
_SKIPPED = frozenset(
    {"MakerNote", "UserComment", "PrintImageMatching", "StripOffsets", "StripByteCounts", "TileOffsets",
     "TileByteCounts", "JPEGTables", "ImageResources", "InterColorProfile", "ExifOffset", "GPSInfo", "XMLPacket",
     "IPTCNAA", "JpegIFOffset", "JpegIFByteCount", "ColorMap", "TransferFunction"}
)  # fmt: skip
_HEAD_BYTES = 4 << 20  # of a raw file; its directories begin there
# Of a raw file's first directory: how it is stored, and how colours are made of it
_LAYOUT = re.compile(r"Tag\d|SubIFDs|Color|Calib|Camera(Cal|Ser)|Forward|Profile|Noise|AsShot|DNG|Analog|CFA|Default")


def cards_of_picture(image: Image.Image, notes: list[str], limits: Limits) -> tuple[Card, ...]:
    """Return EXIF tags (by their EXIF names), GPS tags and text chunks as cards, and note an orientation tag.

    Pixels stay as they are stored: every program that asks for a position gives it in the file's own rows and
    columns, and most of them do not look at the tag. Damaged tags are left out.
    """
    cards: list[Card] = []
    with contextlib.suppress(Exception):  # Pillow raises many kinds on damaged tags; they are no reason to fail
        if isinstance(block := image.info.get("exif"), bytes):
            check_exif(block, limits)
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


def cards_of_raw(source: BinaryIO, limits: Limits) -> tuple[Card, ...]:
    """Return the EXIF of a camera's raw file, wherever its maker puts it; nothing where it is not found.

    Most are TIFF themselves, some with a signature of their own (ORF, RW2); CR3 keeps several TIFF directories in
    boxes (ISO 14496-12); RAF keeps a JPEG.
    """
    cards: list[Card] = []
    for block, directory in _exif_blocks(source):
        with contextlib.suppress(Exception):  # as above
            survey(block, limits)
            block.seek(0)
            tags = Image.Exif()
            tags.load_from_fp(block)
            cards += [card for card in _cards(tags, directory) if not _LAYOUT.match(card.keyword)]
            cards += _cards(tags.get_ifd(EXIF_IFD), TAGS)
            cards += _cards(tags.get_ifd(GPS_IFD), GPSTAGS)
    return tuple(cards)


def _exif_blocks(source: BinaryIO) -> list[tuple[BinaryIO, dict[int, str]]]:
    source.seek(0)
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    if head[4:12] == b"ftypcrx ":
        found = ((head.find(b"CMT1"), TAGS), (head.find(b"CMT2"), TAGS), (head.find(b"CMT4"), GPSTAGS))
        return [(io.BytesIO(head[at + 4 : at + 4 + (1 << 20)]), names) for at, names in found if at > 0]
    if head.startswith(b"FUJIFILMCCD-RAW"):
        at = head.find(b"Exif\0\0")
        return [(io.BytesIO(head[at + 6 :]), TAGS)] if at > 0 else []
    if head[:4] in {b"II*\0", b"MM\0*"}:
        return [(source, TAGS)]
    if head[:2] in {b"II", b"MM"}:
        return [(io.BytesIO((b"II*\0" if head[:2] == b"II" else b"MM\0*") + head[4:]), TAGS)]
    return []
