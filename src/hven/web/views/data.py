"""Datasets file by file: what lies in them, found by header, place, time and words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts.access import Verb, check, find, may, visible
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, NightLog
from hven.archive.services import datasets
from hven.archive.services.datasets import DatasetWords
from hven.archive.services.handing_out import zip_for
from hven.archive.services.search import KINDS as KINDS_OF_FILES
from hven.archive.services.search import FilesWanted, count_up_to
from hven.archive.services.unread import waiting
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction
from hven.imaging.services.begin_many import begin_many
from hven.sites.models import Rule, Telescope
from hven.web.actor import actor_of, signed_in
from hven.web.asking_files import KINDS, ORDER_WORDS, FilesAsked, understand_files
from hven.web.belonging import own_records
from hven.web.csv_list import csv_line, harmless
from hven.web.errors import page
from hven.web.listing import MOST_COUNTED, LongPaginator

PER_PAGE = 50
AS_IT_IS = "same"  # in a form: the telescope stays, also where whoever changes something else may not see it
COLUMNS = (
    "name", "kind", "object", "filter", "exposure_s", "middle_utc", "ra_deg", "dec_deg", "width_px", "height_px",
    "format", "bytes", "night", "dataset", "sha256", "uploaded_utc", "id",
)  # fmt: skip
_AT_ONCE = 500


@page
@signed_in
@require_safe
@never_cache
def files(request: HttpRequest) -> HttpResponseBase:
    """Show all files that one may see, narrowed as the address says."""
    return render(request, "web/files.html", list_context(request, FilesWanted(), reverse("files")))


@page
@signed_in
@require_safe
@never_cache
def files_csv(request: HttpRequest) -> HttpResponseBase:
    """Return the list of files as a table."""
    actor = actor_of(request)
    return _as_csv(actor, understand_files(actor, request.GET, FilesWanted()), "files")


@page
@require_safe
@never_cache
def dataset(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a dataset with its files."""
    return show(request, find_dataset(actor_of(request), uuid))


