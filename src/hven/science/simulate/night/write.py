"""A simulated night as a folder: bias/, dark/, flat/, light/TARGET/, and what is true of all of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hven.errors import Invalid
from hven.science.catalogues.reference import ReferenceStars
from hven.science.simulate.night.frames import NightFrames
from hven.science.simulate.night.plan import NightPlan
from hven.science.simulate.night.schedule import Schedule, Take, schedule
from hven.science.simulate.write import write_fits

TRUTH = "night.truth.json"


@dataclass(frozen=True, slots=True)
class WrittenNight:
    """What was written."""

    schedule: Schedule
    truth: Path
    files: tuple[Path, ...]  # in the order in which they were taken


def write_night(
    plan: NightPlan,
    folder: Path,
    reference: ReferenceStars | None = None,
    tell: Callable[[float, str], None] | None = None,
) -> WrittenNight:
    """Write all frames of a night as FITS into a new or empty folder, and `night.truth.json` beside them.

    The truth holds the plan, the targets in turn, and for each file, by its path in the folder: kind, target, filter,
    exposure, start and middle (UTC), the date of the night that it belongs to; for lights the true centre and
    projection, widths of stars, airmass, the magnitude of one ADU in the exposure, that of a signal-to-noise ratio of
    5, and the sky's level; for others the level that is expected where the sensor is even.

    Raises
    ------
    Invalid
        The folder holds something, or the night cannot be: see `schedule`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Invalid(f"{folder} is not an empty folder; a night is written into a new one, so that it stays whole.")
    planned = schedule(plan)
    frames = NightFrames(planned, reference)
    written: list[Path] = []
    truths: dict[str, Any] = {}
    for index, take in enumerate(planned.takes):
        name = path_of(take, plan.night)
        if tell is not None:
            tell(index / len(planned.takes), name)
        frame = frames.frame(index)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_fits(frame.exposure, path)
        written.append(path)
        truths[name] = frame.truth
    if tell is not None:
        tell(1.0, f"{len(written)} frames")
    truth = folder / TRUTH
    truth.write_text(json.dumps(_whole(planned, truths), indent=1))
    return WrittenNight(planned, truth, tuple(written))


def path_of(take: Take, night: date) -> str:
    """Return a frame's path in the folder; its name alone tells it from all others, of other nights as well."""
    end = f"{night:%Y%m%d}_{take.number:03d}.fits"
    wheel = take.filter.replace(" ", "")
    if take.target is not None:
        return f"light/{take.target.word}/{take.target.word}_{wheel}_{end}"
    detail = {"dark": f"_{take.exposure_s:g}s", "flat": f"_{wheel}"}.get(take.kind, "")
    return f"{take.kind}/{take.kind}{detail}_{end}"


def _whole(planned: Schedule, truths: dict[str, Any]) -> dict[str, Any]:
    plan = planned.plan
    begin, end = plan.bounds
    return {
        "night": plan.night.isoformat(),
        "noon": begin.isoformat(),
        "next_noon": end.isoformat(),
        "dark": [moment.isoformat() for moment in planned.dark],
        "moon_lit": planned.sky.moon_lit,
        "targets": [asdict(target) for target in planned.targets],
        "plan": {**asdict(plan), "night": plan.night.isoformat()},
        "files": truths,
    }
