"""Form uploads: streamed to disk beside the blobs, cut off at the size limit or before the disk is full."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from hven.errors import TooLarge
from hven.storage import services as storage


class LimitedUpload(TemporaryFileUploadHandler):
    """Write each file of a form to a temporary file; refuse more than ``HVEN_MAX_UPLOAD`` bytes in one request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; the sum of all files of the request is what counts."""
        settings.HVEN_FOLDERS.forms.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage.check_room()
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
        super().receive_data_chunk(raw_data, start)
