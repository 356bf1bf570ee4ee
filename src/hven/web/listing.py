"""The lists of frames: which, page by page, with what each row shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import cached_property

from hven.accounts.actor import Actor
from hven.archive.models import Tag
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, ReductionFile, Run
from hven.web.asking import Understood

PER_PAGE = 24
MOST_COUNTED = 10_000
_MOST_PAGES = 10**9  # beyond, SQLite has no numbers for rows
_MOST_OBJECTS = 3  # named beside a picture


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
        return imaging.count_up_to(self.object_list, MOST_COUNTED + 1)  # type: ignore[arg-type] # always a query

    @property
    def most(self) -> int:
        """How far it is counted."""
        return MOST_COUNTED

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


def settled(actor: Actor, plan: Understood) -> Understood:
    """Return what a list shows in an order that it can be put into: by time only where it is not very long.

    The time stands with the file and not with the frame, so a million frames would be sorted anew for each page.
    """
    if plan.nothing or not plan.wanted.order.startswith("exposed"):
        return plan
    if imaging.count_up_to(imaging.search(actor, plan.wanted), MOST_COUNTED + 1) <= MOST_COUNTED:
        return plan
    note = f"More than {MOST_COUNTED:,} frames stand in the order of their upload; narrow the list to sort it by time."
    return replace(plan, wanted=replace(plan.wanted, order="newest"), notes=(*plan.notes, note))


def frames(actor: Actor, plan: Understood) -> QuerySet[Reduction]:
    """Return the reductions that a list shows."""
    return Reduction.objects.none() if plan.nothing else imaging.search(actor, plan.wanted)


def page_of(actor: Actor, plan: Understood, number: str, *, objects: bool = False) -> Page[Any]:
    """Return one page of the list, as `with_rows` makes it."""
    page: Page[Any] = LongPaginator(with_rows(frames(actor, plan)), PER_PAGE).get_page(number)
    fill(page, objects=objects)
    return page


def with_rows(found: QuerySet[Reduction]) -> QuerySet[Reduction]:
    """Return a list with what its rows need from the database in the same query."""
    picture = ReductionFile.objects.filter(reduction=OuterRef("pk"), path="thumbnail.jpg")
    return found.annotate(has_picture=Exists(picture)).select_related("data_file", "owner", "solution")


def fill(rows: Any, *, objects: bool = False) -> None:
    """Give each reduction its newest ``run``, and with `objects` the first names that the solver found on it."""
    runs = Run.objects.select_related("job", "solution").in_bulk([r.latest_run_id for r in rows if r.latest_run_id])
    names: dict[int, list[str]] = {}
    if objects:
        files = [row.data_file_id for row in rows if row.data_file_id]
        tags = Tag.objects.filter(data_file__in=files, machine=True).order_by("id")
        for file, text in tags.values_list("data_file", "text")[: 100 * PER_PAGE]:
            names.setdefault(file, []).append(text)
    for row in rows:
        row.run = runs.get(row.latest_run_id)
        row.objects_shown = names.get(row.data_file_id, [])[:_MOST_OBJECTS]


def runs_of(reduction: Reduction) -> QuerySet[Run]:
    """Return the runs of a reduction, newest first."""
    related = ("job", "solution", "reduction__data_file", "reduction__submission")
    return reduction.runs.select_related(*related).order_by("-id")
