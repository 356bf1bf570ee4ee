"""The folder on this machine from which users may take frames without uploading them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from hven.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """A file or folder there."""

    name: str
    path: str  # from the folder's root
    size: int  # bytes
    modified: datetime
    is_folder: bool


def find(path: str) -> Path:
    """Return where a path of that folder leads.

    Raises
    ------
    NotFound
        Nowhere: there is nothing, or it leads outside, by dots or by a link.
    """
    root = _root()
    if "\0" in path or any(part.startswith(".") for part in Path(path).parts):
        raise NotFound("Path not found")
    try:
        # Absolute paths are understood where they begin with the folder itself.
        found = (root / path).resolve() if path else root
        inside = found == root or root in found.parents
        if not inside or not found.exists():
            raise NotFound("Path not found")
    except (OSError, RuntimeError):  # links in a circle among them
        raise NotFound("Path not found") from None
    return found


def find_file(path: str) -> Path:
    """Return where a file of that folder is.

    Raises
    ------
    Invalid
        There is none; the sentence names the folder's setting.
    """
    try:
        found = find(path)
    except NotFound:
        found = _root()
    if not found.is_file():
        raise Invalid("There is no such file in the folder for local files (HVEN_LOCAL_FILES).")
    return found


def listing(path: str) -> list[LocalEntry]:
    """Return what lies in a folder: folders first, then files, by name whatever the case."""
    root, place = _root(), find(path)
    if not place.is_dir():
        raise NotFound("Path not found")
    entries = []
    for each in _within(place):
        try:
            each.name.encode()
            stat = each.stat()
            inside = root in each.resolve().parents
        except (OSError, RuntimeError, UnicodeEncodeError):
            continue
        if inside and not each.name.startswith("."):
            entries.append(
                LocalEntry(
                    each.name,
                    str(each.relative_to(root)),
                    stat.st_size,
                    datetime.fromtimestamp(stat.st_mtime, UTC),
                    each.is_dir(),
                )
            )
    return sorted(entries, key=lambda entry: (not entry.is_folder, entry.name.casefold()))


def open_file(path: Path) -> BinaryIO:
    """Open a file that `find` or `find_file` gave.

    Raises
    ------
    NotFound
        This server may not read it.
    """
    try:
        return path.open("rb")
    except OSError:
        raise NotFound("This server may not read the file; ask its operator.") from None


def _within(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError:
        raise NotFound("This server may not read the folder; ask its operator.") from None


def _root() -> Path:
    root: Path = settings.HVEN_LOCAL_FILES or settings.HVEN_FOLDERS.data / "files"
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()
