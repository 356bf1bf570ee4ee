"""Night logs: the list, and one night with its timeline, the conditions and the frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts.access import Verb, find, may, visible
from hven.accounts.actor import Actor
from hven.archive.models import Calibration, DataFile, NightLog, Observation
from hven.archive.services import nights as night_logs
from hven.archive.services.search import KINDS
from hven.errors import NotFound
from hven.imaging.services.begin_many import begin_many
from hven.imaging.services.conditions import MOST, FrameOfNight, files_of_night, frames_of_night
from hven.sites.models import Rule, Telescope
from hven.web import skyplot
from hven.web.actor import actor_of, signed_in
from hven.web.belonging import own_records
from hven.web.errors import page
from hven.web.listing import LongPaginator
from hven.web.nightplot import draw

PER_PAGE = 30
PICTURES = 24  # of one observation
_MOST_NAMES = 4  # targets named in a row of the list


@dataclass(slots=True)
class Part:
    """One observation or calibration with its frames."""

    record: Observation | Calibration
    anchor: str
    frames: list[FrameOfNight] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What the record is, as addresses say it."""
        return "observation" if isinstance(self.record, Observation) else "calibration"

    @property
    def shown(self) -> list[FrameOfNight]:
        """The frames whose pictures are shown."""
        return self.frames[:PICTURES]

    @property
    def more(self) -> int:
        """How many are not."""
        return max(0, len(self.frames) - PICTURES)

    @property
    def words(self) -> str:
        """How many exposures of what length in which filter."""
        counts: dict[tuple[str, float], int] = {}
        for frame in self.frames:
            key = frame.filter, frame.exposure_s
            counts[key] = counts.get(key, 0) + 1
        parts = [f"{name} {n} × {seconds:g} s".strip() for (name, seconds), n in sorted(counts.items())]  # noqa: RUF001 - times
        return ", ".join(parts[:8]) + (" …" if len(parts) > 8 else "")

    @property
    def hours(self) -> float:
        """All exposures together."""
        return sum(frame.exposure_s for frame in self.frames) / 3600


@page
@signed_in
@require_safe
@never_cache
def nights(request: HttpRequest) -> HttpResponseBase:
    """Show the nights that one may see, the newest first."""
    actor = actor_of(request)
    found = night_logs.visible_nights(actor)
    telescopes = own_records(Telescope, actor)
    chosen = next((each for each in telescopes if str(each.uuid) == request.GET.get("telescope", "")), None)
    if chosen is not None:
        found = found.filter(telescope=chosen)
    shown: Any = LongPaginator(found, PER_PAGE).get_page(request.GET.get("page", "1"))
    _describe(actor, list(shown))
    context = {
        "page": shown,
        "telescopes": telescopes,
        "chosen": chosen,
        "query": f"telescope={chosen.uuid}" if chosen else "",
        "unfiled": visible(DataFile.objects.filter(KINDS["unfiled"]), actor).filter(owner=actor.user)[:1].exists(),
        "here": "nights",
    }
    return render(request, "web/nights.html", context)


