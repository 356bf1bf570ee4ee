"""A look at the directories of a TIFF or of EXIF before a decoder believes them.

Decoders load every value that a directory points to, and follow the chain of directories as long as it goes. A file of
a megabyte can point to all of itself 65,535 times, or hold a million directories; honest values never overlap, so their
lengths add up to less than the file.
"""

import io
import struct
from typing import BinaryIO

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.tiff_tags import TILE_LENGTH, TILE_WIDTH, directory_offset, first_values

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_SHARED = 2  # times the file's length that values of all directories may add up to: pages may share a table
_SLACK = 1 << 16
_POINTERS = frozenset({330, 34665, 34853, 40965})  # sub-directories, EXIF, GPS, interoperability
_MOST_BYTES = 65_536 * 20  # of one directory


def survey(source: BinaryIO, limits: Limits) -> int:
    """Return how many pages (directories of the main chain) a TIFF has, counted up to the limit.

    Raises
    ------
    Invalid
        Its values claim more bytes than the file has.
    TooLarge
        Its tiles hold more pixels than allowed.
    """
    return _Survey(source, limits).pages()


def check_exif(block: bytes, limits: Limits) -> None:
    """Refuse EXIF (with or without its prefix) whose tags claim more than it has."""
    start = block.find(b"Exif\0\0", 0, 64)
    survey(io.BytesIO(block[start + 6 :] if start >= 0 else block), limits)


def check_jpeg(source: BinaryIO, limits: Limits) -> None:
    """Refuse a JPEG whose EXIF or index of pictures is hostile, or whose scans would take hours.

    Decoders read both kinds of tags as soon as they open the file, and join EXIF that comes in several segments.
    """
    source.seek(0)
    content = source.read()
    exif, at, pixels = bytearray(), 2, 0
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in {0xFF, 0x01} or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in {0xDA, 0xD9}:
            break
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        body = content[at + 4 : at + 2 + length]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif += body[6:]
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            check_exif(body[4:], limits)
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC} and len(body) >= 5:
            pixels = int.from_bytes(body[1:3], "big") * int.from_bytes(body[3:5], "big")
        at += 2 + max(2, length)
    if exif:
        check_exif(bytes(exif), limits)
    scans = content.count(b"\xff\xda", at)
    if scans > limits.max_scans and scans * pixels > limits.max_scans * limits.scan_pixels:
        raise TooLarge(f"The JPEG picture is stored in {scans:,} passes; pictures of that size have a dozen.")


class _Survey:
    """A walk through the directories of one file, each looked at once."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self.source, self.limits = source, limits
        self.size = source.seek(0, io.SEEK_END)
        source.seek(0)
        self.head = source.read(16)
        self.order = "<" if self.head[:2] == b"II" else ">"
        big = len(self.head) >= 4 and struct.unpack_from(f"{self.order}H", self.head, 2)[0] == 43
        self.offset_format = f"{self.order}{'Q' if big else 'I'}"
        self.count_format = f"{self.order}{'Q' if big else 'H'}"
        self.entry_format = f"{self.order}HH{'QQ' if big else 'II'}"
        self.claimed = 0
        self.queue: list[tuple[int, bool]] = []  # (byte offset, whether it is a page)

    def pages(self) -> int:
        at = directory_offset(self.head)
        pages = 0
        seen: set[int] = set()
        self.queue = [] if at is None else [(at, True)]
        while self.queue and len(seen) <= self.limits.max_pages:
            at, is_page = self.queue.pop()
            if at in seen or not 0 < at < self.size:
                continue
            seen.add(at)
            self.source.seek(at)
            if self._look(self.source.read(_MOST_BYTES), is_page):
                pages += is_page
        return max(1, min(pages, self.limits.max_pages))

    def _look(self, directory: bytes, is_page: bool) -> bool:
        """Add up what the values of a directory claim, and queue the directories that it names."""
        start, step = struct.calcsize(self.count_format), struct.calcsize(self.entry_format)
        if len(directory) < start:
            return False
        count = struct.unpack_from(self.count_format, directory)[0]
        in_place = struct.calcsize(self.offset_format)
        for i in range(min(count, (len(directory) - start) // step)):
            tag, kind, number, value = struct.unpack_from(self.entry_format, directory, start + i * step)
            length = number * _SIZES.get(kind, 1)
            if length > in_place:
                self.claimed += max(0, min(length, self.size - value))
            elif tag in _POINTERS:
                self.queue.insert(0, (value, False))
        if self.claimed > _SHARED * self.size + _SLACK:
            raise Invalid("The file's TIFF or EXIF tags claim more bytes than it has: it is damaged, or made to harm.")
        tags = first_values(self.head, directory)
        self.limits.check_pixels(tags.get(TILE_WIDTH) or 0, tags.get(TILE_LENGTH) or 0)
        end = start + count * step
        if is_page and end + in_place <= len(directory):
            self.queue.append((struct.unpack_from(self.offset_format, directory, end)[0], True))
        return True
