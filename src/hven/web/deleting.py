"""What goes and what stays when frames are deleted, in words for the question before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hven.accounts.access import Verb, may
from hven.accounts.actor import Actor
from hven.imaging.models import Reduction


@dataclass(frozen=True, slots=True)
class Farewell:
    """One frame that may be deleted."""

    frame: Reduction
    runs: int
    file_goes: bool
    why: str  # the file stays


def farewells(actor: Actor, frames: Sequence[Reduction]) -> list[Farewell]:
    """Return for each frame what would go with it, by the rule of `imaging.services.delete_reduction`."""
    going = {frame.pk for frame in frames}
    found = []
    for frame in frames:
        file, why = frame.data_file, ""
        if file is None:
            why = "it has not arrived"
        elif not file.dataset.inbox:
            why = f"it is filed in the dataset {file.dataset.name}"
        elif file.reductions.exclude(pk__in=going).exists():
            why = "another frame is made of it"
        elif not may(actor, Verb.DELETE, file):
            why = "it is not yours to delete"
        found.append(Farewell(frame, frame.runs.count(), file is not None and not why, why))
    return found