@page
@require_safe
@never_cache
def night(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show one night."""
    actor = actor_of(request)
    found = find(NightLog.objects.select_related("telescope", "observatory"), actor, uuid=uuid)
    frames = frames_of_night(actor, found)
    parts = _parts(actor, found, frames)
    try:
        site = night_logs.site_of(actor, found)
    except NotFound:
        site = None
    sky = None if site is None else skyplot.sky_night(site, found.date)
    names = {(part.anchor[0], part.record.pk): _name(part.record) for part in parts}
    others = night_logs.visible_nights(actor).filter(telescope=found.telescope)
    lights = [part for part in parts if isinstance(part.record, Observation)]
    context = {
        "night": found,
        "telescope": found.telescope if may(actor, Verb.SEE, found.telescope) else None,
        "site": site,
        "drawn": draw(sky, frames, names),
        "almanac": skyplot.almanac(sky, found.date) if sky is not None else None,
        "lights": lights,
        "calibrations": [part for part in parts if isinstance(part.record, Calibration)],
        "count": len(frames),
        "cut": len(frames) == MOST and files_of_night(actor, found).order_by()[MOST : MOST + 1].exists(),
        "hours": sum(part.hours for part in lights),
        "measured": sum(frame.zero_point is not None for frame in frames),
        "solved": sum(frame.state == "solved" for frame in frames if frame.observation),
        "without": [frame for frame in frames if frame.why],
        "of_sky": sum(len(part.frames) for part in lights),
        "before": others.filter(date__lt=found.date).first(),
        "after": others.filter(date__gt=found.date).last(),
        "may_change": may(actor, Verb.CHANGE, found),
        "may_begin": visible(files_of_night(actor, found).order_by(), actor, Verb.CHANGE)[:1].exists(),
        "rules": [choice for choice in Rule.choices if choice[0] != Rule.NONE],
        "here": "nights",
    }
    return render(request, "web/night.html", context)


@page
@require_POST
def about(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Keep what somebody says about a night."""
    actor = actor_of(request)
    found = find(NightLog.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    night_logs.describe_night(actor, found, request.POST.get("about", "").strip())
    messages.success(request, "Saved.")
    return redirect("night", uuid=uuid)


@page
@require_POST
def begin(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Have the frames of a night solved, or solved and calibrated."""
    actor = actor_of(request)
    found = find(NightLog.objects.all(), actor, uuid=uuid)
    count = begin_many(actor, files_of_night(actor, found), request.POST.get("rule", ""))
    if count:
        messages.success(request, f"{count:,} frame{'' if count == 1 else 's'} went into the queue.")
    else:
        messages.info(request, "Nothing was started: all frames of the sky that you may change are done or under way.")
    return redirect("night", uuid=uuid)


def _parts(actor: Actor, found: NightLog, frames: Iterable[FrameOfNight]) -> list[Part]:
    """Return the observations by time and then the calibrations, each with its frames."""
    observations = visible(found.observations.select_related("dataset"), actor).order_by("index", "id")
    calibrations = visible(found.calibrations.select_related("dataset"), actor).order_by("name", "id")
    parts = {("o", each.pk): Part(each, f"o{each.pk}") for each in observations}
    parts |= {("c", each.pk): Part(each, f"c{each.pk}") for each in calibrations}
    for frame in frames:
        key = ("o", frame.observation) if frame.observation is not None else ("c", frame.calibration)
        if key in parts:
            parts[key].frames.append(frame)
    return list(parts.values())


def _name(record: Observation | Calibration) -> str:
    return record.name or (record.target_name if isinstance(record, Observation) else "calibration")


def _describe(actor: Actor, rows: list[Any]) -> None:
    """Say of each night how much was taken, and of what."""
    files = visible(DataFile.objects.order_by(), actor)
    of_sky = files.filter(observation__night__in=rows).values("observation__night")
    lights = {
        each["observation__night"]: each for each in of_sky.annotate(frames=Count("pk"), seconds=Sum("exposure_s"))
    }
    others = dict(
        files.filter(calibration__night__in=rows).values_list("calibration__night").annotate(frames=Count("pk"))
    )
    names: dict[int, list[str]] = {}
    for key, name in (
        visible(Observation.objects.filter(night__in=rows), actor).order_by("index").values_list("night", "target_name")
    ):
        names.setdefault(key, []).append(name)
    telescopes = visible(Telescope.objects.filter(pk__in=[row.telescope_id for row in rows]), actor)
    known = set(telescopes.values_list("pk", flat=True))
    for row in rows:
        row.of = row.telescope.name if row.telescope_id in known else ""
        said: Any = lights.get(row.pk, {})
        row.lights = said.get("frames", 0)
        row.hours = (said.get("seconds") or 0) / 3600
        row.calibration_frames = others.get(row.pk, 0)
        targets = list(dict.fromkeys(names.get(row.pk, [])))
        row.targets = targets[:_MOST_NAMES]
        row.more_targets = max(0, len(targets) - _MOST_NAMES)
