"""Finding data files: one search for pages and dialects, through the permission function, on indexed columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import Calibration, DataFile, Dataset, NightLog, Observation, Tag
from hven.archive.models.data_file import READ
from hven.archive.models.tag import fold
from hven.archive.services import text_index
from hven.archive.services.names import kept_text
from hven.archive.services.places import touching
from hven.errors import Invalid
from hven.science.sky.discs import Cone

ORDERS: dict[str, tuple[Any, ...]] = {
    "newest": ("-id",),
    "oldest": ("id",),
    "name": ("name", "id"),
    "name backwards": ("-name", "-id"),
    "taken": (F("middle").asc(nulls_last=True), "id"),
    "taken backwards": (F("middle").desc(nulls_last=True), "-id"),
}
_OF_NO_NIGHT = Q(observation__isnull=True, calibration__isnull=True, awaits_reading=False)
KINDS: dict[str, Q] = {
    "lights": Q(observation__isnull=False),
    "calibrations": Q(calibration__isnull=False),
    "unfiled": _OF_NO_NIGHT & ~Q(unfiled=""),
    "other": _OF_NO_NIGHT & Q(unfiled=""),
}
MOST_CARDS = 20  # and tags, of one question


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesWanted:
    """What a search asks for; all that is said must hold."""

    dataset: Dataset | None = None
    night: NightLog | None = None  # observations and calibrations of it
    observation: Observation | None = None
    calibration: Calibration | None = None
    text: str = ""  # words, or their beginnings, of the name, object, filter, camera, tags and header texts
    header: tuple[tuple[str, str], ...] = ()  # (keyword, value); values compare as `header_values.compared` does
    cone: Cone | None = None  # frames whose own circle touches it
    taken_from: datetime | None = None  # the middle of the exposure, both ends included
    taken_to: datetime | None = None
    name: str = ""  # exact, as the three that follow
    filter: str = ""
    object_name: str = ""
    image_type: str = ""
    tags: tuple[str, ...] = ()  # exact
    kind: str = ""  # a key of KINDS; empty for all
    order: str = "newest"  # a key of ORDERS


def search_files(actor: Actor, wanted: FilesWanted, verb: access.Verb = access.Verb.SEE) -> QuerySet[DataFile]:
    """Return the files that the actor may see (or open) and that are as wanted, each once, in order.

    Take pages of it by slices, and count with `count_up_to`: many files are quick to begin and slow to count.

    Raises
    ------
    Invalid
        There is no such order or kind, the position lies nowhere on the sky, or very many cards or tags are asked for.
    """
    return narrow(access.visible(DataFile.objects.all(), actor, verb), wanted)


def narrow(rows: QuerySet[DataFile], wanted: FilesWanted) -> QuerySet[DataFile]:
    """Return those of some files that are as wanted, in order; `search_files` for files that are chosen already."""
    if wanted.order not in ORDERS:
        raise Invalid(f"Lists are ordered by {', '.join(ORDERS)}.")
    if wanted.kind and wanted.kind not in KINDS:
        raise Invalid(f"Files are {', '.join(KINDS)}.")
    if len(wanted.header) > MOST_CARDS or len(wanted.tags) > MOST_CARDS:
        raise Invalid(f"At most {MOST_CARDS} header cards and tags can be asked for at once.")
    listed = _listed(wanted)
    for ids in listed:
        rows = rows.filter(pk__in=ids)
    if wanted.dataset is not None:
        if listed:
            # Not by an index: the lists are of this dataset, and in order, so that the newest of them come first
            # without sorting all.
            within = ExpressionWrapper(F("dataset_id") + 0, output_field=BigIntegerField())
            rows = rows.alias(within=within).filter(within=wanted.dataset.pk)
        else:
            rows = rows.filter(dataset=wanted.dataset)
    return rows.filter(_of_columns(wanted)).order_by(*ORDERS[wanted.order])


def count_up_to(found: QuerySet[Any], most: int = 10_000) -> int:
    """Return how many rows a query gives, but at most so many: nobody reads further, and counting all takes time."""
    return int(found.order_by()[:most].count())


def _listed(wanted: FilesWanted) -> list[QuerySet[Any, int]]:
    """Return queries for ids, each answered by one index, in which a wanted file must be."""
    found: list[QuerySet[Any, int]] = []
    if wanted.night is not None:
        parts = (
            DataFile.objects.filter(**{f"{part}__in": model.objects.filter(night=wanted.night).values("pk")})
            for part, model in (("observation", Observation), ("calibration", Calibration))
        )
        # one list of both: asked for either, the database would go through all files
        first, second = (part.order_by().values_list("pk", flat=True) for part in parts)
        found.append(first.union(second, all=True))
    if wanted.text.strip() or wanted.header:
        found.append(text_index.having(wanted.text, wanted.dataset, wanted.header))
    if wanted.cone is not None:
        found.append(touching(DataFile.objects.all(), wanted.cone).values_list("pk", flat=True))
    tags = [Tag.objects.filter(folded=fold(kept_text(tag)), text=kept_text(tag)) for tag in wanted.tags]
    return found + [each.values_list("data_file_id", flat=True) for each in tags]


def _of_columns(wanted: FilesWanted) -> Q:
    found = Q()
    if wanted.name:
        found &= Q(name=kept_text(wanted.name))
    for name in ("filter", "object_name", "image_type"):
        if said := getattr(wanted, name):
            found &= Q(**{name: kept_text(said)}) & READ
    for name in ("observation", "calibration"):
        if (part := getattr(wanted, name)) is not None:
            found &= Q(**{name: part})
    # A name or an object leaves few files: their index is the better one, so that the one of times is not offered.
    few = bool(wanted.name or wanted.object_name)
    middle: Any = Coalesce(F("middle"), F("middle")) if few else F("middle")
    if wanted.taken_from is not None:
        found &= Q(GreaterThanOrEqual(middle, wanted.taken_from))
    if wanted.taken_to is not None:
        found &= Q(LessThanOrEqual(middle, wanted.taken_to))
    return found & KINDS[wanted.kind] if wanted.kind else found
