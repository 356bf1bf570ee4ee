"""Records as nova writes them: pure functions from records to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hven.archive.models import Submission
from hven.imaging.models import Run, RunState, Solution
from hven.science.frames.orientation import picture_orientation

JOB_STATUS: Mapping[RunState, str] = {
    RunState.QUEUED: "processing",
    RunState.RUNNING: "solving",
    RunState.DONE: "success",
    RunState.NO_SOLUTION: "failure",
    RunState.FAILED: "failure",
    RunState.CANCELLED: "failure",
}

TYPES = ("ngc", "ic", "bright")  # of annotations; what is none of these, such as M 45, stands in the tags


class Numbers(NamedTuple):
    """The numbers of a run and of what belongs to it, None for what is not there yet."""

    run: int
    reduction: int
    data_file: int | None
    solution: int | None


def submission(record: Submission, runs: Sequence[Numbers]) -> dict[str, Any]:
    """Return a submission's status; clients index every key, so none is ever left out."""
    answer: dict[str, Any] = {
        "user": record.owner_id,
        "processing_started": when(record.started),
        "processing_finished": when(record.finished),
        "user_images": list(dict.fromkeys(one.reduction for one in runs)),
        "images": list(dict.fromkeys(one.data_file for one in runs if one.data_file)),
        "jobs": [one.run for one in runs],
        "job_calibrations": [[one.run, one.solution] for one in runs if one.solution],
    }
    if record.error:
        answer["error_message"] = record.error
    return answer


def when(moment: datetime | None) -> str:
    """Return a time as nova writes it: UTC without a zone, and the word None where there is none."""
    return str(moment.astimezone(UTC).replace(tzinfo=None)) if moment else "None"


def status(run: Run) -> str:
    """Return a job's status word."""
    return JOB_STATUS[run.state]


def calibration(found: Solution, file_format: str) -> dict[str, float]:
    """Return the solution's numbers, all from the linear part of its projection."""
    linear = found.wcs.linear()
    ra, dec = linear.centre
    scale = linear.scale_arcsec
    return {
        "ra": ra,
        "dec": dec,
        "width_arcsec": scale * found.width,
        "height_arcsec": scale * found.height,
        "radius": linear.radius_deg,
        "pixscale": scale,
        "orientation": picture_orientation(linear.orientation_deg, file_format),
        "parity": float(linear.parity),
    }


def short_calibration(found: Solution, file_format: str) -> dict[str, float]:
    """Return the numbers as they stand within a job's info, where the sizes are missing."""
    numbers = calibration(found, file_format)
    return {name: numbers[name] for name in ("ra", "dec", "radius", "pixscale", "orientation", "parity")}


def annotation(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return one named object, in 1-based pixels."""
    answer: dict[str, Any] = {
        "type": found["type"],
        "names": list(found["names"]),
        "pixelx": found["x"] + 1,
        "pixely": found["y"] + 1,
        "radius": found.get("radius_px") or 0.0,
    }
    if found["type"] == "bright" and found.get("vmag") is not None:
        answer["vmag"] = found["vmag"]
    return answer
