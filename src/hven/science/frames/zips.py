"""Zip archives of strangers, opened and unpacked within bounds that the standard library does not have.

`zipfile` reads a list of contents as long as the file's end claims, and unpacks each piece of bzip2 whole, which makes
gigabytes of a kilobyte.
"""

import bz2
import copy
import io
import zipfile
from collections.abc import Generator
from typing import BinaryIO, cast

from hven.errors import Invalid, TooLarge

METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
_ENTRY = 1024  # bytes of the list for one member, generously
_PACKED = 1 << 16


def open_zip(source: BinaryIO, most: int) -> zipfile.ZipFile:
    """Open a zip of at most so many members (files and folders) without reading a longer list.

    Raises
    ------
    TooLarge
        It has more.
    Exception
        It is damaged; `zipfile` raises whatever a hostile list makes it raise.
    """
    sparing = _Sparing(source, most * _ENTRY)
    archive = zipfile.ZipFile(cast("BinaryIO", sparing))
    sparing.most = None
    if len(archive.infolist()) > most:
        raise TooLarge(sparing.refusal)
    return archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, chunk: int) -> Generator[bytes, None, None]:
    """Yield the bytes of a member packed by one of METHODS, at most so many at a time.

    Raises
    ------
    EOFError, OSError, ValueError, zipfile.BadZipFile
        It is damaged.
    """
    if info.compress_type != zipfile.ZIP_BZIP2:
        with archive.open(info) as stream:
            yield from iter(lambda: stream.read(chunk), b"")
        return
    as_stored = copy.copy(info)
    as_stored.compress_type, as_stored.file_size = zipfile.ZIP_STORED, info.compress_size
    as_stored.CRC = None  # type: ignore[assignment] # of the unpacked bytes; bzip2 has sums of its own
    unpacker = bz2.BZ2Decompressor()
    with archive.open(as_stored) as stream:
        while not unpacker.eof:
            fresh = stream.read(_PACKED) if unpacker.needs_input else b""
            if unpacker.needs_input and not fresh:
                raise EOFError("its end is missing")
            if piece := unpacker.decompress(fresh, chunk):
                yield piece


class _Sparing(io.RawIOBase):
    """A file that gives no more than so many bytes at once; it stays open when its reader is closed."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        super().__init__()
        self.file = file
        self.most: int | None = max(most, 1 << 17)  # the end of a zip is looked for in 64 KiB
        self.refusal = f"The zip archive holds more than {most // _ENTRY:,} files; hand it over in several parts."

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == io.SEEK_SET and not 0 <= offset < 1 << 63:
            raise Invalid("The zip archive is damaged: its list of contents lies nowhere.")
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:
        if self.most is not None and size > self.most:
            raise TooLarge(self.refusal)
        return self.file.read(size)
