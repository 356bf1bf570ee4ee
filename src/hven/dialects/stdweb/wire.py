"""From hven's records to STDWeb's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hven.imaging.models import Preset, Reduction, Run, RunState
from hven.imaging.services.folder import Entry
from hven.imaging.services.local_files import LocalEntry
from hven.science.catalogues.photometric.filters import FILTERS
from hven.science.catalogues.photometric.known import CATALOGUES, TEMPLATES

LINKS_A_STEP = 4  # of the original's chain; one more ends it
_CELERY = {
    RunState.QUEUED: "PENDING",
    RunState.RUNNING: "STARTED",
    RunState.DONE: "SUCCESS",
    RunState.NO_SOLUTION: "SUCCESS",
    RunState.FAILED: "FAILURE",
    RunState.CANCELLED: "REVOKED",
}
STEP_NAMES = {"transients": "simple_transients"}  # by hven's key, where they differ
STEP_KEYS = {name: key for key, name in STEP_NAMES.items()}


def time(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601 with microseconds and Z."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def brief(reduction: Reduction) -> dict[str, Any]:
    """Return a task as lists show it; its owner is loaded with it."""
    return {
        "id": reduction.pk,
        "original_name": reduction.name,
        "title": reduction.title,
        "state": reduction.stage,
        "user": reduction.owner.username,
        "created": time(reduction.created),
        "modified": time(reduction.changed),
    }


def full(reduction: Reduction, groups: Iterable[str]) -> dict[str, Any]:
    """Return a whole task; its latest run is loaded with it."""
    return {
        **brief(reduction),
        "groups": list(groups),
        "completed": time(reduction.completed or reduction.created),
        "config": reduction.config,
        "celery_id": celery_id(reduction),
        "path": str(reduction.pk),
    }


def created(reduction: Reduction, groups: Iterable[str]) -> dict[str, Any]:
    """Return what the answer to a new task holds."""
    return {
        "id": reduction.pk,
        "original_name": reduction.name,
        "title": reduction.title,
        "config": reduction.config,
        "groups": list(groups),
    }


def celery_id(reduction: Reduction) -> str | None:
    """Return the id of what is done with a task, None while nothing is."""
    run = reduction.latest_run
    return str(run.uuid) if run is not None and not run.ended else None


def state(reduction: Reduction) -> dict[str, Any]:
    """Return how a task stands."""
    return {"id": reduction.pk, "state": reduction.stage, "celery_id": celery_id(reduction)}


def entry(one: Entry | LocalEntry) -> dict[str, Any]:
    """Return a file or folder of a listing; the original's times name no zone (here they are UTC)."""
    return {
        "name": one.name,
        "path": one.path,
        "size": one.size,
        "modified": one.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "is_dir": one.is_folder,
    }


def chain_total(run: Run) -> int:
    """Return of how many links the original's chain for these steps consists."""
    return LINKS_A_STEP * len(run.steps) + 1


def queue_item(run: Run, done: int, *, visible: bool) -> dict[str, Any]:
    """Return a run that waits or is under way, with so many steps done, as an item of the queue."""
    running = run.state == RunState.RUNNING
    key = run.steps[min(done, len(run.steps) - 1)]
    name = f"task_{STEP_NAMES.get(key, key)}"
    item: dict[str, Any] = {
        "id": str(run.uuid),
        "name": name,
        "full_name": f"stdweb.celery_tasks.{name}",
        "state": "active" if running else "pending",
        "time_start": run.started.timestamp() if running and run.started else None,
    }
    return item | (link(run, LINKS_A_STEP * done + (2 if running else 1)) if visible else {})


def link(run: Run, position: int) -> dict[str, Any]:
    """Return which task a run belongs to, and where in its chain it stands."""
    return {
        "task_id": run.reduction_id,
        "task_name": run.reduction.name,
        "chain_position": min(position, chain_total(run)),
        "chain_total": chain_total(run),
    }


def run_state(celery: str, run: Run | None) -> dict[str, Any]:
    """Return how a run stands; of an unknown one as of one that waits."""
    word = _CELERY[run.state] if run is not None else "PENDING"
    ready = word in {"SUCCESS", "FAILURE", "REVOKED"}
    return {
        "id": celery,
        "state": word,
        "ready": ready,
        "successful": word == "SUCCESS" if ready else None,
        "failed": word == "FAILURE" if ready else None,
    }


def preset(one: Preset) -> dict[str, Any]:
    """Return a preset."""
    return {"id": one.pk, "name": one.name, "config": one.config}


def reference_data() -> dict[str, dict[str, Any]]:
    """Return filters, catalogues and templates by name."""
    return {
        "filters": {key: {"name": one.name, "aliases": list(one.aliases)} for key, one in FILTERS.items()},
        "catalogs": {
            key: {"name": one.name, "filters": list(one.filters), "limit": one.limit_column}
            for key, one in CATALOGUES.items()
        },
        "templates": {
            key: {"name": one.name}
            | ({"filters": sorted(one.filters) if one.own_archive else dict(one.sources)} if one.sources else {})
            for key, one in TEMPLATES.items()
        },
    }
