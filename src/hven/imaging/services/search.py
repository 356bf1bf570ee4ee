"""Finding reductions: one search for pages and dialects, through the permission function, on indexed columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import User
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, Tag
from hven.archive.services import places, text_index
from hven.archive.services.names import kept_text
from hven.archive.services.search import count_up_to
from hven.errors import Invalid
from hven.imaging.models import Reduction, RunState, Solution
from hven.jobs.models import State
from hven.science.sky.discs import Cone

__all__ = ["ORDERS", "STATES", "Cone", "Wanted", "count_up_to", "search", "touching"]

ORDERS: dict[str, tuple[Any, ...]] = {
    "newest": ("-id",),
    "oldest": ("id",),
    "name": ("name", "-id"),
    "name backwards": ("-name", "id"),
    "exposed": (F("data_file__middle").desc(nulls_last=True), "-id"),
    "exposed first": (F("data_file__middle").asc(nulls_last=True), "id"),
}
_OVER = Q(outcome="")
STATES: dict[str, Q] = {  # of runs; the words of RunState
    "queued": _OVER & Q(job__state=State.QUEUED),
    "running": _OVER & Q(job__state=State.RUNNING),
    "done": Q(outcome=RunState.DONE),
    "no solution": Q(outcome=RunState.NO_SOLUTION),
    "failed": Q(outcome=RunState.FAILED)
    | (_OVER & (Q(job__isnull=True) | Q(job__state__in=[State.FAILED, State.DONE]))),
    "cancelled": _OVER & Q(job__state=State.CANCELLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a search asks for; all that is said must hold."""

    owner: User | None = None
    text: str = ""  # part of the name, the object, the camera or a tag
    place: Cone | None = None  # where what the text names lies: frames that touch it are found as well
    name: str = ""  # part of the name
    tag: str = ""
    exact_tag: bool = False  # the whole tag, whatever the capitals; else a part of it
    solved: bool | None = None
    state: str = ""  # of the latest run; a key of STATES
    cone: Cone | None = None
    exposed_from: datetime | None = None  # the middle of the exposure, both ends included
    exposed_to: datetime | None = None
    header: tuple[tuple[str, str], ...] = ()  # (keyword, value) pairs; values compare whatever the capitals
    album: Dataset | None = None
    public: bool | None = None
    order: str = "newest"  # a key of ORDERS


def search(actor: Actor, wanted: Wanted, verb: access.Verb = access.Verb.SEE) -> QuerySet[Reduction]:
    """Return the reductions that the actor may see (or open) and that are as wanted, each once, in order.

    Take pages of it by slices, and count with `count_up_to`: a million rows are quick to begin and slow to count.

    Raises
    ------
    Invalid
        There is no such state or order, or the position lies nowhere on the sky.
    """
    if wanted.order not in ORDERS:
        raise Invalid(f"Lists are ordered by {', '.join(ORDERS)}.")
    found = access.visible(Reduction.objects.all(), actor, verb)
    for condition in _conditions(wanted):
        found = found.filter(condition)
    return found.order_by(*ORDERS[wanted.order])


def touching(cone: Cone) -> QuerySet[Solution]:
    """Return the solutions whose circle touches a cone.

    Raises
    ------
    Invalid
        The position lies nowhere on the sky, or the radius is none.
    """
    return places.touching(Solution.objects.all(), cone)


def _of(condition: Q, path: str) -> Q:
    """Return a condition on runs as one on what leads to them."""
    children: list[Any] = list(condition.children)
    parts = [_of(child, path) if isinstance(child, Q) else (f"{path}{child[0]}", child[1]) for child in children]
    return Q(*parts, _connector=condition.connector, _negated=condition.negated)


def _conditions(wanted: Wanted) -> list[Q]:
    found: list[Q] = []
    if wanted.owner is not None:
        found.append(Q(owner=wanted.owner))
    if wanted.public is not None:
        found.append(Q(visibility="public") if wanted.public else ~Q(visibility="public"))
    if wanted.solved is not None:
        found.append(Q(solution__isnull=not wanted.solved))
    if wanted.state:
        if wanted.state not in STATES:
            raise Invalid(f"A frame is {', '.join(STATES)}.")
        # joined and not a list of runs: the newest frames come first without looking at all
        found.append(_of(STATES[wanted.state], "latest_run__"))
    if wanted.name:
        found.append(Q(name__icontains=kept_text(wanted.name)))
    if wanted.text:
        text = kept_text(wanted.text)
        of_file = Q(data_file__object_name__icontains=text) | Q(data_file__camera__icontains=text)
        there = Q() if wanted.place is None else Q(solution__in=touching(wanted.place).values("pk"))
        found.append(Q(name__icontains=text) | of_file | _tagged(text, exact=False) | there)
    if wanted.tag:
        found.append(_tagged(wanted.tag, exact=wanted.exact_tag))
    if wanted.cone is not None:
        found.append(Q(solution__in=touching(wanted.cone).values("pk")))
    return found + _of_file(wanted)


def _of_file(wanted: Wanted) -> list[Q]:
    found: list[Q] = []
    if wanted.exposed_from is not None or wanted.exposed_to is not None:
        exposed = DataFile.objects.filter(middle__isnull=False)
        if wanted.exposed_from is not None:
            exposed = exposed.filter(middle__gte=wanted.exposed_from)
        if wanted.exposed_to is not None:
            exposed = exposed.filter(middle__lte=wanted.exposed_to)
        found.append(Q(data_file__in=exposed.values("pk")))
    if wanted.album is not None:
        found.append(Q(data_file__dataset=wanted.album))
    if wanted.header:
        found.append(Q(data_file__in=text_index.having("", wanted.album, wanted.header)))
    return found


def _tagged(text: str, *, exact: bool) -> Q:
    return Q(data_file__in=Tag.objects.filter(archive.tagged(text, exact=exact)).values("data_file"))
