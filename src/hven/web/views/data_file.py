"""One data file: what it holds, what its header says and which card said so, where it is filed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts import access
from hven.accounts.access import Verb, find, may, visible
from hven.archive.models import DataFile
from hven.archive.services.handing_out import bytes_for
from hven.archive.services.unread import read_again
from hven.errors import HvenError
from hven.imaging import services as imaging
from hven.imaging.models import Reduction
from hven.imaging.services.begin_many import begin_many
from hven.science.frames.selection import Plane
from hven.sites.models import Rule
from hven.storage import services as storage
from hven.web import file_units, tiles
from hven.web.actor import actor_of
from hven.web.albums import dataset_of
from hven.web.drawn_series import Drawn, drawn
from hven.web.errors import page
from hven.web.private import cards_for, tells_place
from hven.web.views.files import cached, guarded, streamed

MOST_CARDS = 2_000  # shown of one unit
MOST_DRAWN = 8  # spectra and tables that are looked into
_KINDS = {
    "image": "image", "colour": "colour image", "cube": "cube", "table": "table", "spectrum": "spectrum",
    "empty": "header only", "unreadable": "cannot be read",
}  # fmt: skip
_MEANT = (
    ("start", "Exposure began"), ("middle", "Middle of the exposure"), ("end", "Exposure ended"),
    ("exposure_s", "Exposure"), ("image_type", "Kind"), ("object_name", "Object"), ("filter", "Filter"),
    ("telescope", "Telescope"), ("camera", "Camera"),
    ("binning", "Binning"), ("gain", "Gain"), ("read_noise_e", "Read noise"), ("saturation", "Saturation"),
    ("focal_length_mm", "Focal length"), ("pixel_size_um", "Pixel"), ("scale_arcsec", "Scale"),
    ("site_latitude", "Latitude"), ("site_longitude", "Longitude"), ("site_elevation_m", "Height"),
)  # fmt: skip
_UNITS = {
    "exposure_s": "s", "gain": "e⁻/ADU", "read_noise_e": "e⁻", "saturation": "ADU", "focal_length_mm": "mm",
    "pixel_size_um": "µm", "scale_arcsec": "″/px", "site_latitude": "°", "site_longitude": "° east",
    "site_elevation_m": "m",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """One unit as the page shows it."""

    plane: Plane
    kind: str
    size: str
    cards: list[tuple[str, Any, str]]
    more_cards: int
    picture: str = ""  # addresses of pictures, small and large
    large: str = ""
    series: Drawn | None = None
    table: Any = None
    problem: str = ""


@page
@require_safe
@never_cache
def data_file(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a data file."""
    actor = actor_of(request)
    found = _find(request, uuid)
    may_open, may_change = may(actor, Verb.OPEN, found), may(actor, Verb.CHANGE, found)
    units, problem = file_units.units_of(found) if may_open else ([], "")
    if not any(unit.cards for unit in units):
        # pictures and raw frames keep their header outside of units
        whole = [(str(k), v, str(c)) for k, v, c in cards_for(found, may_change=may_change)]
    else:
        whole = []
    context = {
        "file": found,
        "here": "data",
        "units": _all_shown(found, units, may_change=may_change),
        "cards": whole[:MOST_CARDS],
        "problem": problem,
        "meaning": meaning_rows(found, may_change=may_change),
        "dataset": dataset_of(actor, found),
        "night": _night(actor, found),
        "observation": _part(actor, found.observation),
        "calibration": _part(actor, found.calibration),
        "reduction": visible(Reduction.objects.filter(data_file=found), actor).order_by("-id").first(),
        "tags": list(found.tags.filter(machine=False).order_by("text")[:100]),
        "machine_tags": list(found.tags.filter(machine=True).order_by("id")[:100]),
        "may_open": may_open,
        "may_change": may_change,
        "may_delete": may(actor, Verb.DELETE, found),
        "rules": [choice for choice in Rule.choices if choice[0] != Rule.NONE],
        "is_light": found.width is not None and found.calibration_id is None,
    }
    return render(request, "web/data_file.html", context)


@page
@require_safe
def unit_picture(request: HttpRequest, uuid: UUID, index: str, size: int) -> HttpResponseBase:
    """Return a picture of one unit of a file."""
    found = find(DataFile.objects.select_related("blob"), actor_of(request), Verb.OPEN, uuid=uuid)
    tag = quote_etag(f"1-{found.uuid.hex}-{index}-{size}")
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    return cached(HttpResponse(file_units.unit_picture(found, index, size), content_type="image/jpeg"), tag)


