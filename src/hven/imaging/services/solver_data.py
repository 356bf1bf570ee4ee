"""The solver's tables as this server has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from hven.jobs import services as jobs
from hven.jobs.models import Job, State

if TYPE_CHECKING:
    from hven.science.stars.data import SolverData

BUILD = "imaging.build_solver_data"


@lru_cache(maxsize=1)
def opened() -> SolverData:
    """Return this process's view of the tables and indexes."""
    from hven.science.stars.data import SolverData  # noqa: PLC0415 - the solvers, which the web process need not load

    return SolverData.open(settings.HVEN_FOLDERS.solver, settings.HVEN_INDEX_FOLDERS)


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
