"""Many files as one zip archive, written while it is sent: it never lies on the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator

from hven.archive.models import DataFile
from hven.storage import services as storage

CHUNK = 1 << 20


class _Out(io.RawIOBase):
    """A file that is only written, and emptied as it is sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload] # bytes, or a view of them
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def zipped(files: Iterable[DataFile]) -> Iterator[bytes]:
    """Yield a zip archive of data files, each in a folder of its dataset's name, unpacked: frames hardly shrink."""
    out = _Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for data_file in files:
            folder = data_file.dataset.name.replace("/", "_").replace("\\", "_").strip(". ") or "dataset"
            info = zipfile.ZipInfo(f"{folder}/{data_file.name}", data_file.created.timetuple()[:6])
            info.file_size = data_file.size
            large = data_file.size > 2**31
            with archive.open(info, "w", force_zip64=large) as entry, storage.open_blob(data_file.blob) as stream:
                while piece := stream.read(CHUNK):
                    entry.write(piece)
                    if ready := out.taken():
                        yield ready
            if ready := out.taken():
                yield ready
    yield out.taken()
