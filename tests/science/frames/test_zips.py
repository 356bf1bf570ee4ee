"""Zips of strangers: neither their lists nor their members take more memory than they are allowed."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from hven.errors import TooLarge
from hven.science.frames.limits import MIB
from hven.science.frames.zips import open_zip, read_member


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def with_long_list(content: bytes, entries: int, list_bytes: int) -> bytes:
    """Return a zip whose long form (zip64), which counts, tells of another list than its end does."""
    end = content.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<I", content, end + 16)[0]
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, list_bytes, start)
    return content[:end] + record + b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1) + content[end:]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_come_whole_and_in_pieces(method: int) -> None:
    content = bytes(range(256)) * 1000
    with open_zip(io.BytesIO(zipped(("a", content), method=method)), 1) as archive:
        pieces = list(read_member(archive, archive.infolist()[0], 10_000))
    assert b"".join(pieces) == content
    assert max(len(piece) for piece in pieces) <= 10_000


def test_a_member_of_bzip2_is_never_unpacked_at_once_whatever_size_it_claims() -> None:
    content = bytearray(zipped(("a", bytes(256 * MIB)), method=zipfile.ZIP_BZIP2))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    assert len(content) < 1000
    with open_zip(io.BytesIO(bytes(content)), 1) as archive:
        pieces = read_member(archive, archive.infolist()[0], MIB)
        tracemalloc.start()
        try:
            assert len(next(pieces)) <= MIB
            assert tracemalloc.get_traced_memory()[1] < 16 * MIB
        finally:
            tracemalloc.stop()
            pieces.close()


def test_more_members_than_allowed_are_refused() -> None:
    content = zipped(*((f"{number}", b"") for number in range(11)))
    with open_zip(io.BytesIO(content), 11) as archive:
        assert len(archive.infolist()) == 11
    with pytest.raises(TooLarge, match="more than 10 files"):
        open_zip(io.BytesIO(content), 10)


def test_a_list_that_is_long_only_in_its_long_form_is_not_read() -> None:
    few = zipped(("a", b"x"), ("b", b"y"))
    size = len(few) - few.index(b"PK\x01\x02") - 22
    with open_zip(io.BytesIO(with_long_list(few, 2, size)), 10) as archive:
        assert len(archive.infolist()) == 2
    with pytest.raises(TooLarge, match="more than 10 files"):
        open_zip(io.BytesIO(with_long_list(bytes(1 << 20) + few, 2, 1 << 19)), 10)
