"""The solver's tables as this server has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from hven.jobs import services as jobs
from hven.jobs.models import Job, State

if TYPE_CHECKING:
    from hven.science.stars.data import SolverData

BUILD = "imaging.build_solver_data"
_Stamp = tuple[tuple[str, int, int], ...]


class _Opened:
    """What a process sees of the tables and indexes, kept as long as the folders of indexes stay as they are."""

    def __init__(self) -> None:
        self._data: SolverData | None = None
        self._stamp: _Stamp = ()

    def __call__(self) -> SolverData:
        """Return the view; where index files came, went or changed, one that knows of it."""
        from hven.science.catalogues.indexes import find_indexes  # noqa: PLC0415 - the solvers, not for the web
        from hven.science.stars.data import SolverData  # noqa: PLC0415 - the same

        stamp = _stamp()
        if self._data is None:
            self._data = SolverData.open(settings.HVEN_FOLDERS.solver, settings.HVEN_INDEX_FOLDERS)
        elif stamp != self._stamp:
            self._data = self._data.with_indexes(find_indexes(settings.HVEN_INDEX_FOLDERS))
        self._stamp = stamp
        return self._data

    def cache_clear(self) -> None:
        """Forget the view."""
        self._data = None


def _stamp() -> _Stamp:
    """Return name, size and time of everything in the folders of indexes: a millisecond for a thousand files.

    A folder's own time would not do: it does not change while a file in it is still being written.
    """
    seen = []
    for folder in settings.HVEN_INDEX_FOLDERS:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith((".fits", ".fit")):
                        status = entry.stat()
                        seen.append((entry.path, status.st_size, status.st_mtime_ns))
        except OSError:
            continue  # one that is not there, or a file that went meanwhile: the next look will tell
    return tuple(sorted(seen))


opened = _Opened()


def solver_data(tell: Callable[[float, str], None] | None = None) -> SolverData:
    """Return the tables, built first where they are missing; whoever comes meanwhile waits.

    Raises
    ------
    Unavailable
        They cannot be built.
    """
    data = opened()
    if not data.is_complete:
        data.prepare(tell)
    return data


@transaction.atomic
def ask_for_solver_data() -> Job | None:
    """Queue the building of the tables, where they are missing and nobody has asked yet."""
    waiting = Job.objects.filter(kind=BUILD, state__in=[State.QUEUED, State.RUNNING]).first()
    if waiting is not None:
        return waiting
    if opened().is_complete:
        return None
    return jobs.enqueue(BUILD, {}, priority=10)
