"""The folder in which the steps of a reduction work: its current files for reading, and a place for new ones."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from hven.errors import Invalid
from hven.imaging.steps.registry import Product
from hven.storage import services as storage
from hven.storage.models import Blob

IMAGE = "image.fits"
LONGEST = 200
_TYPES = {
    ".fits": "image/fits",
    ".wcs": "image/fits",
    ".cutout": "image/fits",
    ".parquet": "application/vnd.apache.parquet",
    ".vot": "application/x-votable+xml",
    ".reg": "text/plain",
    ".log": "text/plain",
    ".json": "application/json",
}


class Workspace:
    """A reduction's files as one run of steps sees them.

    What a step writes or removes is seen by later steps at once, and by everybody else when the step ends well.

    Parameters
    ----------
    blobs : dict of str to Blob
        The reduction's current files by path.
    scratch : Path
        A folder of the run's own, for what is written.
    """

    def __init__(self, blobs: dict[str, Blob], scratch: Path) -> None:
        self._blobs = dict(blobs)
        self._scratch = scratch
        self._written: dict[str, Path] = {}
        self._step_wrote: dict[str, None] = {}
        self._step_removed: dict[str, None] = {}
        self._open = ExitStack()
        self._local: dict[str, Path] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._written or path in self._blobs

    def names(self, under: str = "") -> list[str]:
        """Return the paths of all files, or of those in a folder such as ``"candidates/"``."""
        return sorted(path for path in {**self._blobs, **self._written} if path.startswith(under))

    def find(self, path: str) -> Path | None:
        """Return where a file can be read, None where there is none. Never write to it."""
        if path in self._written:
            return self._written[path]
        if path not in self._blobs:
            return None
        if path not in self._local:
            self._local[path] = self._open.enter_context(storage.local(self._blobs[path]))
        return self._local[path]

    def need(self, path: str, hint: str) -> Path:
        """Return where a file can be read.

        Raises
        ------
        Invalid
            There is none; the message is `hint`, a sentence saying what to do.
        """
        found = self.find(path)
        if found is None:
            raise Invalid(hint)
        return found

    def sha256(self, path: str) -> str:
        """Return the hash of a file that was there before this run; empty for what the run wrote itself."""
        blob = None if path in self._written else self._blobs.get(path)
        return blob.sha256 if blob is not None else ""

    def write(self, path: str) -> Path:
        """Return where to write a file, in place of one of that path; its folders are there."""
        path = checked_path(path)
        target = self._scratch / "folder" / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._written[path] = target
        self._step_wrote[path] = None
        self._step_removed.pop(path, None)
        return target

    def remove(self, *paths: str) -> None:
        """Take files away, or all of a folder where the path ends with a slash."""
        for path in paths:
            for one in self.names(path) if path.endswith("/") else [path]:
                if one in self:
                    self._blobs.pop(one, None)
                    self._written.pop(one, None)
                    self._step_wrote.pop(one, None)
                    self._step_removed[one] = None

    def begin(self) -> None:
        """Count anew what a step writes and removes."""
        self._step_wrote, self._step_removed = {}, {}

    def changed(self) -> tuple[list[Product], list[str]]:
        """Return what the step under way wrote, and the paths that it took away."""
        products = [
            Product(path, self._written[path], media_type(path))
            for path in self._step_wrote
            if path in self._written and self._written[path].is_file()
        ]
        return products, list(self._step_removed)

    def stored(self, products: Iterable[Product], blobs: Iterable[Blob]) -> None:
        """Note that files which a step wrote are stored now, and moved there."""
        for product, blob in zip(products, blobs, strict=True):
            self._blobs[product.path] = blob
            self._written.pop(product.path, None)
            self._local.pop(product.path, None)

    def close(self) -> None:
        """Let go of the files."""
        self._open.close()
        self._local = {}


def checked_path(path: str) -> str:
    """Return a path within a reduction in its one form.

    Raises
    ------
    Invalid
        It leads outside, or is no path.
    """
    if not path or len(path) > LONGEST or "\0" in path or "\\" in path or any(ord(sign) < 32 for sign in path):
        raise Invalid(f"A file's path has 1 to {LONGEST} characters, without backslashes and control characters.")
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or not parts:
        raise Invalid("A file's path stays within its task: it neither begins with a slash nor climbs up.")
    return "/".join(parts)


def media_type(path: str) -> str:
    """Return the media type of a file by its ending."""
    ending = PurePosixPath(path).suffix.lower()
    return _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