@page
@require_safe
@never_cache
def dataset_csv(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the files of a dataset as a table."""
    actor = actor_of(request)
    found = find_dataset(actor, uuid)
    return _as_csv(actor, understand_files(actor, request.GET, FilesWanted(dataset=found)), found.name)


@page
@require_safe
@never_cache
def dataset_zip(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the files of a dataset that were asked for, packed while they are sent."""
    actor = actor_of(request)
    found = find_dataset(actor, uuid)
    asked = understand_files(actor, request.GET, FilesWanted(dataset=found))
    to_open = visible(asked.files(actor), actor, Verb.OPEN).select_related("blob", "dataset")
    return as_zip(actor, to_open.order_by("id"), found.name)


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Set a dataset's telescope, what filing starts, who observes, and its tags."""
    actor = actor_of(request)
    found = find_dataset(actor, uuid, Verb.CHANGE)
    said = request.POST
    chosen, telescope = said.get("telescope", AS_IT_IS), None
    try:
        if chosen not in {"", AS_IT_IS}:
            telescope = find(Telescope.objects.all(), actor, uuid=UUID(chosen))
        words = DatasetWords(
            telescope=telescope,
            no_telescope=not chosen,
            rule=said.get("rule", ""),
            observer=said.get("observer", "").strip(),
            tags=[tag for tag in said.get("tags", "").split(",") if tag.strip()],
        )
        datasets.change_dataset(actor, found, words)
    except (Invalid, NotFound, ValueError) as refused:
        found.refresh_from_db()
        sentence = "Choose one of your telescopes." if type(refused) is ValueError else str(refused)
        return show(request, found, {"error": sentence, "typed": said}, status=400)
    messages.success(request, "Saved. Files belong to their nights as soon as they are worked out anew.")
    return redirect("dataset", uuid=uuid)


@page
@require_POST
def begin(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Have the frames of a dataset that were asked for solved, or solved and calibrated."""
    actor = actor_of(request)
    found = find_dataset(actor, uuid)
    asked = understand_files(actor, request.GET, FilesWanted(dataset=found))
    count = begin_many(actor, asked.files(actor).order_by(), request.POST.get("rule", ""))
    if count:
        messages.success(request, f"{count:,} frame{'' if count == 1 else 's'} went into the queue.")
    else:
        messages.info(request, "Nothing was started: all frames of the sky that you may change are done or under way.")
    return redirect(f"{reverse('dataset', args=[uuid])}?{request.GET.urlencode()}")


def show(request: HttpRequest, found: Dataset, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """Return the page of a dataset that the asker may see, file by file."""
    actor = actor_of(request)
    telescope = found.telescope if found.telescope and may(actor, Verb.SEE, found.telescope) else None
    may_change = may(actor, Verb.CHANGE, found)
    context = list_context(request, FilesWanted(dataset=found), reverse("dataset", args=[found.uuid]))
    context |= {
        "dataset": found,
        "telescope": telescope,
        "typed": {"telescope": AS_IT_IS, "rule": found.rule, "observer": found.observer, "tags": ", ".join(found.tags)},
        "may_change": may_change,
        "may_open": may(actor, Verb.OPEN, found),
        "rules": Rule.choices,
        "begin_rules": [choice for choice in Rule.choices if choice[0] != Rule.NONE],
        "telescopes": own_records(Telescope, actor) if may_change else [],
        "unfiled": _unfiled(found) if may_change else "",
        "unread": _unread(actor, found),
    }
    return render(request, "web/dataset.html", context | (more or {}), status=status)


def _unfiled(found: Dataset) -> str:
    """Return why one of a dataset's files belongs to no night, a frame if there is one; empty where all do."""
    why = found.data_files.filter(KINDS_OF_FILES["unfiled"]).order_by("-id").values_list("unfiled", flat=True)
    return why.exclude(format="").first() or why.first() or ""


def _unread(actor: Actor, found: Dataset) -> int:
    """Return how many of the asker's files in a dataset are still to be read, up to 1,000."""
    return 0 if actor.user is None else count_up_to(waiting(actor.user.pk).filter(dataset=found), 1000)


def list_context(request: HttpRequest, base: FilesWanted, path: str) -> dict[str, Any]:
    """Return what the template of a list of files shows."""
    actor = actor_of(request)
    asked = understand_files(actor, request.GET, base)
    if asked.look:
        request.session["files_look"] = asked.look
    look = asked.look or request.session.get("files_look", "table")
    related = ("observation__night", "calibration__night", "dataset")
    shown: Any = LongPaginator(asked.files(actor).select_related(*related), PER_PAGE).get_page(
        request.GET.get("page", "1")
    )
    _fill(actor, list(shown))
    return {
        "page": shown,
        "asked": asked,
        "chips": [(chip.words, f"{path}?{urlencode(chip.without)}") for chip in asked.chips],
        "look": look,
        "looks": [(name, f"{path}?{urlencode({**asked.address, 'look': name})}") for name in ("table", "grid")],
        "sorts": _sorts(asked, path),
        "orders": ORDER_WORDS.items(),
        "kinds": KINDS.items(),
        "query": urlencode(asked.address),
        "path": path,
        "here": "data",
    }


def find_dataset(actor: Actor, uuid: UUID, verb: Verb = Verb.SEE) -> Dataset:
    """Return a dataset; somebody else's inbox is nobody's."""
    found = find(archive.visible_albums(actor).select_related("telescope", "owner", "observatory"), actor, uuid=uuid)
    check(actor, verb, found)
    return found


def as_zip(actor: Actor, found: QuerySet[DataFile], name: str) -> HttpResponseBase:
    """Return files as a zip archive that is packed while it is sent."""
    response = StreamingHttpResponse(zip_for(actor, found), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.zip") or ""
    return response


def _fill(actor: Actor, rows: list[Any]) -> None:
    """Give each file its night and its newest reduction, where the asker may see them."""
    parts = [row.observation or row.calibration for row in rows]
    nights = {part.night for part in parts if part is not None and part.night is not None}
    seen = set(visible(NightLog.objects.filter(pk__in=[n.pk for n in nights]), actor).values_list("pk", flat=True))
    named = _names(actor, rows)
    reduced = visible(Reduction.objects.filter(data_file__in=rows), actor).select_related("latest_run__job", "solution")
    newest = {row.data_file_id: row for row in reduced.order_by("id")}
    for row, part in zip(rows, parts, strict=True):
        row.night = part.night if part is not None and part.night_id in seen else None
        row.reduction = newest.get(row.pk)
        row.kind = kind_words(row)
        row.dataset_name = named.get(row.dataset_id, "")


def _names(actor: Actor, rows: list[Any]) -> dict[int, str]:
    """Return what the datasets of files are called, for those that the asker may know of."""
    known = archive.visible_albums(actor).filter(pk__in={row.dataset_id for row in rows})
    return dict(known.values_list("pk", "name"))


def kind_words(row: DataFile) -> str:
    """Return what a file is, in a word or two."""
    if row.calibration is not None:
        return row.calibration.name
    if row.observation is not None or (row.width and row.height):
        return "light" if row.observation is not None else "frame"
    return row.format or ("not read yet" if row.read_at is None else "other")


def _sorts(asked: FilesAsked, path: str) -> dict[str, tuple[str, str]]:
    """Return for each column that sorts the address that its head leads to, and how it is sorted now."""
    found = {}
    columns = {
        "name": ("name", "name backwards", 0), "taken": ("taken", "taken backwards", 0),
        "uploaded": ("oldest", "newest", 1),
    }  # fmt: skip
    for column, (up, down, usual) in columns.items():
        now = {up: "ascending", down: "descending"}.get(asked.order, "")
        first, second = (down, up) if usual else (up, down)
        wanted = second if asked.order == first else first
        found[column] = (f"{path}?{urlencode({**asked.address, 'order': wanted})}", now)
    return found


def _as_csv(actor: Actor, asked: FilesAsked, name: str) -> HttpResponseBase:
    response = StreamingHttpResponse(_lines(actor, asked.files(actor)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    return response


def _lines(actor: Actor, found: QuerySet[DataFile]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    rows = found.select_related("observation__night", "calibration__night", "blob")
    for first in range(0, MOST_COUNTED, _AT_ONCE):
        part: list[Any] = list(rows[first : first + _AT_ONCE])
        _fill(actor, part)
        for row in part:
            yield csv_line(
                [
                    harmless(row.name), harmless(kind_words(row)), harmless(row.object_name), harmless(row.filter),
                    "" if row.exposure_s is None else row.exposure_s, row.middle.isoformat() if row.middle else "",
                    "" if row.ra is None else f"{row.ra:.7f}", "" if row.dec is None else f"{row.dec:.7f}",
                    row.width or "", row.height or "", row.format, row.size,
                    row.night.date if row.night is not None else "", harmless(row.dataset_name),
                    row.blob.sha256, row.created.isoformat(), row.uuid,
                ]
            )  # fmt: skip
        if len(part) < _AT_ONCE:
            return
