"""The list of frames: which, in which order, with what each row shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import cached_property

from hven.accounts.access import visible
from hven.accounts.actor import Actor
from hven.imaging.models import Reduction, ReductionFile, Run, RunState, Solution
from hven.jobs.models import State
from hven.science.sky.sphere import separation

PER_PAGE = 24
MOST_COUNTED = 10_000
_MOST_PAGES = 10**9  # beyond, SQLite has no numbers for rows
ORDERS = {"newest": ("-id",), "oldest": ("id",), "name": ("name", "-id")}
_OVER = Q(outcome="")

CONDITIONS: dict[str, Q] = {
    "queued": _OVER & Q(job__state=State.QUEUED),
    "running": _OVER & Q(job__state=State.RUNNING),
    "solved": Q(outcome=RunState.DONE),
    "no solution": Q(outcome=RunState.NO_SOLUTION),
    "failed": Q(outcome=RunState.FAILED)
    | (_OVER & (Q(job__isnull=True) | Q(job__state__in=[State.FAILED, State.DONE]))),
    "cancelled": _OVER & Q(job__state=State.CANCELLED),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for, as its address says it."""

    text: str = ""
    state: str = ""
    whose: str = "mine"  # or "all" that the actor may see
    order: str = "newest"
    look: str = ""  # grid or table; empty: as last time

    @classmethod
    def of(cls, query: Any) -> Wanted:
        """Read the address; what makes no sense counts as not said."""
        state, order = query.get("state", ""), query.get("order", "newest")
        return cls(
            text=query.get("q", "").strip().replace("\0", "")[:200],
            state=state if state in CONDITIONS else "",
            whose="all" if query.get("whose") == "all" else "mine",
            order=order if order in ORDERS else "newest",
            look=query.get("look", "") if query.get("look") in {"grid", "table"} else "",
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order was asked for."""
        return bool(self.text or self.state or self.whose == "all")


class LongPage(Page[Any]):
    """A page that was looked beyond: whether there is a next one is known without counting all."""

    def __init__(self, rows: list[Any], number: int, paginator: LongPaginator) -> None:
        super().__init__(rows[: paginator.per_page], number, paginator)
        self._more = len(rows) > paginator.per_page

    def has_next(self) -> bool:
        """Say whether an older page has anything."""
        return self._more


class LongPaginator(Paginator):  # type: ignore[type-arg] # it takes a parameter in the stubs only
    """Pages of a list of any length; it is counted up to a number only, since counting a million takes its time."""

    @cached_property
    def count(self) -> int:
        """How long the list is, or one more than is counted."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: MOST_COUNTED + 1].count())

    @property
    def uncounted(self) -> bool:
        """Whether the list is longer than is counted."""
        return self.count > MOST_COUNTED

    def validate_number(self, number: Any) -> int:
        """Return the number of a page that there may be."""
        if self.uncounted and str(number).isdecimal() and 0 < int(number) < _MOST_PAGES:
            return int(number)
        return super().validate_number(number)

    def page(self, number: Any) -> LongPage:
        """Return a page, the last counted one where it would be empty."""
        number = self.validate_number(number)
        rows: Any = self.object_list
        first = (number - 1) * self.per_page
        found = list(rows[first : first + self.per_page + 1])
        if not found and number > self.num_pages:
            return self.page(self.num_pages)
        return LongPage(found, number, self)


def frames(actor: Actor, wanted: Wanted) -> QuerySet[Reduction]:
    """Return the reductions that a list shows."""
    found = visible(Reduction.objects.all(), actor)
    if wanted.whose == "mine":
        found = found.filter(owner=actor.user)
    if wanted.state:
        # joined and not a list of runs: the newest frames come first without looking at all
        found = found.filter(_of(CONDITIONS[wanted.state], "latest_run__"))
    if wanted.text:
        found = found.filter(_matching(wanted.text))
    return found.order_by(*ORDERS[wanted.order])


def page_of(actor: Actor, wanted: Wanted, number: str) -> Page[Any]:
    """Return one page of the list, each reduction with its ``run`` and whether it ``has_picture``."""
    shown = frames(actor, wanted).annotate(
        has_picture=Exists(ReductionFile.objects.filter(reduction=OuterRef("pk"), path="thumbnail.jpg"))
    )
    page: Page[Any] = LongPaginator(shown.select_related("data_file", "owner"), PER_PAGE).get_page(number)
    runs = Run.objects.select_related("job", "solution").in_bulk([r.latest_run_id for r in page if r.latest_run_id])
    for reduction in page:
        reduction.run = runs.get(reduction.latest_run_id)
    return page


def latest_run(reduction: Reduction) -> Run | None:
    """Return the newest run of a reduction."""
    return runs_of(reduction).first()


def runs_of(reduction: Reduction) -> QuerySet[Run]:
    """Return the runs of a reduction, newest first."""
    related = ("job", "solution", "reduction__data_file", "reduction__submission")
    return reduction.runs.select_related(*related).order_by("-id")


def _of(condition: Q, path: str) -> Q:
    """Return a condition on runs as one on what leads to them."""
    children: list[Any] = list(condition.children)
    parts = [_of(child, path) if isinstance(child, Q) else (f"{path}{child[0]}", child[1]) for child in children]
    return Q(*parts, _connector=condition.connector, _negated=condition.negated)


def _matching(text: str) -> Q:
    """Return the condition for a search: a name, a tag, an object, or a position that the frame contains."""
    position = read_position(text)
    if position is not None:
        return Q(pk__in=_around(*position))
    return (
        Q(name__icontains=text) | Q(data_file__object_name__icontains=text)
        | Q(data_file__camera__icontains=text)
        | Q(data_file__pk__in=_tagged(text))
    )  # fmt: skip


def _tagged(text: str) -> Any:
    from hven.archive.models import Tag  # noqa: PLC0415 - used by this condition only

    return Tag.objects.filter(text__icontains=text).values("data_file")


_NUMBER = r"([0-9]+(?:\.[0-9]*)?)"
_SEXAGESIMAL = re.compile(
    rf"^\s*(\d+)[h:\s]\s*(\d+)[m:′'\s]\s*{_NUMBER}?[s″\"]?[\s,]*([+\-−])(\d+)[d°:\s]\s*(\d+)[m:′'\s]?\s*{_NUMBER}?[s″\"]?\s*$"
)
_DEGREES = re.compile(rf"^\s*{_NUMBER}°?[\s,]+([+\-−]?){_NUMBER}°?\s*$")


def read_position(text: str) -> tuple[float, float] | None:
    """Return right ascension and declination in degrees where a text is a position, else None."""
    if found := _SEXAGESIMAL.match(text):
        h, m, s, sign, d, dm, ds = found.groups()
        ra = 15 * (int(h) + int(m) / 60 + float(s or 0) / 3600)
        dec = (int(d) + int(dm) / 60 + float(ds or 0) / 3600) * (1 if sign == "+" else -1)
    elif found := _DEGREES.match(text):
        ra, dec = float(found[1]), float(found[3]) * (1 if found[2] in {"", "+"} else -1)
    else:
        return None
    return (ra, dec) if ra <= 360 and abs(dec) <= 90 else None


def _around(ra: float, dec: float) -> list[int]:
    """Return the reductions whose solution's circle holds a position."""
    rows = Solution.objects.values_list("run__reduction", "ra", "dec", "radius_deg")
    table = np.array(list(rows), float).reshape(-1, 4)
    near = separation(ra, dec, table[:, 1], table[:, 2]) <= table[:, 3]
    return [int(pk) for pk in table[near, 0]]
