"""Archives of several files: what lies in a tar (plain, .gz, .bz2, .xz) or a zip, written out one by one in its order.

A compressed single file that the readers do not open by themselves (.xz) counts as an archive of one.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from hven.errors import HvenError, Invalid, TooLarge
from hven.science.frames import tar
from hven.science.frames.limits import MIB
from hven.science.frames.zips import METHODS, open_zip, read_member

_CHUNK = MIB
_XZ = b"\xfd7zXZ\x00"
_XZ_MEMORY = 128 * MIB  # what unpacking may take; the highest level of xz asks for 65 MiB
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError, NotImplementedError)
_LISTED = 1000  # members of a zip that are looked at to tell whether there are several


@dataclass(frozen=True, slots=True)
class MemberLimits:
    """What one archive may cost; checked while it is unpacked."""

    max_members: int = 1000
    max_bytes: int = 2048 * MIB  # of one member
    max_total_bytes: int = 16 * 1024 * MIB  # of all together
    max_ratio: float = 200.0  # unpacked : packed, looked at from `ratio_from_bytes` on
    ratio_from_bytes: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its base name and where it was written, or a sentence why it was not."""

    name: str
    path: Path | None = None
    error: str = ""


def is_archive(file: BinaryIO) -> bool:
    """Say by its beginning (and a zip's end) whether a file has to be unpacked into members; it is left at 0."""
    file.seek(0)
    head = file.read(tar.BLOCK)
    try:
        if head.startswith(b"PK\x03\x04"):
            return _zip_of_several(file)
        if head.startswith(_XZ):
            return True
        return tar.is_header(head) or tar.is_header(_first_block(file, head))
    finally:
        file.seek(0)


def unpack_members(
    source: Path, folder: Path, limits: MemberLimits, *, name: str = "", room: Callable[[int], None] | None = None
) -> list[Member]:
    """Write the files of an archive into a folder, under numbers; folders, links and devices are passed over.

    Parameters
    ----------
    source
        A file that `is_archive`.
    folder
        An empty one.
    limits
        Which no member and no archive exceeds.
    name
        Of the archive, for the member of a compressed single file.
    room
        Called with a number of bytes before they are written; it raises where the disk has no room for them.

    Returns
    -------
    list of Member
        In the archive's order. A member that cannot be unpacked has an error; damage that hides what follows is one
        more member with an error.

    Raises
    ------
    Invalid, TooLarge
        Nothing in it can be used, or it exceeds the limits; the sentence says why.
    """
    room = room or (lambda _size: None)
    with source.open("rb") as file:
        writer = _Writer(folder, limits, file.seek(0, io.SEEK_END), room)
        file.seek(0)
        head = file.read(tar.BLOCK)
        file.seek(0)
        if head.startswith(b"PK\x03\x04"):
            found = list(_of_zip(file, writer))
        else:
            with _opened(file, head) as stream:
                found = list(_of_stream(stream, writer, name))
    if not found:
        raise Invalid("The archive holds no files.")
    if all(member.path is None for member in found) and len(found) == 1:
        raise Invalid(found[0].error)
    return found


class _Writer:
    """Writes members and counts what they cost."""

    def __init__(self, folder: Path, limits: MemberLimits, packed: int, room: Callable[[int], None]) -> None:
        self.folder, self.limits, self.packed, self.room = folder, limits, packed, room
        self.count = 0
        self.total = 0

    def begin(self) -> None:
        """Count one more member."""
        self.count += 1
        if self.count > self.limits.max_members:
            raise TooLarge(
                f"The archive holds more than {self.limits.max_members:,} files; hand it over in several parts."
            )

    def write(self, name: str, stream: tar.Stream, size: int = 0) -> Member:
        """Write one member of (as told) so many bytes."""
        if size > self.limits.max_bytes:
            raise TooLarge(self._too_large(name))
        self.room(size)
        path = self.folder / f"{self.count:06d}"
        written = 0
        with path.open("wb") as target:
            while piece := stream.read(_CHUNK):
                written += len(piece)
                self._check(name, written, len(piece))
                target.write(piece)
        if size and written != size:
            path.unlink()
            raise Invalid(f"{name} is cut short in the archive.")
        return Member(name, path)

    def _check(self, name: str, written: int, more: int) -> None:
        self.total += more
        if written > self.limits.max_bytes:
            raise TooLarge(self._too_large(name))
        if self.total > self.limits.max_total_bytes:
            raise TooLarge(f"The archive unpacks to more than {self.limits.max_total_bytes:,} bytes.")
        if self.total > self.limits.ratio_from_bytes and self.total > self.limits.max_ratio * self.packed:
            raise TooLarge(f"The archive unpacks to more than {self.limits.max_ratio:g} times its size.")
        if written % (64 * MIB) < more:
            self.room(more)

    def _too_large(self, name: str) -> str:
        return f"{name} in the archive has more than {self.limits.max_bytes:,} bytes, the most that one file may have."


