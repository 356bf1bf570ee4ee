"""A folder of index files: put one in whole, take some out. Nothing that the solver may have open is ever changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hven.errors import Conflict, Invalid, NotFound
from hven.science.catalogues.index_check import check_index
from hven.science.catalogues.indexes import IndexFile, find_indexes
from hven.science.catalogues.patterns import locked
from hven.science.catalogues.series import series_of_file

LINKS = ("symbolic", "hard")


def install_index(path: Path, folder: Path, others: Iterable[Path] = (), *, link: str = "", move: bool = False) -> Path:
    """Put an index file into a folder, checked, and whole or not at all; return where it lies.

    Parameters
    ----------
    path : Path
        The file.
    folder : Path
        Of the indexes; it is made where it is missing.
    others : iterable of Path
        Further folders that the solver searches: an index of theirs is not installed again.
    link : str
        "symbolic" or "hard": link to the file instead of copying it.
    move : bool
        Whether the file is ours to take; it must lie on the folder's disk.

    Raises
    ------
    Invalid
        It is no index, or damaged.
    Conflict
        The same index is installed already, or another file has its name.
    """
    index = check_index(path)
    name = path.name if path.suffix == ".fits" else f"{path.stem}.fits"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(folder / ".lock"):
        double = next((i for i in find_indexes([folder, *others]) if i.key == index.key), None)
        if double is not None:
            tile = f", tile {index.healpix}" if index.healpix >= 0 else ""
            raise Conflict(f"{path.name} is index {index.index_id}{tile}, which is installed already as {double.path}.")
        target = folder / name
        if target.exists() or target.is_symlink():
            raise Conflict(f"Another file called {name} lies in the folder of indexes; rename yours.")
        if link:
            _link(path, target, link)
        elif move:
            _flush(path)
            path.rename(target)
        else:
            _copy(path, target)
        _flush(folder)
    return target


def removable(word: str, folder: Path, others: Iterable[Path] = ()) -> tuple[list[IndexFile], list[IndexFile]]:
    """Return the indexes that a word names: those in the folder, and those elsewhere, which hven leaves alone.

    The word is a file's name, a number such as 4110 or 5204, a series such as 4100 or 5200, or the name of an own
    index.

    Raises
    ------
    NotFound
        No installed index is called so.
    """
    here = [i for i in find_indexes([folder]) if _is_named(i, word)]
    elsewhere = [i for i in find_indexes(others) if _is_named(i, word)]
    if not here and not elsewhere:
        raise NotFound(f"No installed index is called {word}; `hven index list` shows all.")
    return here, elsewhere


def remove_indexes(indexes: Iterable[IndexFile], folder: Path) -> None:
    """Remove files of a folder; processes that have them open keep reading what they opened."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(folder / ".lock"):
        for index in indexes:
            if index.path.parent != folder:
                raise Invalid(f"{index.path} lies outside the folder of indexes.")
            index.path.unlink(missing_ok=True)
        _flush(folder)


@contextmanager
def flushed(path: Path) -> Iterator[Path]:
    """Give a temporary name beside a path; at the block's end what was written there is on the disk under the path."""
    work = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield work
        _flush(work)
        work.rename(path)
    finally:
        work.unlink(missing_ok=True)


def _is_named(index: IndexFile, word: str) -> bool:
    lower = word.lower()
    series = series_of_file(index)
    return (
        lower in {index.path.name.lower(), index.path.stem.lower(), str(index.index_id), index.own_name.lower()}
        or (series is not None and lower in {series.name.lower(), *series.words})
    )  # fmt: skip


def _copy(path: Path, target: Path) -> None:
    try:
        with flushed(target) as work:
            shutil.copyfile(path, work)
            work.chmod(0o644)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be copied: {error.strerror}.") from error


def _link(path: Path, target: Path, kind: str) -> None:
    try:
        if kind == "hard":
            os.link(path.resolve(), target)
        else:
            target.symlink_to(path.resolve())
    except OSError as error:
        hint = " A hard link needs both on one disk; use --link symbolic." if kind == "hard" else ""
        raise Invalid(f"{path.name} cannot be linked: {error.strerror}.{hint}") from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
