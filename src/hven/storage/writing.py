"""Writing a stream and hashing it at the same time: the hashes are taken by other threads, in large batches."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import IO, Any

BATCH = 1024 * 1024  # bytes
_FORWARD = 4 * BATCH  # after so many the disk is asked to begin


class HashedWriter:
    """Takes a stream's pieces, writes them to a binary file and hashes them.

    Small pieces are gathered in two buffers: while threads hash the one, the other is filled. What was written goes on
    to the disk at once, so that a sync at the end has little to wait for.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sums = (hashlib.sha256(), hashlib.sha1(usedforsecurity=False))
        # Mapped, so that their memory goes back: each thread of a server would keep megabytes of its own.
        self._buffers = [memoryview(mmap.mmap(-1, BATCH)), memoryview(mmap.mmap(-1, BATCH))]
        self._filled = 0  # bytes of the first buffer
        self._written = self._forwarded = 0  # bytes
        self._waiting: list[Future[None]] = []

    def write(self, piece: bytes) -> None:
        """Take the next piece, as long as one likes."""
        if not self._filled and len(piece) >= BATCH and isinstance(piece, bytes):
            self._hand_over(piece)  # it never changes, so no copy is needed
            return
        rest = memoryview(piece)
        while rest:
            part = rest[: BATCH - self._filled]
            end = self._filled + len(part)
            self._buffers[0][self._filled : end] = part
            self._filled = end
            rest = rest[len(part) :]
            if end == BATCH:
                self._hand_over(self._buffers[0])
                self._buffers.reverse()
                self._filled = 0

    def finish(self) -> tuple[str, str]:
        """Write what is left; return sha256 and sha1, hexadecimal. Nothing can be written after that."""
        if self._filled:
            self._hand_over(self._buffers[0][: self._filled])
            self._filled = 0
        self._stream.flush()
        self._wait()
        self._buffers.clear()
        sha256, sha1 = self._sums
        return sha256.hexdigest(), sha1.hexdigest()

    def _hand_over(self, data: bytes | memoryview) -> None:
        self._wait()  # for the batch before, whose buffer is the next to be filled
        self._waiting = [aside(each.update, data) for each in self._sums]
        self._stream.write(data)
        self._written += len(data)
        if self._written - self._forwarded >= _FORWARD:
            self._stream.flush()
            _forward(self._stream.fileno(), self._forwarded, self._written)
            self._forwarded = self._written

    def _wait(self) -> None:
        for future in self._waiting:
            future.result()
        self._waiting = []


def aside(function: Callable[..., None], *arguments: Any) -> Future[None]:
    """Let another thread do what needs no interpreter: hashing, and waiting for the disk."""
    return _pool().submit(function, *arguments)


def begin_sync(stream: IO[bytes]) -> Future[None]:
    """Sync a flushed file in another thread; the file may be closed or renamed meanwhile."""
    return aside(_sync_and_close, os.dup(stream.fileno()))


def _sync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forward(descriptor: int, begin: int, end: int) -> None:
    """Ask the disk to begin with new bytes: Linux writes pages that are said not to be needed, and keeps them."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_DONTNEED)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="storage")
