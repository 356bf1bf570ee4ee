"""Data blocks of an XISF file: where they lie, and how they are unpacked within bounds (XISF 1.0, section 10)."""

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.xisf_header import Element

_HASHES = {
    "sha-1": "sha1", "sha1": "sha1", "sha-256": "sha256", "sha256": "sha256", "sha-512": "sha512", "sha512": "sha512",
    "sha3-256": "sha3_256", "sha3-512": "sha3_512",
}  # fmt: skip
_EXPANDS = {"zlib": 1040, "lz4": 260, "lz4hc": 260}  # no stream of these gives more bytes for one of its own
_ZSTD_WINDOW = 1 << 27
MAX_SUBBLOCKS = 100_000
MAX_BLANKS = 64  # between the digits of a number in an attribute


@dataclass(frozen=True, slots=True)
class Compression:
    """What the attribute `compression` says."""

    codec: str
    size: int  # bytes after unpacking
    item_bytes: int  # 1 where bytes are not shuffled
    parts: tuple[tuple[int, int], ...]  # (packed, unpacked) bytes of the sub-blocks; empty where there is one


@dataclass(frozen=True, slots=True)
class Block:
    """A data block that has been found and looked at, but not unpacked."""

    at: int | None  # byte offset in the file; None where the bytes stand in the header
    inline: bytes  # those bytes
    stored: int  # bytes as stored
    compression: Compression | None
    big_endian: bool
    checksum: tuple[str, str] | None  # algorithm's name in hashlib, hexadecimal digest

    @property
    def size(self) -> int:
        """Bytes after unpacking."""
        return self.stored if self.compression is None else self.compression.size

    def part(self, start: int, length: int) -> "Block":
        """Return a stretch of an attached block that is not packed, without its checksum."""
        return replace(self, at=(self.at or 0) + start, stored=length, checksum=None)


def find_block(element: Element, file_size: int) -> Block:
    """Return the block that an Image (or another element with a location) refers to.

    Raises
    ------
    Invalid
        The location is missing, lies outside the file, or is none that a single file can have.
    """
    kind, _, rest = element.get("location").partition(":")
    holder, at, inline = element, None, b""
    if kind == "attachment":
        position, _, length = rest.partition(":")
        at, stored = _number(position, "position"), _number(length, "size")
        if at + stored > file_size:
            raise Invalid(
                f"The XISF file is cut short: a block of {stored:,} bytes at {at:,} lies beyond its"
                f" {file_size:,} bytes."
            )
    elif kind == "inline":
        inline = _decoded(element.text, rest)
        stored = len(inline)
    elif kind == "embedded":
        data = element.first("Data")
        if data is None:
            raise Invalid("The XISF file is damaged: an embedded block has no Data element.")
        holder = data
        inline = _decoded(data.text, data.get("encoding", "base64"))
        stored = len(inline)
    elif kind.startswith(("url(", "path(")):
        raise Invalid("The pixels of this XISF file lie in another file; save it as one file.")
    else:
        raise Invalid("The XISF file is damaged: an image does not say where its pixels lie.")
    order = holder.get("byteOrder") or element.get("byteOrder", "little")
    if order not in {"little", "big"}:
        raise Invalid(f"The XISF file has an unknown byte order ({order:.20}).")
    return Block(at, inline, stored, _compression(holder), order == "big", _checksum(holder))


def load(source: BinaryIO, block: Block, limits: Limits, notes: list[str]) -> bytes | bytearray:
    """Return a block's bytes, unpacked; a checksum that does not hold is noted."""
    if block.size > limits.max_unpacked_bytes:
        raise TooLarge(
            f"A block of the XISF file has {block.size:,} bytes; at most {limits.max_unpacked_bytes:,} are read."
        )
    raw = _read(source, block)
    if block.checksum is not None:
        name, digest = block.checksum
        if hashlib.new(name, raw, usedforsecurity=False).hexdigest() != digest:
            notes.append("The XISF file's own checksum does not fit its pixels: the file may be damaged.")
    return raw if block.compression is None else _unpacked(raw, block.compression)


def _read(source: BinaryIO, block: Block) -> bytes:
    if block.at is None:
        return block.inline
    source.seek(block.at)
    raw = source.read(block.stored)
    if len(raw) < block.stored:
        raise Invalid(f"The XISF file is cut short: {block.stored - len(raw):,} bytes of a block are missing.")
    return raw


def _number(text: str, what: str) -> int:
    text = text[:MAX_BLANKS].strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Invalid(f"The XISF file is damaged: the {what} of a block is no number ({text:.30}).")
    return int(text)


