"""Archives of several files: what comes out, in which order, and what hostile ones cannot do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hven.errors import Invalid, TooLarge
from hven.science.frames.members import Member, MemberLimits, is_archive, unpack_members


def _tar(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT, **fields: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def _unpack(tmp_path: Path, content: bytes, name: str = "", **limits: Any) -> list[Member]:
    source, folder = tmp_path / "source", tmp_path / "members"
    source.write_bytes(content)
    folder.mkdir(exist_ok=True)
    return unpack_members(source, folder, MemberLimits(**limits), name=name)


def _contents(found: list[Member]) -> list[tuple[str, bytes]]:
    return [(member.name, member.path.read_bytes()) for member in found if member.path is not None]


TWO = (("b/2.fits", b"second"), ("a/1.fits", b"first" * 300))
PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_gives_its_files_in_its_order(tmp_path: Path, packed: str, form: int) -> None:
    content = PACKERS[packed](_tar(*TWO, form=form))
    assert is_archive(io.BytesIO(content))
    assert _contents(_unpack(tmp_path, content)) == [("2.fits", b"second"), ("1.fits", b"first" * 300)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_gives_its_files_in_its_order(tmp_path: Path, method: int) -> None:
    content = _zip(*TWO, method=method)
    assert is_archive(io.BytesIO(content))
    assert _contents(_unpack(tmp_path, content)) == [("2.fits", b"second"), ("1.fits", b"first" * 300)]


@pytest.mark.parametrize(
    "content",
    [b"", b"SIMPLE  =", gzip.compress(b"SIMPLE  ="), bz2.compress(b"x"), _zip(("a", b"x")), b"\x1f\x8b", b"PK\x03\x04"],
)
def test_single_files_are_no_archives(content: bytes) -> None:
    assert not is_archive(io.BytesIO(content))


def test_an_xz_of_one_file_is_unpacked_under_its_own_name(tmp_path: Path) -> None:
    content = lzma.compress(b"first") + lzma.compress(b" second")
    assert is_archive(io.BytesIO(content))
    assert _contents(_unpack(tmp_path, content, name="m42.fits.xz")) == [("m42.fits", b"first second")]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_kept(tmp_path: Path, form: int) -> None:
    name = "Åström/" + "é" * 120 + ".fits"
    assert _unpack(tmp_path, _tar((name, b"x"), form=form))[0].name == name.split("/")[1]


def test_paths_lead_nowhere(tmp_path: Path) -> None:
    names = ("../../evil.fits", "/etc/passwd", "C:\\Windows\\a.fits", "..")
    for content in (_tar(*((name, b"x") for name in names)), _zip(*((name, b"x") for name in names))):
        found = _unpack(tmp_path, content)
        assert [member.name for member in found][:3] == ["evil.fits", "passwd", "a.fits"]
        assert all(member.path is None or member.path.parent == tmp_path / "members" for member in found)


def test_links_devices_folders_and_litter_are_passed_over(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (
            tarfile.SYMTYPE,
            tarfile.LNKTYPE,
            tarfile.CHRTYPE,
            tarfile.BLKTYPE,
            tarfile.FIFOTYPE,
            tarfile.DIRTYPE,
        ):
            info = tarfile.TarInfo("link.fits")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("._a.fits", "__MACOSX/b.fits", ".DS_Store", "real.fits"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"real"))
    assert _contents(_unpack(tmp_path, out.getvalue())) == [("real.fits", b"real")]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        link = zipfile.ZipInfo("link.fits")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
        zipped.writestr("folder/", "")
        zipped.writestr("real.fits", b"real")
    assert _contents(_unpack(tmp_path, out.getvalue())) == [("real.fits", b"real")]


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    for content in (_tar((".DS_Store", b"x")), _zip(("a/", b""), ("b/", b""))):
        with pytest.raises(Invalid, match="no files"):
            _unpack(tmp_path, content)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    several = [(f"{number}", b"x") for number in range(11)]
    for content in (_tar(*several), _zip(*several)):
        assert len(_unpack(tmp_path, content, max_members=11)) == 11
        with pytest.raises(TooLarge, match="more than 10 files"):
            _unpack(tmp_path, content, max_members=10)


def test_bombs_are_refused_while_they_unpack(tmp_path: Path) -> None:
    zeros = bytes(3_000_000)
    for content in (gzip.compress(_tar(("a", zeros))), _zip(("a", zeros), ("b", zeros)), lzma.compress(zeros)):
        with pytest.raises(TooLarge, match="times its size"):
            _unpack(tmp_path, content, ratio_from_bytes=1_000_000, max_ratio=10)
        with pytest.raises(TooLarge, match="unpacks to more than"):
            _unpack(tmp_path, content, max_total_bytes=2_000_000)
        with pytest.raises(TooLarge, match="the most that one file"):
            _unpack(tmp_path, content, max_bytes=2_000_000)


def test_a_zip_that_lies_about_sizes_gains_nothing(tmp_path: Path) -> None:
    content = bytearray(_zip(("a", bytes(100_000)), ("b", b"good")))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the unpacked size in the list
    found = _unpack(tmp_path, bytes(content))
    assert found[0].path is None
    assert _contents(found) == [("b", b"good")]


def test_a_damaged_member_of_a_zip_is_named_and_the_others_come(tmp_path: Path) -> None:
    content = _zip(("a.fits", b"A" * 1000), ("b.fits", b"good"), method=zipfile.ZIP_STORED)
    found = _unpack(tmp_path, content.replace(b"A" * 1000, b"A" * 999 + b"B"))
    assert found[0].path is None
    assert found[0].error.startswith("a.fits is damaged")
    assert _contents(found) == [("b.fits", b"good")]


def test_passwords_and_rare_methods_are_named(tmp_path: Path) -> None:
    locked = bytearray(_zip(("a", b"x"), ("b", b"y")))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in _unpack(tmp_path, bytes(locked))[0].error
    assert "rare way" in _unpack(tmp_path, _zip(("a", b"x"), ("b", b"y"), method=zipfile.ZIP_LZMA))[0].error


def test_a_tar_cut_short_gives_what_was_whole_and_says_that_something_is_missing(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(300_000)
    content = _tar(("a.fits", noise), ("b.fits", noise))
    for cut in (content[:400_000], gzip.compress(content)[:400_000]):
        found = _unpack(tmp_path, cut)
        assert _contents(found)[0] == ("a.fits", noise)
        assert found[-1].path is None
        assert found[-1].error
    with pytest.raises(Invalid):
        _unpack(tmp_path, content[:520])


def test_headers_that_grow_are_refused(tmp_path: Path) -> None:
    content = _tar(("a", b"good"), ("b", b"x"), form=tarfile.GNU_FORMAT)
    long = bytearray(_tar(("n" * 200, b"x"), form=tarfile.GNU_FORMAT))
    long[124:136] = b"77777777777\0"
    long[148:156] = b" " * 8
    long[148:156] = f"{sum(long[:512]):06o}\0 ".encode()
    with pytest.raises(Invalid, match="longer than any name"):
        _unpack(tmp_path, bytes(long))
    found = _unpack(tmp_path, content[:1024] + bytes(long))
    assert _contents(found) == [("a", b"good")]


def test_files_with_holes_are_named(tmp_path: Path) -> None:
    found = _unpack(tmp_path, _tar(("a", b"good"))[:1024] + _tar(("hole", b""), type=tarfile.GNUTYPE_SPARSE))
    assert "holes" in found[1].error


def test_room_is_asked_for_before_bytes_are_written(tmp_path: Path) -> None:
    asked: list[int] = []
    (tmp_path / "source").write_bytes(_tar(*TWO))
    unpack_members(tmp_path / "source", tmp_path, MemberLimits(), room=asked.append)
    assert {6, 1500} <= set(asked)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_archive_however_broken_does_anything_but_answer(tmp_path_factory: Any, data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [_tar(*TWO), _tar(*TWO, form=tarfile.GNU_FORMAT), _zip(*TWO), gzip.compress(_tar(*TWO), mtime=0)]
        )
    )
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    if not is_archive(io.BytesIO(content)):
        return
    folder = tmp_path_factory.mktemp("broken")
    try:
        found = _unpack(folder, content, max_total_bytes=1_000_000)
    except Invalid:
        return
    assert found
    assert all(bool(member.error) != (member.path is not None) for member in found)
