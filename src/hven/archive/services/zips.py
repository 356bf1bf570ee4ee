"""Many files as one zip archive, written while it is sent: it never lies on the disk."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterable, Iterator

from hven.archive.models import DataFile, Dataset
from hven.archive.services.names import safe_name
from hven.storage import services as storage

CHUNK = 1 << 20
MANIFEST = "manifest-sha256.txt"


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
    """Yield a zip archive of data files, each in a folder of its dataset's name, unpacked: frames hardly shrink.

    At its end lies the manifest, which `sha256sum -c` reads.
    """
    out = _Out()
    folders = _Folders()
    manifest: list[str] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for data_file in files:
            path = f"{folders.of(data_file.dataset)}/{data_file.name}"
            manifest.append(f"{data_file.blob.sha256}  {path}\n")
            info = zipfile.ZipInfo(path, data_file.created.timetuple()[:6])
            info.file_size = data_file.size
            large = data_file.size > 2**31
            with archive.open(info, "w", force_zip64=large) as entry, storage.open_blob(data_file.blob) as stream:
                while piece := stream.read(CHUNK):
                    entry.write(piece)
                    if ready := out.taken():
                        yield ready
            if ready := out.taken():
                yield ready
        archive.writestr(MANIFEST, "".join(manifest))
    yield out.taken()


class _Folders:
    """Names of folders for datasets: two of one name, of two people, do not become one."""

    def __init__(self) -> None:
        self._of: dict[int, str] = {}
        self._taken = {MANIFEST}

    def of(self, dataset: Dataset) -> str:
        if dataset.pk not in self._of:
            plain = safe_name(dataset.name.replace("/", "_").replace("\\", "_"), fallback="dataset")
            name = next(name for name in _numbered(plain) if name.casefold() not in self._taken)
            self._taken.add(name.casefold())
            self._of[dataset.pk] = name
        return self._of[dataset.pk]


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in itertools.count(2))
