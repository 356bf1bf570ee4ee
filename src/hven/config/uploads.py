"""Form uploads: streamed to disk beside the blobs, hashed on the way, cut off at a limit or before the disk is full."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from hven.errors import TooLarge
from hven.storage import services as storage
from hven.storage.writing import HashedWriter, begin_sync


class LimitedUpload(TemporaryFileUploadHandler):
    """Write each file of a form to a temporary file; refuse more than ``HVEN_MAX_UPLOAD`` bytes in one request.

    Its files know their ``hashes`` and when they are ``synced``, so that storage takes them over as they are.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.received = 0
        self.writer: HashedWriter | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; the sum of all files of the request is what counts."""
        settings.HVEN_FOLDERS.forms.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage.check_room()
        super().new_file(*args, **kwargs)
        self.writer = HashedWriter(self.file)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - Django's
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
        if self.writer is not None:
            self.writer.write(raw_data)

    def file_complete(self, file_size: int) -> TemporaryUploadedFile | None:
        """Return the file with its hashes."""
        hashes = self.writer.finish() if self.writer is not None else None
        file: Any = super().file_complete(file_size)
        if file is not None and hashes is not None:
            file.hashes, file.synced = hashes, begin_sync(file.file)
        return file  # type: ignore[no-any-return] # Django's stubs know no attribute of ours
