"""Opening .gz, .bz2 and .zip of one file, with hard bounds on what comes out."""

import bz2
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from hven.errors import HvenError, Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.sniff import HEAD_BYTES, Kind, sniff
from hven.science.frames.zips import METHODS, open_zip, read_member

CHUNK = 1 << 20
INPUT = 1 << 16  # packed bytes at a time: what follows a stream is copied for every one of them
MAX_DEPTH = 2  # a zip of a .fits.gz happens; more is no one's habit
MAX_STREAMS = 100_000  # of one gzip or bzip2 file; block-wise writers make one for 64 KB
_MAGIC = {Kind.GZIP: b"\x1f\x8b", Kind.BZIP2: b"BZh"}
MAX_ZIP_MEMBERS = 1000  # more are not even listed


def head_of(source: BinaryIO) -> bytes:
    """Return the first HEAD_BYTES bytes, leaving the source at its beginning."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    return head


def unpack(source: BinaryIO, limits: Limits) -> tuple[BinaryIO, Kind, tuple[str, ...]]:
    """Open compressed containers until something else appears.

    Returns the (seekable) source of the file inside, its kind, and the names of the containers, outermost
    first. The source is the one given where nothing was compressed. Raises Invalid for a damaged container
    or one of several files, TooLarge for one that unpacks to more than the limits allow.
    """
    containers: list[str] = []
    kind = sniff(head_of(source))
    while kind.is_packed:
        if len(containers) == MAX_DEPTH:
            raise Invalid(
                f"The file is compressed more than {MAX_DEPTH} times over ({', '.join([*containers, kind.value])}):"
                " unpack it first."
            )
        source = _open_one(source, kind, limits)
        containers.append(kind.value)
        kind = sniff(head_of(source))
    return source, kind, tuple(containers)


def _open_one(source: BinaryIO, kind: Kind, limits: Limits) -> BinaryIO:
    packed = source.seek(0, io.SEEK_END)
    source.seek(0)
    try:
        if kind is Kind.ZIP:
            return _open_zip(source, packed, limits)
        return _pour(_streams(source, kind), packed, limits)
    except EOFError as error:
        raise Invalid(f"The {kind.value} file is cut short: its end is missing.") from error
    except HvenError:
        raise
    except Exception as error:  # zipfile raises whatever a hostile list makes it raise
        raise Invalid(f"The {kind.value} file is damaged and cannot be unpacked ({_plain(error)}).") from error


def _streams(source: BinaryIO, kind: Kind) -> Iterator[bytes]:
    """Yield the pieces of a gzip or bzip2 file, stream after stream; what follows the last is padding.

    The libraries' own readers would go through millions of empty streams without a chance to stop them.
    """
    rest, streams = source.read(INPUT), 0
    while rest:
        streams += 1
        if streams > MAX_STREAMS:
            raise TooLarge(f"The {kind.value} file is made of more than {MAX_STREAMS:,} streams.")
        decoder = zlib.decompressobj(31) if kind is Kind.GZIP else bz2.BZ2Decompressor()
        while not decoder.eof:
            piece = decoder.decompress(rest, CHUNK)
            rest = decoder.unconsumed_tail if kind is Kind.GZIP else b""  # type: ignore[union-attr]
            if piece:
                yield piece
            elif not rest and not decoder.eof and getattr(decoder, "needs_input", True):
                rest = source.read(INPUT)
                if not rest:
                    raise EOFError
        rest = (decoder.unused_data or source.read(INPUT)).lstrip(b"\0")
        if not rest.startswith(_MAGIC[kind][: len(rest)]):
            return


def _pour(pieces: Iterable[bytes], packed: int, limits: Limits) -> BinaryIO:
    out = io.BytesIO()
    total = 0
    for chunk in pieces:
        total += len(chunk)
        _check(total, packed, limits)
        out.write(chunk)
    out.seek(0)
    return out


def _check(total: int, packed: int, limits: Limits) -> None:
    if total > limits.max_unpacked_bytes:
        raise TooLarge(
            f"The compressed file unpacks to more than {limits.max_unpacked_bytes:,} bytes, the most that is read."
        )
    if total > limits.ratio_from_bytes and total > limits.max_ratio * packed:
        raise TooLarge(
            f"The compressed file unpacks to more than {limits.max_ratio:g} times its size; it is not read further."
        )


def _open_zip(source: BinaryIO, packed: int, limits: Limits) -> BinaryIO:
    with open_zip(source, MAX_ZIP_MEMBERS) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not _is_litter(m.filename)]
        if not members:
            raise Invalid("The zip file is empty.")
        if len(members) > 1:
            names = ", ".join(m.filename.rsplit("/", 1)[-1][:80] for m in members[:3])
            more = ", ..." if len(members) > 3 else ""
            raise Invalid(
                f"The zip file holds {len(members)} files ({names}{more}); hand over one image a zip, or the"
                " images themselves."
            )
        member = members[0]
        if member.flag_bits & 1:
            raise Invalid("The zip file is protected by a password.")
        if member.compress_type not in METHODS:
            # LZMA and PPMd streams may ask for gigabytes of dictionary before they give a byte
            raise Invalid("The zip file uses a rare compression method; use the usual one (deflate).")
        _check(member.file_size, max(member.compress_size, 1), limits)
        return _pour(read_member(archive, member, CHUNK), packed, limits)


def _is_litter(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return name.startswith("__MACOSX/") or base in {".DS_Store", "Thumbs.db", "desktop.ini"}


def _plain(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:120] or type(error).__name__
