"""Writing and hashing at once: whatever the sizes of the pieces, bytes and hashes are those of the whole."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from hven.storage.writing import BATCH, HashedWriter, begin_sync

CONTENT = bytes(itertools.islice(itertools.cycle(range(251)), 9 * BATCH + 17))


@pytest.mark.parametrize(
    "sizes",
    [
        [0],
        [1],
        [BATCH],
        [2 * BATCH + 5, 3],
        [65_536 - 38],
        [BATCH - 1, 1, 2 * BATCH, 7],
        [len(CONTENT)],
    ],
)
def test_bytes_and_hashes_are_those_of_the_whole(tmp_path: Path, sizes: list[int]) -> None:
    with (tmp_path / "file").open("wb") as stream:
        writer = HashedWriter(stream)
        at = 0
        for size in itertools.cycle(sizes):
            writer.write(CONTENT[at : at + size])
            at += size
            if at >= len(CONTENT) or not size:
                break
        hashes = writer.finish()
    content = CONTENT[:at]
    assert (tmp_path / "file").read_bytes() == content
    assert hashes == (hashlib.sha256(content).hexdigest(), hashlib.sha1(content, usedforsecurity=False).hexdigest())


def test_a_buffer_that_its_owner_fills_again_does_no_harm(tmp_path: Path) -> None:
    piece = bytearray(BATCH)
    with (tmp_path / "file").open("wb") as stream:
        writer = HashedWriter(stream)
        for value in range(3):
            piece[:] = bytes([value]) * BATCH
            writer.write(piece)
        sha256, _ = writer.finish()
    content = b"".join(bytes([value]) * BATCH for value in range(3))
    assert sha256 == hashlib.sha256(content).hexdigest()


def test_a_sync_outlives_its_file(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as stream:
        stream.write(b"x")
        stream.flush()
        syncing = begin_sync(stream)
    (tmp_path / "file").unlink()
    assert syncing.result() is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_refuses_is_heard_of() -> None:
    with open("/dev/full", "wb", buffering=0) as stream:  # noqa: PTH123 - no file
        writer = HashedWriter(stream)
        writer.write(b"x")
        with pytest.raises(OSError, match="No space"):
            writer.finish()
