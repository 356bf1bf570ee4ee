"""Candidates that the steps of transients found, and what people say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction, ReductionFile, Verdict
from hven.imaging.services import folder, tables

OPEN = "open"
WORDS = (OPEN, *Verdict.Word.values)


@dataclass(frozen=True, slots=True)
class Source:
    """Which step found candidates, and where it left them."""

    key: str  # of the step
    table: str
    folder: str
    title: str


SOURCES = (
    Source("subtraction", "candidates.vot", "candidates/", "By subtraction"),
    Source("transients", "candidates_simple.vot", "candidates_simple/", "By catalogues"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate with its row, its cutout's path, and what was said of it."""

    name: str
    number: int  # in its table, from 1
    row: dict[str, Any]  # by the columns of the step's table
    cutout: str  # empty where there is none
    word: str
    by: str  # who said so

    def value(self, column: str) -> Any:
        """Return a column's value, None where there is none."""
        return self.row.get(column)


def source_of(key: str) -> Source:
    """Return a source by its step; NotFound where there is none."""
    for source in SOURCES:
        if source.key == key:
            return source
    raise NotFound("Candidates come from subtraction and from transients.")


def candidates(reduction: Reduction, source: Source) -> list[Candidate] | None:
    """Return what a step found, in its order; None where it left no table. Whoever asks may open the reduction."""
    row = reduction.files.filter(current=True, path=source.table).select_related("blob").first()
    if row is None:
        return None
    table = tables.read_table(row)
    verdicts = Verdict.objects.filter(reduction=reduction, found_by=source.key).select_related("by")
    said = {one.name: one for one in verdicts}
    present = {each.path for each in folder.current(reduction)}
    found = []
    for number, values in enumerate(tables.rows_of(table), 1):
        name = name_of(values, number)
        path = f"{source.folder}{name}.cutout"
        verdict = said.get(name)
        by = verdict.by.username if verdict is not None and verdict.by is not None else ""
        word = verdict.word if verdict is not None else OPEN
        found.append(Candidate(name, number, values, path if path in present else "", word, by))
    return found


def name_of(values: dict[str, Any], number: int) -> str:
    """Return the name of a candidate: its cutout's without folder and ending, else its number."""
    text = str(values.get("cutout_name") or "").strip()
    return text.rsplit("/", 1)[-1].removesuffix(".cutout")[:100] or f"{number}"


@transaction.atomic
def judge(actor: Actor, reduction: Reduction, source: Source, names: list[str], word: str) -> int:
    """Say of candidates that they are accepted, rejected or open again; return of how many.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the reduction.
    Invalid
        There is no such word.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    if word not in WORDS:
        raise Invalid(f"A candidate is {', '.join(WORDS[:-1])} or {WORDS[-1]}.")
    known = {one.name for one in candidates(reduction, source) or ()} & set(names)
    Verdict.objects.filter(reduction=reduction, found_by=source.key, name__in=known).delete()
    if word != OPEN:
        Verdict.objects.bulk_create(
            Verdict(reduction=reduction, found_by=source.key, name=name, word=word, by=actor.user) for name in known
        )
    return len(known)


def as_table(reduction: Reduction, source: Source, word: str = "") -> Any:
    """Return the candidates as an astropy table with their verdicts, or those of one verdict.

    Raises
    ------
    NotFound
        The step left no table.
    """
    row: ReductionFile | None = reduction.files.filter(current=True, path=source.table).select_related("blob").first()
    if row is None:
        raise NotFound("There are no candidates.")
    table = tables.read_table(row)
    found = candidates(reduction, source) or []
    table["verdict"] = [one.word for one in found] if found else []
    return table[[one.word == word for one in found]] if word else table