def _decoded(text: str, encoding: str) -> bytes:
    packed = "".join(text.split())
    try:
        if encoding == "hex":
            return bytes.fromhex(packed)
        if encoding == "base64":
            return base64.b64decode(packed, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Invalid(f"The XISF file is damaged: a block is no {encoding} text.") from error
    raise Invalid(f"The XISF file holds a block in an unknown encoding ({encoding:.20}).")


def _compression(element: Element) -> Compression | None:
    text = element.get("compression").strip()
    if not text:
        return None
    name, *numbers = text.split(":")
    codec, _, shuffled = name.lower().partition("+")
    if codec not in {"zlib", "lz4", "lz4hc", "zstd"} or shuffled not in {"", "sh"}:
        raise Invalid(f"The XISF file is compressed in a way that is not read ({name:.30}).")
    if len(numbers) != (2 if shuffled else 1):
        raise Invalid(f"The XISF file is damaged: its compression is not described fully ({text:.60}).")
    size = _number(numbers[0], "uncompressed size")
    item_bytes = _number(numbers[1], "item size") if shuffled else 1
    if not 1 <= item_bytes <= 1024:
        raise Invalid(f"The XISF file is damaged: items of {item_bytes} bytes cannot have been shuffled.")
    parts = []
    if subblocks := element.get("subblocks").strip():
        if subblocks.count(":") >= MAX_SUBBLOCKS:
            raise TooLarge(f"A block of the XISF file has more than {MAX_SUBBLOCKS:,} parts.")
        for part in subblocks.split(":"):
            packed, _, unpacked = part.partition(",")
            parts.append((_number(packed, "sub-block"), _number(unpacked, "sub-block")))
        if sum(unpacked for _, unpacked in parts) != size:
            raise Invalid("The XISF file is damaged: the parts of a compressed block are not its whole.")
    return Compression(codec, size, item_bytes, tuple(parts))


def _checksum(element: Element) -> tuple[str, str] | None:
    name, _, digest = element.get("checksum").strip().lower().partition(":")
    known = _HASHES.get(name)
    return None if known is None else (known, digest.strip())


# --- unpacking ----------------------------------------------------------------------------------------------


def _unpacked(raw: bytes, how: Compression) -> bytes | bytearray:
    parts = how.parts or ((len(raw), how.size),)
    if sum(packed for packed, _ in parts) > len(raw):
        raise Invalid("The XISF file is damaged: the parts of a compressed block are longer than the block.")
    if len(parts) == 1:
        joined: bytes | bytearray = _unpack_one(raw[: parts[0][0]], parts[0][1], how.codec)
    else:
        joined, at = bytearray(), 0
        for packed, unpacked in parts:
            joined += _unpack_one(raw[at : at + packed], unpacked, how.codec)
            at += packed
    if how.item_bytes == 1:
        return joined
    count = len(joined) // how.item_bytes
    whole = count * how.item_bytes
    values = np.frombuffer(joined, np.uint8, whole).reshape(how.item_bytes, count)
    return np.ascontiguousarray(values.T).tobytes() + joined[whole:]


def _unpack_one(raw: bytes, size: int, codec: str) -> bytes:
    """Unpack one part to exactly `size` bytes; one of just that size is stored as it is."""
    if len(raw) == size:
        return raw
    if size > _EXPANDS.get(codec, size) * len(raw) + 1024:
        raise Invalid("The XISF file is damaged: a compressed block claims more bytes than it can hold.")
    try:
        out = _DECODERS[codec](raw, size)
    except Invalid:
        raise
    except Exception as error:  # each library has its own family of errors
        raise Invalid(f"The XISF file is damaged: a block cannot be unpacked ({error!s:.80}).") from error
    if len(out) != size:
        raise Invalid(f"The XISF file is damaged: a block unpacks to {len(out):,} bytes in place of {size:,}.")
    return out


def _zlib(raw: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    out = stream.decompress(raw, size)
    stream.decompress(stream.unconsumed_tail, 1)  # the stream's own checksum comes after the last byte
    return out


def _lz4(raw: bytes, size: int) -> bytes:
    import lz4.block  # noqa: PLC0415 - for the few files that need it

    return bytes(lz4.block.decompress(raw, uncompressed_size=size))


def _zstd(raw: bytes, size: int) -> bytes:
    import zstandard  # noqa: PLC0415 - as above

    with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(raw) as stream:
        chunks, total = [], 0
        while total < size and (chunk := stream.read(min(size - total, 1 << 20))):
            chunks.append(chunk)
            total += len(chunk)
    return b"".join(chunks)


_DECODERS = {"zlib": _zlib, "lz4": _lz4, "lz4hc": _lz4, "zstd": _zstd}
