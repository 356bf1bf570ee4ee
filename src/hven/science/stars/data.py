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
_MOST_SOLVERS = 64  # sets of index files kept open: hints ask for ever other sets of tiles


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
        self._solvers: dict[tuple[IndexFile, ...], Any] = {}

    @classmethod
    def open(cls, folder: Path, index_folders: Iterable[Path] = ()) -> "SolverData":
        """Look at what is installed; nothing is read yet."""
        return cls(Path(folder), find_indexes((*index_folders, Path(folder) / "indexes")))

    def with_indexes(self, indexes: tuple[IndexFile, ...]) -> "SolverData":
        """Return the same tables with other indexes; what is open and stays installed stays open."""
        other = SolverData(self.folder, indexes)
        other._patterns, other._patterns_tried = self._patterns, self._patterns_tried
        present = set(indexes)
        other._solvers = {files: solver for files, solver in self._solvers.items() if present.issuperset(files)}
        return other

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
        """Return an astrometry.Solver on these files (memory-mapped), None where none of them can be opened."""
        if files in self._solvers:
            solver = self._solvers.pop(files)
        else:
            solver = _solver_on(files)
            # one damaged tile must not take the others with it
            if solver is None and len(files) > 1:
                sound = [file for file in files if _solver_on((file,)) is not None]
                solver = _solver_on(tuple(sound)) if sound else None
        self._solvers[files] = solver
        while len(self._solvers) > _MOST_SOLVERS:
            del self._solvers[next(iter(self._solvers))]
        return solver

    def _index_paths(self) -> tuple[Path, ...]:
        # the table of reference stars takes its stars from the 4100 series alone
        return tuple(i.path for i in self.indexes if i.index_id // 100 == 41)

    def _reference_is_current(self) -> bool:
        # tables are only ever replaced by newer ones: what was current once need not be asked again
        self._current = self._current or is_current(self.folder / _REFERENCE, self._index_paths())
        return self._current


def _solver_on(files: tuple[IndexFile, ...]) -> Any | None:
    import astrometry  # noqa: PLC0415 - a compiled library that only solvers need

    _quieten()
    try:
        return astrometry.Solver([f.path for f in files])
    except (OSError, ValueError, RuntimeError, SystemError, TypeError):  # a damaged file is a TypeError
        return None


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
