"""Compressed files open, and bombs do not go off."""

import bz2
import gzip
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import MIB, Limits
from hven.science.frames.sniff import Kind
from hven.science.frames.unpack import unpack

TEXT = b"a small text that is no image\n" * 40
TIGHT = Limits(max_unpacked_bytes=8 * MIB, ratio_from_bytes=2 * MIB, max_ratio=100)


def zipped(*members: tuple[str, bytes], **options) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", options.pop("method", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def contents(packed: bytes, limits: Limits = TIGHT) -> tuple[bytes, Kind, tuple[str, ...]]:
    file, kind, names = unpack(io.BytesIO(packed), limits)
    return file.read(), kind, names


@pytest.mark.parametrize(
    ("packed", "names"),
    [
        (gzip.compress(TEXT), ("gzip",)),
        (bz2.compress(TEXT), ("bzip2",)),
        (zipped(("a.txt", TEXT)), ("zip",)),
        (zipped(("a.txt", TEXT), method=zipfile.ZIP_STORED), ("zip",)),
        (zipped(("folder/", b""), ("folder/a.txt", TEXT), ("__MACOSX/folder/._a.txt", b"x")), ("zip",)),
        (zipped(("a.txt.gz", gzip.compress(TEXT))), ("zip", "gzip")),
        (gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), ("gzip",)),
        (TEXT, ()),
    ],
)
def test_what_was_packed_comes_out(packed, names):
    assert contents(packed) == (TEXT, Kind.TEXT, names)


def test_a_third_layer_is_refused():
    with pytest.raises(Invalid, match="times over"):
        contents(gzip.compress(gzip.compress(gzip.compress(TEXT))))


def test_a_zip_of_several_files_names_them():
    with pytest.raises(Invalid, match=r"2 files \(a.fits, b.fits\)"):
        contents(zipped(("x/a.fits", TEXT), ("b.fits", TEXT)))


def test_an_empty_zip_and_one_of_thousands_are_refused():
    with pytest.raises(Invalid, match="empty"):
        contents(zipped())
    with pytest.raises(Invalid, match="more than 1,000 files"):
        contents(zipped(*((f"{i}", b"") for i in range(1200))))


def test_a_protected_zip_says_so():
    packed = bytearray(zipped(("a.txt", TEXT)))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(signature) + at] |= 1
    with pytest.raises(Invalid, match="password"):
        contents(bytes(packed))


def test_a_zip_with_an_unusual_method_says_so():
    with pytest.raises(Invalid, match="compression method"):
        contents(zipped(("a.txt", TEXT), method=zipfile.ZIP_LZMA))


@pytest.mark.parametrize(
    "bomb",
    [gzip.compress(bytes(64 * MIB)), bz2.compress(bytes(64 * MIB)), zipped(("a", bytes(64 * MIB)))],
    ids=["gzip", "bzip2", "zip"],
)
def test_bombs_are_left_before_they_fill_memory(bomb):
    tracemalloc.start()
    with pytest.raises(TooLarge, match="unpacks to more"):
        contents(bomb)
    with pytest.raises(TooLarge, match="bytes"):
        contents(bomb, Limits(max_unpacked_bytes=8 * MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * MIB


def test_a_zip_that_lies_about_the_size_within_is_stopped_while_it_pours():
    packed = bytearray(zipped(("a", bytes(64 * MIB))))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", packed, packed.index(signature) + at, 1000)
    with pytest.raises(Invalid):
        contents(bytes(packed))


def test_an_even_frame_that_packs_a_thousandfold_is_no_bomb():
    assert len(contents(gzip.compress(bytes(33 * MIB)), Limits())[0]) == 33 * MIB


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda c: zipped(("a", c))])
def test_cut_and_damaged_archives_say_so(pack):
    packed = pack(np.random.default_rng(3).bytes(20_000))
    for length in (4, 10, 30, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Invalid):
            contents(packed[:length])
    broken = bytearray(packed)
    broken[len(packed) // 2] ^= 0xFF
    with pytest.raises(Invalid):
        contents(bytes(broken))
