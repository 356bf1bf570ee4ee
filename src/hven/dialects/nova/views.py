"""The JSON layer of nova's API: signing in, and how submissions and jobs are doing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import Submission
from hven.dialects.nova import auth, wire
from hven.dialects.nova.errors import json_answer, json_call
from hven.errors import NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Run


@json_call
def login(request: HttpRequest) -> HttpResponse:
    """Exchange an API key for a session."""
    actor, secret = auth.session_for(auth.arguments(request).get("apikey"))
    email = actor.user.email if actor.user else ""
    return json_answer({"status": "success", "message": f"authenticated user: {email}", "session": secret})


@json_call
def submission_status(request: HttpRequest, number: str) -> HttpResponse:
    """Say how far a submission is; anyone may ask, as clients do so without a session. DELETE deletes it."""
    if request.method == "DELETE":
        return _delete(auth.key_actor(request), number)
    # Clients ask this every second or so: no column is read that the answer does not need.
    said = Submission.objects.only("owner_id", "started", "finished", "error")
    record = said.filter(pk=record_id(number)).first()
    if record is None:
        raise NotFound(f"There is no submission {number}.")
    runs = Run.objects.filter(reduction__submission=record).order_by("id")
    found = [wire.Numbers(*row) for row in runs.values_list("pk", "reduction", "reduction__data_file", "solution")]
    if not found:  # clients wait for ever for the first job of a submission
        raise NotFound(f"What submission {number} brought was deleted.")
    return json_answer(wire.submission(record, found))


@json_call
def delete_submission(request: HttpRequest, number: str) -> HttpResponse:
    """Delete a submission with all that was made of it."""
    return _delete(auth.session_actor(auth.arguments(request)), number)


@json_call
def job_status(request: HttpRequest, number: str) -> HttpResponse:
    """Say how far a job is."""
    runs = Run.objects.select_related("job").only("outcome", "job__state")  # asked as often as a submission's status
    run = runs.filter(pk=record_id(number)).first()
    if run is None:
        raise NotFound(f"There is no job {number}.")
    return json_answer({"status": wire.status(run)})


@json_call
def calibration(request: HttpRequest, number: str) -> HttpResponse:
    """Return the numbers of a job's solution."""
    run = find_run(number)
    if not hasattr(run, "solution"):
        return _uncalibrated(number)
    return json_answer(wire.calibration(run.solution, file_format(run)))


@json_call
def info(request: HttpRequest, number: str) -> HttpResponse:
    """Return all that is known of a job."""
    run = find_run(number)
    machine, people = tags_of(run)
    answer: dict[str, Any] = {
        "objects_in_field": objects_of(run),
        "machine_tags": machine,
        "tags": _both(machine, people),
        "status": wire.status(run),
        "original_filename": run.reduction.name,
    }
    if hasattr(run, "solution"):
        answer["calibration"] = wire.short_calibration(run.solution, file_format(run))
    return json_answer(answer)


@json_call
def tags(request: HttpRequest, number: str) -> HttpResponse:
    """Return the tags of a job's frame, the solver's and people's."""
    machine, people = tags_of(find_run(number))
    return json_answer({"tags": _both(machine, people)})


@json_call
def machine_tags(request: HttpRequest, number: str) -> HttpResponse:
    """Return the solver's tags of a job's frame."""
    return json_answer({"tags": tags_of(find_run(number))[0]})


@json_call
def objects_in_field(request: HttpRequest, number: str) -> HttpResponse:
    """Return the names of the known objects in the field."""
    return json_answer({"objects_in_field": objects_of(find_run(number))})


@json_call
def annotated_objects(request: HttpRequest, number: str) -> HttpResponse:
    """Return the known objects with their pixels."""
    run = find_run(number)
    if not hasattr(run, "solution"):
        return _uncalibrated(number)
    named = results(run, "annotate").get("annotations", [])
    found = [wire.annotation(one) for one in named if one["type"] in wire.TYPES]
    most = auth.query(request).get("nbright", "")
    if most.isdecimal() and len(most) < 9:
        bright = [one for one in found if one["type"] == "bright"]
        dropped = {id(one) for one in sorted(bright, key=lambda one: one.get("vmag", 99.0))[int(most) :]}
        found = [one for one in found if id(one) not in dropped]
    return json_answer({"annotations": found})


@json_call
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Say that an address is not part of the API."""
    raise NotFound("There is nothing at this address of the API.")


def find_run(number: str) -> Run:
    """Return the run that nova's clients call a job; anyone may know how a job goes."""
    runs = Run.objects.select_related("job", "solution", "reduction__data_file", "reduction__submission")
    run = runs.filter(pk=record_id(number)).first()
    if run is None:
        raise NotFound(f"There is no job {number}.")
    return run


def file_format(run: Run) -> str:
    """Return the format of a run's file, empty before it was read."""
    return run.reduction.data_file.format if run.reduction.data_file else ""


def results(run: Run, step: str) -> dict[str, Any]:
    """Return what one step of a run found."""
    found = run.step_runs.filter(key=step).first()
    return found.results if found else {}


def tags_of(run: Run) -> tuple[list[str], list[str]]:
    """Return the solver's and people's tags of a run's frame."""
    if run.reduction.data_file is None:
        return [], []
    all_tags = list(run.reduction.data_file.tags.order_by("id"))
    return [tag.text for tag in all_tags if tag.machine], [tag.text for tag in all_tags if not tag.machine]


def objects_of(run: Run) -> list[str]:
    """Return the names of the known objects in a run's field."""
    names: list[str] = results(run, "annotate").get("objects", [])
    return names


def _both(machine: list[str], people: list[str]) -> list[str]:
    return list(dict.fromkeys(machine + people))


def _delete(actor: Actor, number: str) -> HttpResponse:
    record = access.find(Submission.objects.all(), actor, access.Verb.DELETE, pk=record_id(number))
    imaging.delete_submission(actor, record)
    return json_answer({"status": "success"})


def _uncalibrated(number: str) -> HttpResponse:
    return json_answer({"error": f"no calibration data available for job {number}"})


def record_id(number: str) -> int:
    """Return a record's number, -1 for what can be none."""
    return int(number) if number.isdecimal() and len(number) <= 18 else -1