@page
@require_safe
def original(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return a file as it was received."""
    actor = actor_of(request)
    found = find(DataFile.objects.select_related("blob"), actor, Verb.OPEN, uuid=uuid)
    cut = bytes_for(actor, found)
    if cut is not None:
        return guarded(HttpResponse(cut, content_type="application/octet-stream"), found.name)
    return streamed(storage.open_blob(found.blob), found.blob.size, "application/octet-stream", found.name)


@page
@require_POST
def begin(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Have a file solved, or solved and calibrated."""
    actor = actor_of(request)
    found = find(DataFile.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    if not begin_many(actor, DataFile.objects.filter(pk=found.pk), request.POST.get("rule", "")):
        messages.info(request, "Nothing was started: that is done, or under way.")
    else:
        messages.success(request, "It is in the queue; its frame appears here when a worker has begun.")
    return redirect("data-file", uuid=uuid)


@page
@require_POST
def read(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Have a file's header read again."""
    actor = actor_of(request)
    found = find(DataFile.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    read_again(actor, found)
    messages.success(request, "Its header is read again; look at this page in a moment.")
    return redirect("data-file", uuid=uuid)


@page
@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a file with all that was made of it."""
    actor = actor_of(request)
    found = find(DataFile.objects.select_related("dataset"), actor, Verb.DELETE, uuid=uuid)
    name, dataset = found.name, dataset_of(actor, found)
    imaging.delete_data_file(actor, found)
    tiles.forget(uuid)
    messages.success(request, f"{name} is deleted.")
    return redirect("dataset", uuid=dataset.uuid) if dataset is not None else redirect("data")


def meaning_rows(found: DataFile, *, may_change: bool) -> list[tuple[str, str, str]]:
    """Return what a header means: what, the value with its unit, and the cards that said so."""
    meaning: Mapping[str, Any] = found.meaning
    sources: Mapping[str, str] = meaning.get("sources", {})
    rows = []
    for name, words in _MEANT:
        value = meaning.get(name)
        if value is None or (not may_change and name.startswith("site_")):
            continue
        rows.append((words, _value(name, value), sources.get(name, "")))
    return rows


def _value(name: str, value: Any) -> str:
    if name in {"start", "middle", "end"}:
        moment = datetime.fromisoformat(str(value))
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"
    if name == "binning":
        return " × ".join(str(each) for each in value)  # noqa: RUF001 - times
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    if name not in _UNITS:
        return text
    return f"{text}{_UNITS[name]}" if _UNITS[name][0] in "°″" else f"{text} {_UNITS[name]}"


def _all_shown(found: DataFile, units: list[Any], *, may_change: bool) -> list[Shown]:
    """Return all units; spectra and tables of the first few only, since each is read for the page."""
    drawn_before, shown = 0, []
    for unit in units:
        read = unit.plane.kind in {"spectrum", "table"}
        shown.append(_shown(found, unit, may_change=may_change, look_inside=drawn_before < MOST_DRAWN))
        drawn_before += read
    return shown


def _shown(found: DataFile, unit: Any, *, may_change: bool, look_inside: bool) -> Shown:
    plane: Plane = unit.plane
    cards = [
        (card.keyword, card.value, card.comment) for card in unit.cards if may_change or not tells_place(card.keyword)
    ]
    said: dict[str, Any] = {}
    if plane.is_usable:
        said = {
            "picture": reverse("unit-picture", args=[found.uuid, plane.index, 640]),
            "large": reverse("unit-picture", args=[found.uuid, plane.index, 1600]),
        }
    try:
        if plane.kind in {"spectrum", "table"} and not look_inside:
            said["problem"] = f"Only the first {MOST_DRAWN} spectra and tables are shown; the file itself has all."
        elif plane.kind == "spectrum":
            said["series"] = drawn(file_units.series_of(found, plane.index))
        elif plane.kind == "table":
            said["table"] = file_units.table_of(found, plane.index)
    except HvenError as error:
        said["problem"] = str(error)
    size = " × ".join(f"{each:,}" for each in reversed(plane.shape))  # noqa: RUF001 - times
    kind = _KINDS.get(plane.kind, plane.kind)
    shown = cards[:MOST_CARDS]
    return Shown(plane, kind, size, shown, len(cards) - len(shown), problem=said.pop("problem", plane.note), **said)


def _night(actor: Any, found: DataFile) -> Any:
    part = found.observation or found.calibration
    night = part.night if part is not None else None
    return night if night is not None and may(actor, Verb.SEE, night) else None


def _part(actor: Any, part: Any) -> Any:
    """Return an observation or calibration where the asker may know of it: it may have its dataset's name."""
    return part if part is not None and may(actor, Verb.SEE, part) else None


def _find(request: HttpRequest, uuid: UUID) -> DataFile:
    related = ("blob", "dataset__telescope", "owner", "observation__night__telescope", "calibration__night__telescope")
    return access.find(DataFile.objects.select_related(*related), actor_of(request), uuid=uuid)
