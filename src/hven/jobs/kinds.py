"""Kinds of job: a name, the function that does the work, and its limits. Apps register theirs in ``<app>/jobs.py``.

Those modules are imported by every process, the web's too: import heavy things inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hven.errors import Invalid

if TYPE_CHECKING:
    from hven.jobs.models import Job

Work = Callable[..., dict[str, Any] | None]
W = TypeVar("W", bound=Work)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job."""

    name: str
    work: Work
    max_attempts: int
    time_limit_s: float | None  # None: the setting's
    memory_limit: int | None  # bytes; None: the setting's
    warm: Callable[[], None] | None
    on_end: Callable[[Job], None] | None


_KINDS: dict[str, Kind] = {}


def job_kind(
    name: str,
    *,
    max_attempts: int = 3,
    time_limit_s: float | None = None,
    memory_limit: int | None = None,
    warm: Callable[[], None] | None = None,
    on_end: Callable[[Job], None] | None = None,
) -> Callable[[W], W]:
    """Register a function as the work of a kind of job.

    The function is called as ``work(context, **args)`` and returns a JSON object or nothing.

    Parameters
    ----------
    name
        Unique, such as ``"imaging.run"``.
    max_attempts
        After so many attempts that died or were retriable the job has failed.
    time_limit_s, memory_limit
        Limits of one attempt, in seconds and bytes; by default those of the settings.
    warm
        Called once in every worker process before its first job: load tables here.
    on_end
        Called with the job in the transaction that sets it failed or cancelled, in whatever process that happens.
        It changes rows and does nothing else.
    """

    def register(work: W) -> W:
        if name in _KINDS and _KINDS[name].work.__qualname__ != work.__qualname__:
            raise Invalid(f"Two kinds of job are called {name}.")
        _KINDS[name] = Kind(name, work, max_attempts, time_limit_s, memory_limit, warm, on_end)
        return work

    return register


def kind_of(name: str) -> Kind:
    """Return a kind by its name."""
    try:
        return _KINDS[name]
    except KeyError:
        raise Invalid(f"This version of hven knows no kind of job called {name}.") from None


def find_kind(name: str) -> Kind | None:
    """Return a kind by its name, or None."""
    return _KINDS.get(name)


def all_kinds() -> tuple[Kind, ...]:
    """Return all kinds."""
    return tuple(_KINDS.values())
