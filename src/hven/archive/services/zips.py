"""Many files as one zip archive, written while it is sent: it never lies on the disk."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator

from hven.archive.models import DataFile, Dataset
from hven.archive.services.names import numbered, safe_name
from hven.errors import Forbidden, NotFound
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


def zipped(files: Iterable[DataFile], cut: Callable[[DataFile], bytes | None] = lambda _file: None) -> Iterator[bytes]:
    """Yield a zip archive of data files, each in a folder of its dataset's name, unpacked: frames hardly shrink.

    At its end lies the manifest, which `sha256sum -c` reads. What could not be packed stands there with the reason.

    Parameters
    ----------
    cut
        Gives for a file the bytes to pack in place of its own, or None for these; one that it refuses (Forbidden) is
        left out.
    """
    out = _Out()
    folders = _Folders()
    manifest: list[str] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for data_file in files:
            path = folders.path_of(data_file)
            try:
                content = cut(data_file)
                stream = storage.open_blob(data_file.blob) if content is None else io.BytesIO(content)
            except (Forbidden, NotFound) as refused:
                manifest.append(f"# left out: {path}: {refused}\n")
                continue
            sha256 = data_file.blob.sha256 if content is None else hashlib.sha256(content).hexdigest()
            manifest.append(f"{sha256}  {path}\n")
            info = zipfile.ZipInfo(path, data_file.created.timetuple()[:6])
            info.file_size = data_file.size if content is None else len(content)
            large = info.file_size > 2**31
            with stream, archive.open(info, "w", force_zip64=large) as entry:
                while piece := stream.read(CHUNK):
                    entry.write(piece)
                    if ready := out.taken():
                        yield ready
            if ready := out.taken():
                yield ready
        archive.writestr(MANIFEST, "".join(manifest))
    yield out.taken()


class _Folders:
    """Paths of files in folders for datasets: neither two datasets nor two files of one name become one."""

    def __init__(self) -> None:
        self._of: dict[int, str] = {}
        self._taken = {MANIFEST}

    def path_of(self, data_file: DataFile) -> str:
        """Return where a file lies."""
        folder = self._folder_of(data_file.dataset)
        return self._free(f"{folder}/{name}" for name in numbered(data_file.name, is_file=True))

    def _folder_of(self, dataset: Dataset) -> str:
        if dataset.pk not in self._of:
            plain = safe_name(dataset.name.replace("/", "_").replace("\\", "_"), fallback="dataset")
            self._of[dataset.pk] = self._free(numbered(plain))
        return self._of[dataset.pk]

    def _free(self, paths: Iterator[str]) -> str:
        # whatever the capitals: some disks take both for one
        found = next(path for path in paths if path.casefold() not in self._taken)
        self._taken.add(found.casefold())
        return found
