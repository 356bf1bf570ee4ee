"""Form uploads: streamed to disk beside the blobs, hashed on the way, cut off at a limit or before the disk is full."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from hven.errors import TooLarge
from hven.storage import services as storage

_BATCH = 1024 * 1024  # bytes that a thread is given at once


class Digests:
    """The hashes of a stream, taken by other threads while its next pieces are received."""

    def __init__(self) -> None:
        self._sums = (hashlib.sha256(), hashlib.sha1(usedforsecurity=False))
        self._pieces: list[bytes] = []
        self._size = 0
        self._waiting: list[Future[None]] = []

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _BATCH:
            self._hand_over()

    def done(self) -> tuple[str, str]:
        """Return sha256 and sha1, hexadecimal."""
        self._hand_over()
        self._wait()
        sha256, sha1 = self._sums
        return sha256.hexdigest(), sha1.hexdigest()

    def _hand_over(self) -> None:
        self._wait()
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._waiting = [_pool().submit(_hash, each, pieces) for each in self._sums]

    def _wait(self) -> None:
        for future in self._waiting:
            future.result()
        self._waiting = []


def _hash(total: Any, pieces: list[bytes]) -> None:
    for piece in pieces:
        total.update(piece)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="hash")


class LimitedUpload(TemporaryFileUploadHandler):
    """Write each file of a form to a temporary file; refuse more than ``HVEN_MAX_UPLOAD`` bytes in one request.

    Its files know their ``hashes``, so that storage takes them over as they are.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.received = 0
        self.digests = Digests()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; the sum of all files of the request is what counts."""
        settings.HVEN_FOLDERS.forms.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage.check_room()
        self.digests = Digests()
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write one piece.

        Raises
        ------
        TooLarge
            The files of the request together exceed the limit.
        """
        self.received += len(raw_data)
        if self.received > settings.HVEN_MAX_UPLOAD:
            self.upload_interrupted()
            limit = settings.HVEN_MAX_UPLOAD
            raise TooLarge(f"The upload is larger than this server's limit of {limit} bytes.")
        self.digests.update(raw_data)
        super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> TemporaryUploadedFile | None:
        """Return the file with its hashes."""
        file: Any = super().file_complete(file_size)
        if file is not None:
            file.hashes = self.digests.done()
        return file  # type: ignore[no-any-return] # Django's stubs know no attribute of ours
