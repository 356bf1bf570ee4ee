"""What the frames of a night tell of its sky: zero point, width of stars, level of the sky, solved or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import DataFile, NightLog
from hven.archive.services.search import FilesWanted, search_files
from hven.imaging.models import Reduction, RunState, StepRun
from hven.jobs.models import State

MOST = 5_000  # files of a night that are looked at
_AT_ONCE = 500
_COLUMNS = (
    "pk", "uuid", "data_file", "solution", "config__zp", "config__zp_err", "config__fwhm", "config__pixscale",
    "config__mag_limit", "latest_run", "latest_run__outcome", "latest_run__reason", "latest_run__job__state",
    "latest_run__job__error_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FrameOfNight:
    """One file of a night, with what was measured on it; None where nothing was."""

    uuid: UUID
    name: str
    observation: int | None  # primary keys of what it belongs to; one of the two
    calibration: int | None
    middle: datetime  # of the exposure, UTC
    exposure_s: float
    filter: str
    reduction: UUID | None = None
    state: str = ""  # solved, no solution, failed, cancelled, under way; empty where nobody asked
    why: str = ""  # a sentence, where there is no result
    zero_point: float | None = None  # mag
    zero_point_err: float | None = None
    fwhm: float | None = None  # arcsec where the scale is known, else px
    fwhm_unit: str = ""
    limit_mag: float | None = None
    sky_adu: float | None = None  # median level, with the camera's bias


def files_of_night(actor: Actor, night: NightLog) -> QuerySet[DataFile]:
    """Return the files of a night that the actor may see, by time."""
    return search_files(actor, FilesWanted(night=night, order="taken"))


def frames_of_night(actor: Actor, night: NightLog) -> list[FrameOfNight]:
    """Return the files of a night that the actor may see, by time, at most 5,000, with what was measured on them."""
    columns = ("pk", "uuid", "name", "observation", "calibration", "middle", "exposure_s", "filter")
    rows = list(files_of_night(actor, night).filter(middle__isnull=False).values(*columns)[:MOST])
    reduced = _reduced(actor, [row["pk"] for row in rows])
    found = []
    for row in rows:
        said = reduced.get(row.pop("pk"), {})
        row["exposure_s"] = row["exposure_s"] or 0.0
        found.append(FrameOfNight(**row, **said))
    return found


def _reduced(actor: Actor, files: list[int]) -> dict[int, dict[str, Any]]:
    """Return what the newest reduction of each file says, by the file."""
    found: dict[int, dict[str, Any]] = {}
    for first in range(0, len(files), _AT_ONCE):
        of_files = Reduction.objects.filter(data_file__in=files[first : first + _AT_ONCE])
        # single entries and not the whole configuration, which may hold long lists
        rows = list(access.visible(of_files, actor).order_by("id").values(*_COLUMNS))
        skies = _skies([row["pk"] for row in rows])
        found |= {row["data_file"]: _said(row, skies.get(row["pk"])) for row in rows}
    return found


def _said(row: dict[str, Any], sky: float | None) -> dict[str, Any]:
    zero_point = _number(row["config__zp"])
    fwhm, scale = _number(row["config__fwhm"]), _number(row["config__pixscale"])
    outcome, job = row["latest_run__outcome"] or "", row["latest_run__job__state"]
    if row["solution"] is not None or zero_point is not None:
        state = "solved"
    elif row["latest_run"] is None:
        state = ""
    elif not outcome and job in {State.QUEUED, State.RUNNING}:
        state = "under way"
    else:
        state = outcome or (RunState.CANCELLED if job == State.CANCELLED else RunState.FAILED)
    why = row["latest_run__reason"] or ("" if outcome else row["latest_run__job__error_text"]) or ""
    return {
        "reduction": row["uuid"],
        "state": str(state),
        "why": "" if state in {"", "solved", "under way"} else why,
        "zero_point": zero_point,
        "zero_point_err": _number(row["config__zp_err"]),
        "fwhm": fwhm * scale * 3600 if fwhm is not None and scale else fwhm,
        "fwhm_unit": "″" if scale else "px",
        "limit_mag": _number(row["config__mag_limit"]),
        "sky_adu": sky,
    }


def _skies(reductions: list[int]) -> dict[int, float]:
    """Return the level of the sky that the newest inspection of each reduction found."""
    steps = StepRun.objects.filter(run__reduction__in=reductions, key="inspect", results__sky_adu__isnull=False)
    rows = steps.order_by("id").values_list("run__reduction", "results__sky_adu")
    return {reduction: level for reduction, said in rows if (level := _number(said)) is not None}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
