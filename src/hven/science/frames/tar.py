"""Reading tar archives (POSIX.1-1988 and -2001, GNU) as a stream: regular files in order, and nothing else of them.

Written for archives of strangers: every number is checked before it is believed, headers may not grow, links, devices
and folders are passed over, sparse files are refused, and names are text that no path is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hven.errors import Invalid

BLOCK = 512
_LONGEST_HEADER = 64 * 1024  # of the extended headers that precede a member
_MOST_BLOCKS = 1_000_000  # headers of one archive, whatever they are of
_REGULAR = {b"0", b"\0", b"7"}
_NAME, _GNU_NAME, _GLOBAL = b"x", b"L", b"g"
_WITH_BYTES = {b"0", b"\0", b"7", b"x", b"L", b"K", b"g", b"S", b"D", b"V", b"M"}
_DAMAGED = "The tar archive is damaged: {what}."


class Stream(Protocol):
    """What bytes are read from, forwards only."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102  # as of every file


@dataclass(slots=True)
class Entry:
    """One regular file: its name as written, and its bytes, to be read before the next entry is asked for."""

    name: str
    size: int
    sparse: bool
    stream: Stream
    left: int

    def read(self, size: int) -> bytes:
        """Return up to so many of the bytes that are left; Invalid where the archive ends before them."""
        wanted = min(size, self.left)
        if not wanted:
            return b""
        piece = self.stream.read(wanted)
        if not piece:
            raise Invalid(_DAMAGED.format(what="it ends within a file"))
        self.left -= len(piece)
        return piece


def entries(stream: Stream) -> Iterator[Entry]:
    """Yield the regular files of an archive.

    Raises
    ------
    Invalid
        A header is broken, or the archive ends where it must not; what was yielded before is good.
    """
    name, size = "", -1  # of extended headers, for the entry that follows
    for _ in range(_MOST_BLOCKS):
        header = _exactly(stream, BLOCK, may_end=True)
        if not header.strip(b"\0"):
            return  # a block of zeros, or the end of the file, ends an archive
        _check(header)
        kind, own_size = header[156:157], _number(header[124:136])
        if kind in {_NAME, _GNU_NAME}:
            if own_size > _LONGEST_HEADER:
                raise Invalid(_DAMAGED.format(what="a name in it is longer than any name"))
            content = _exactly(stream, own_size)
            _skip(stream, -own_size % BLOCK)
            if kind == _GNU_NAME:
                name = _text(content)
            else:
                name, size = _extended(content, name, size)
            continue
        if kind == _GLOBAL or kind not in _REGULAR | {b"S"}:
            _skip(stream, own_size + -own_size % BLOCK if kind in _WITH_BYTES else 0)
            if kind != _GLOBAL:
                name, size = "", -1
            continue
        entry = Entry(name or _own_name(header), size if size >= 0 else own_size, kind == b"S", stream, 0)
        entry.left = entry.size
        name, size = "", -1
        yield entry
        _skip(stream, entry.left + -entry.size % BLOCK)
    raise Invalid(_DAMAGED.format(what="it has no end"))


def is_header(block: bytes) -> bool:
    """Say whether bytes begin with the header of a member."""
    if len(block) < BLOCK or not block[:1].strip(b"\0"):
        return False
    try:
        _check(block[:BLOCK])
    except Invalid:
        return False
    return True


def _check(header: bytes) -> None:
    told = _number(header[148:156])
    plain = header[:148] + b" " * 8 + header[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in plain)  # some old programs counted so
    if told not in {sum(plain), signed}:
        raise Invalid(_DAMAGED.format(what="a header in it does not add up"))


def _number(field: bytes) -> int:
    if field[:1] == b"\x80":  # GNU: base 256
        return int.from_bytes(field[1:], "big")
    text = field.replace(b"\0", b" ").strip().decode("ascii", "replace")
    try:
        number = int(text, 8) if text else 0
    except ValueError:
        number = -1
    if number < 0:
        raise Invalid(_DAMAGED.format(what="a number in it is none"))
    return number


def _extended(content: bytes, name: str, size: int) -> tuple[str, int]:
    """Read the records of an extended header: "LENGTH KEY=VALUE" and an end of line, one after the other."""
    at = 0
    while at < len(content):
        blank = content.find(b" ", at, at + 20)
        if blank < 0 or not content[at:blank].isdigit():
            break
        length = int(content[at:blank])
        key, found, value = content[blank + 1 : at + length - 1].partition(b"=")
        if length < 5 or at + length > len(content) or not found:
            raise Invalid(_DAMAGED.format(what="an extended header in it is none"))
        if key == b"path":
            name = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 19:
            size = int(value)
        at += length
    return name, size


def _own_name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _exactly(stream: Stream, size: int, *, may_end: bool = False) -> bytes:
    content = b""
    while len(content) < size:
        piece = stream.read(size - len(content))
        if not piece:
            if may_end and not content:
                return b""
            raise Invalid(_DAMAGED.format(what="it is cut short"))
        content += piece
    return content


def _skip(stream: Stream, size: int) -> None:
    while size > 0:
        piece = stream.read(min(size, 1 << 20))
        if not piece:
            return  # the padding of the last member is missing in some archives; a missing header is noticed next
        size -= len(piece)