def _of_stream(stream: tar.Stream, writer: _Writer, name: str) -> Iterator[Member]:
    try:
        first = _fill(stream, tar.BLOCK)
    except _BROKEN as error:
        raise Invalid(f"The archive is damaged and cannot be unpacked ({_plain(error)}).") from error
    whole = _Rejoined(first, stream)
    if not tar.is_header(first):
        writer.begin()
        try:
            yield writer.write(_without_ending(name), whole)
        except _BROKEN as error:
            raise Invalid(f"The file is damaged and cannot be unpacked ({_plain(error)}).") from error
        return
    try:
        for entry in tar.entries(whole):
            member = _base(entry.name)
            if _is_litter(entry.name) or not member:
                continue
            writer.begin()
            if entry.sparse:
                yield Member(member, error=f"{member} is stored with holes (sparse); pack it without them.")
                continue
            yield writer.write(member, entry, entry.size)
    except TooLarge:
        raise
    except (Invalid, *_BROKEN) as error:
        # What came before is good; that something is missing is said where it would have stood.
        said = str(error) if isinstance(error, Invalid) else f"The archive is damaged ({_plain(error)})."
        yield Member("rest of the archive", error=said)


def _of_zip(file: BinaryIO, writer: _Writer) -> Iterator[Member]:
    try:
        archive = open_zip(file, writer.limits.max_members)
    except HvenError:
        raise
    except Exception as error:  # zipfile raises whatever a hostile list makes it raise
        raise Invalid(f"The zip archive is damaged and cannot be unpacked ({_plain(error)}).") from error
    with archive:
        for info in archive.infolist():
            name = _base(info.filename)
            if not name or info.is_dir() or _is_litter(info.filename) or _is_special(info):
                continue
            writer.begin()
            yield _zip_member(archive, info, name, writer)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, writer: _Writer) -> Member:
    if info.flag_bits & 1:
        return Member(name, error=f"{name} is protected by a password.")
    if info.compress_type not in METHODS:
        return Member(name, error=f"{name} is packed in a rare way; use the usual one of zip (deflate).")
    try:
        with closing(read_member(archive, info, _CHUNK)) as pieces:
            return writer.write(name, _Pieces(pieces), info.file_size)
    except TooLarge:
        raise
    except Invalid as error:
        return Member(name, error=str(error))
    except (RuntimeError, *_BROKEN) as error:
        return Member(name, error=f"{name} is damaged in the archive ({_plain(error)}).")


def _zip_of_several(file: BinaryIO) -> bool:
    try:
        with open_zip(file, _LISTED) as archive:
            return len(archive.infolist()) > 1
    except TooLarge:
        return True
    except Exception:  # noqa: BLE001 - damaged: the reader of single files says how
        return False


def _opened(file: BinaryIO, head: bytes) -> BinaryIO:
    """Return the bytes inside a compression, or the file itself."""
    if head.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(file))
    if head.startswith(_XZ):
        return cast("BinaryIO", _Xz(file))
    return file


def _first_block(file: BinaryIO, head: bytes) -> bytes:
    file.seek(0)
    if not head.startswith((b"\x1f\x8b", b"BZh")):
        return b""
    try:
        with _opened(cast("BinaryIO", _Kept(file)), head) as stream:
            return _fill(stream, tar.BLOCK)
    except _BROKEN:
        return b""


class _Kept(io.RawIOBase):
    """A file that stays open when a reader of it is closed."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)


class _Xz(io.RawIOBase):
    """Reads .xz forwards with a bound on its memory, which lzma.LZMAFile does not offer."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file = file
        self.unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = _CHUNK if size < 0 else size
        while wanted:
            if self.unpacker.eof:
                if not self._next_stream():
                    return b""
                continue
            fresh = self.file.read(64 * 1024) if self.unpacker.needs_input else b""
            if self.unpacker.needs_input and not fresh:
                raise EOFError("its end is missing")
            piece = self.unpacker.decompress(fresh, wanted)
            if piece:
                return piece
        return b""

    def _next_stream(self) -> bool:
        """Turn to the next stream of several, as parallel packers write them."""
        rest = self.unpacker.unused_data.lstrip(b"\0") or self.file.read(64 * 1024).lstrip(b"\0")
        if not rest.startswith(_XZ):
            return False
        self.file.seek(self.file.tell() - len(rest))
        self.unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        return True


class _Pieces:
    """A stream of pieces that somebody yields, given as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces

    def read(self, _size: int, /) -> bytes:
        return next(self.pieces, b"")


class _Rejoined:
    """A stream whose first bytes were read already."""

    def __init__(self, first: bytes, rest: tar.Stream) -> None:
        self.first, self.rest = first, rest

    def read(self, size: int, /) -> bytes:
        if self.first:
            piece, self.first = self.first[:size], self.first[size:]
            return piece
        return self.rest.read(size)


def _fill(stream: tar.Stream, size: int) -> bytes:
    content = b""
    while len(content) < size and (piece := stream.read(size - len(content))):
        content += piece
    return content


def _is_special(info: zipfile.ZipInfo) -> bool:
    mode = info.external_attr >> 16
    return stat.S_IFMT(mode) not in {0, stat.S_IFREG}


def _base(name: str) -> str:
    return name.split("\0", 1)[0].replace("\\", "/").rsplit("/", 1)[-1].strip()


def _is_litter(name: str) -> bool:
    """Say whether an archiver left a file beside the user's own."""
    base = _base(name)
    return "__MACOSX/" in name or base.startswith("._") or base in {".DS_Store", "Thumbs.db", "desktop.ini"}


def _without_ending(name: str) -> str:
    return _base(name).removesuffix(".xz") or "unnamed"


def _plain(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:120] or type(error).__name__
