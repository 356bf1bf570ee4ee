"""What a solver needs on disk: reference stars, the pattern table and index files, opened once a process."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hven.errors import NotFound, Unavailable
from hven.science.catalogues.indexes import IndexFile, find_indexes
from hven.science.catalogues.patterns import build_patterns, has_patterns, load_patterns, locked
from hven.science.catalogues.reference import ReferenceStars, build_reference, is_current

Progress = Callable[[float, str], None]
_REFERENCE = "reference"


class SolverData:
    """The solver's tables; each is opened when it is first asked for, and then kept.

    Not to be shared between threads that solve at the same time.
    """

    def __init__(self, folder: Path, indexes: tuple[IndexFile, ...]) -> None:
        self.folder = folder
        self.indexes = indexes
        self._reference: ReferenceStars | None = None
        self._patterns: Any = None
        self._patterns_tried = False
        self._current = False
        self._solvers: dict[tuple[Path, ...], Any] = {}

    @classmethod
    def open(cls, folder: Path, index_folders: Iterable[Path] = ()) -> "SolverData":
        """Look at what is installed; nothing is read yet."""
        return cls(Path(folder), find_indexes((*index_folders, Path(folder) / "indexes")))

    @property
    def is_complete(self) -> bool:
        """True where the tables that hven builds itself exist and fit the installed indexes."""
        return has_patterns(self.folder) and self._reference_is_current()

    def prepare(self, progress: Progress | None = None) -> None:
        """Build the tables that are missing; other processes that ask meanwhile wait for this one.

        Raises
        ------
        Unavailable
            The folder cannot be written, or the star catalogue is missing.

        """
        tell = progress or (lambda _fraction, _message: None)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._reference_is_current():
                with locked(self.folder / ".reference.lock"):
                    if not self._reference_is_current():
                        build_reference(self.folder / _REFERENCE, self._index_paths(), lambda f, m: tell(0.3 * f, m))
                        self._reference = None
        except (OSError, ImportError) as error:
            raise Unavailable(f"The table of reference stars cannot be built: {error}.") from error
        if not has_patterns(self.folder):
            build_patterns(self.folder, lambda f, m: tell(0.3 + 0.7 * f, m))
            self._patterns_tried = False

    @property
    def reference(self) -> ReferenceStars:
        """The reference stars.

        Raises
        ------
        Unavailable
            They have not been built.

        """
        if self._reference is None:
            try:
                self._reference = ReferenceStars.open(self.folder / _REFERENCE)
            except NotFound as error:
                raise Unavailable("The solver's reference stars have not been built yet.") from error
        return self._reference

    @property
    def patterns(self) -> Any | None:
        """The table of star patterns, a tetra3rs.SolverDatabase; None where it has not been built."""
        if not self._patterns_tried:
            self._patterns = load_patterns(self.folder)
            self._patterns_tried = True
        return self._patterns

    def solver(self, files: tuple[IndexFile, ...]) -> Any | None:
        """Return an astrometry.Solver on these files (memory-mapped), None where one cannot be opened."""
        import astrometry  # noqa: PLC0415 - a compiled library that only solvers need

        _quieten()
        key = tuple(f.path for f in files)
        if key not in self._solvers:
            try:
                self._solvers[key] = astrometry.Solver(list(key))
            except (OSError, ValueError, RuntimeError, SystemError):
                self._solvers[key] = None
        return self._solvers[key]

    def _index_paths(self) -> tuple[Path, ...]:
        return tuple(i.path for i in self.indexes)

    def _reference_is_current(self) -> bool:
        # tables are only ever replaced by newer ones: what was current once need not be asked again
        self._current = self._current or is_current(self.folder / _REFERENCE, self._index_paths())
        return self._current


class _EngineTalk(logging.Filter):
    """Drops what the engine tells the root logger of every look-up; its warnings pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or not str(record.msg).startswith(("solve ", "loaded "))


_TALK = _EngineTalk()


def _quieten() -> None:
    """Keep the engine's running commentary out of the program's log."""
    root = logging.getLogger()
    if _TALK not in root.filters:
        root.addFilter(_TALK)
