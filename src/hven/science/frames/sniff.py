"""What kind of file some bytes begin: told by the bytes, never by the name."""

from enum import StrEnum
from typing import BinaryIO

import numpy as np

from hven.science.frames import tiff_tags

HEAD_BYTES = 4096  # enough for every test below


class Kind(StrEnum):
    """The kinds that are told apart; `is_image` says which the reader takes."""

    FITS = "fits"
    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    GIF = "gif"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    ZIP = "zip"
    EMPTY = "empty"
    TAR = "tar"
    XISF = "xisf"
    RAW = "raw"
    HTML = "html"
    XML = "xml"
    JSON = "json"
    PDF = "pdf"
    HEIF = "heif"
    WEBP = "webp"
    BMP = "bmp"
    NETPBM = "netpbm"
    SER = "ser"
    VIDEO = "video"
    ARCHIVE = "archive"
    XY_LIST = "xy list"
    TEXT = "text"
    UNKNOWN = "unknown"

    @property
    def is_image(self) -> bool:
        """True for the formats that `read_frame` decodes."""
        return self in {Kind.FITS, Kind.XISF, Kind.RAW, Kind.JPEG, Kind.PNG, Kind.TIFF, Kind.GIF}

    @property
    def is_packed(self) -> bool:
        """True for the compressed containers that `unpack` opens."""
        return self in {Kind.GZIP, Kind.BZIP2, Kind.ZIP}


# Sentences for people whose file is no image; each says what it is and what to do.
WHAT_IT_IS = {
    Kind.EMPTY: "The file is empty.",
    Kind.TAR: "This is a tar archive, not an image: unpack it and hand over its images one by one.",
    Kind.HTML: "This is a web page, not an image; perhaps the link leads to a page about the image.",
    Kind.XML: "This is an XML document, not an image.",
    Kind.JSON: "This is a JSON document, not an image.",
    Kind.PDF: "This is a PDF document, not an image.",
    Kind.HEIF: "This is a HEIF or AVIF picture, which is not read: save it as JPEG or TIFF.",
    Kind.WEBP: "This is a WebP picture, which is not read: save it as JPEG or PNG.",
    Kind.BMP: "This is a BMP picture, which is not read: save it as PNG.",
    Kind.NETPBM: "This is a PNM picture, which is not read: save it as PNG or TIFF.",
    Kind.SER: "This is a SER video, not a single image: save one frame or a stack of it as FITS.",
    Kind.VIDEO: "This is a video, not an image: save one frame of it as PNG or TIFF.",
    Kind.ARCHIVE: "This is an archive of a kind that is not read: unpack it and hand over the image itself.",
    Kind.XY_LIST: "This is a list of numbers, not an image.",
    Kind.TEXT: "This is a text file, not an image.",
    Kind.UNKNOWN: "This is no image of a known kind: FITS, XISF, raw camera files, JPEG, PNG, TIFF and GIF are read.",
}

_PREFIXES: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"\x1f\x8b", Kind.GZIP),
    (b"BZh", Kind.BZIP2),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"XISF0100", Kind.XISF),
    (b"%PDF", Kind.PDF),
    (b"BM", Kind.BMP),
    (b"LUCAM-RECORDER", Kind.SER),
    (b"\x1a\x45\xdf\xa3", Kind.VIDEO),
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"IIRO", Kind.RAW),  # Olympus
    (b"IIRS", Kind.RAW),
    (b"IIU\x00", Kind.RAW),  # Panasonic
    (b"\x00MRM", Kind.RAW),  # Minolta
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
    (b"Rar!", Kind.ARCHIVE),
    (b"\xfd7zXZ\x00", Kind.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", Kind.ARCHIVE),  # Zstandard
    (b"\x1f\x9d", Kind.ARCHIVE),  # compress
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def sniff(head: bytes) -> Kind:  # noqa: PLR0911  # a list of tests reads best as one
    """Return the kind of a file from its first HEAD_BYTES bytes (fewer where the file is shorter)."""
    if not head:
        return Kind.EMPTY
    if head.startswith((b"SIMPLE  =", b"XTENSION= ")):
        return Kind.FITS
    if head[:4] in _TIFF:
        return _tiff_or_raw(head)
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head[4:8] == b"ftyp":
        return _boxes(head[8:12])
    if head[:4] == b"RIFF":
        return Kind.WEBP if head[8:12] == b"WEBP" else Kind.VIDEO
    if head[257:262] == b"ustar":
        return Kind.TAR
    if head[:1] == b"P" and head[1:2] in b"1234567Ff" and head[2:3].isspace():
        return Kind.NETPBM
    return _text(head)


def _tiff_or_raw(head: bytes) -> Kind:
    """Tell cameras' raw files, most of which are TIFF with a thumbnail first and the exposure in a sub-directory."""
    if head[8:10] == b"CR":  # Canon's CR2
        return Kind.RAW
    at = tiff_tags.directory_offset(head)
    if at is None or at >= len(head):
        return Kind.TIFF
    tags = tiff_tags.first_values(head, head[at:])
    thumbnail = bool((tags.get(tiff_tags.SUBFILE) or 0) & 1)
    colours = tags.get(tiff_tags.PHOTOMETRIC) == tiff_tags.COLOUR_FILTER_ARRAY
    makers = tags.get(tiff_tags.COMPRESSION) in tiff_tags.MAKERS_OWN
    if (
        tiff_tags.DNG_VERSION in tags
        or colours
        or makers
        or (thumbnail and tiff_tags.SUB_IFDS in tags and tiff_tags.MAKE in tags)
    ):
        return Kind.RAW
    return Kind.TIFF


def is_plain_tiff(source: BinaryIO) -> bool:
    """Say whether a file begins as a TIFF and holds no mosaic of colours in its first directory."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    at = tiff_tags.directory_offset(head) if head[:4] in _TIFF else None
    if at is None or head[8:10] == b"CR":
        return False
    tags = tiff_tags.first_values(head, head[at:])
    return tiff_tags.DNG_VERSION not in tags and tags.get(tiff_tags.COMPRESSION) not in tiff_tags.MAKERS_OWN


def _boxes(brand: bytes) -> Kind:
    if brand in {b"heic", b"heix", b"mif1", b"msf1", b"avif", b"hevc"}:
        return Kind.HEIF
    return Kind.RAW if brand == b"crx " else Kind.VIDEO


def _text(head: bytes) -> Kind:
    sample = head.removeprefix(b"\xef\xbb\xbf")
    codes = np.frombuffer(sample, np.uint8)
    control = np.count_nonzero((codes < 32) & (codes != 9) & (codes != 10) & (codes != 13) & (codes != 12))
    if control or not codes.size:
        return Kind.UNKNOWN
    low = sample.lstrip().lower()
    if low.startswith((b"<!doctype html", b"<html", b"<head")) or b"<html" in low[:1024]:
        return Kind.HTML
    if low.startswith(b"<"):
        return Kind.XML
    if low.startswith((b"{", b'["', b"[{")):
        return Kind.JSON
    return Kind.XY_LIST if _is_number_list(sample) else Kind.TEXT


def _is_number_list(sample: bytes) -> bool:
    lines = [line for line in sample.decode("latin-1").splitlines() if line.strip() and line.lstrip()[0] != "#"]
    if len(lines) > 1:
        lines = lines[:-1]  # the last may be cut in the middle
    if not lines:
        return False
    for line in lines[:20]:
        fields = line.replace(",", " ").split()
        if len(fields) < 2:
            return False
        try:
            for text in fields[:2]:
                float(text)
        except ValueError:
            return False
    return True
