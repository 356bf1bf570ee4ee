"""Asking for frames to be processed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import User
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, Submission
from hven.errors import Invalid, Unauthenticated
from hven.imaging.models import Reduction, Run
from hven.imaging.services.intake import holds_several, taken_in
from hven.imaging.services.queue_limits import as_visitor, check_queue
from hven.imaging.steps.registry import check_config
from hven.jobs import services as jobs
from hven.jobs.models import Job
from hven.storage.models import Blob

SOLVE = ("solve", "annotate", "render")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody who hands over a frame wants done with it, and how it came."""

    origin: str  # the dialect, or "web"
    name: str = ""  # of the file, as the client calls it
    steps: Sequence[str] = SOLVE
    config: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)  # the client's words, without secrets
    address: str | None = None  # of the client
    visibility: str | None = None  # None: the server's default
    dataset: Dataset | None = None  # where files are filed; the actor may write to it. None: the inbox
    licence: archive.Licence = field(default_factory=archive.Licence)


@dataclass(frozen=True, slots=True)
class Item:
    """One of several files handed over at once."""

    blob: Blob
    name: str
    config: Mapping[str, Any]  # in place of the request's


def submit_file(actor: Actor, blob: Blob, request: Request) -> Submission:
    """File stored bytes and ask for their first run.

    An archive is unpacked by that run's job, which then asks for a run of each further file.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload.
    Invalid, TooLarge
        The configuration does not fit the steps, or the file what the owner may keep.
    Conflict
        As many of the owner's jobs wait as may.
    """
    if not holds_several(blob):
        return submit_files(actor, [Item(blob, request.name, request.config)], request)
    with transaction.atomic():
        archive.check_quota(_owner(actor), blob.size)
        submission = _new_submission(actor, request)
        submission.started, submission.blob = timezone.now(), blob
        submission.save(update_fields=["started", "blob", "changed"])
        _first_run(submission, request, None)
    return submission


@transaction.atomic
def submit_files(actor: Actor, items: Sequence[Item], request: Request) -> Submission:
    """File several stored files under one submission, and ask for a run of each, in their order.

    Raises
    ------
    Unauthenticated, Forbidden, Invalid, TooLarge, Conflict
        As in `submit_file`; Invalid also where there are no files, or more than the server takes at once.
    """
    if not 1 <= len(items) <= max(1, settings.HVEN_MAX_MEMBERS):
        raise Invalid(f"Hand over between 1 and {settings.HVEN_MAX_MEMBERS:,} at once.")
    archive.check_quota(_owner(actor), *(item.blob.size for item in items))
    submission = _new_submission(actor, request, jobs_more=len(items))
    now = timezone.now()
    submission.started = submission.finished = now
    submission.save(update_fields=["started", "finished", "changed"])
    for item in items:
        data_file = archive.add_file(submission, item.blob, item.name)
        _first_run(submission, replace(request, config=item.config), data_file)
    return submission


@transaction.atomic
def submit_url(actor: Actor, url: str, request: Request) -> Submission:
    """Ask for the bytes at an address to be fetched, filed and processed."""
    submission = _new_submission(actor, request, url)
    _first_run(submission, request, None)
    return submission


@transaction.atomic
def request_run(actor: Actor, reduction: Reduction, config: Mapping[str, Any], steps: Sequence[str] = SOLVE) -> Run:
    """Ask for another run of a reduction.

    Raises
    ------
    Forbidden, Unauthenticated
        The actor may not change the reduction.
    Invalid
        The configuration does not fit the steps.
    Conflict
        As many of the actor's jobs wait as may.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    check_queue(_owner(actor))
    return queue_run(reduction, steps, config, actor)


def repeat_run(actor: Actor, run: Run) -> Run:
    """Ask for the same run once more."""
    return request_run(actor, run.reduction, run.config, run.steps)


def cancel_run(actor: Actor, run: Run) -> bool:
    """Stop a run that waits or is under way; say whether there was one to stop."""
    access.check(actor, access.Verb.CHANGE, run, "reduction")
    return run.job is not None and jobs.cancel(run.job)


def end_submission(job: Job) -> None:
    """Say on the submission that its run was given up or cancelled before its file was there."""
    run = Run.objects.filter(job=job).select_related("reduction__submission").first()
    if run is None or run.reduction.submission is None or taken_in(run.reduction.submission):
        return
    archive.fail_submission(run.reduction.submission, job.error_text or "It was cancelled before its file was there.")


def visible_runs(actor: Actor, verb: access.Verb = access.Verb.SEE) -> QuerySet[Run]:
    """Return the runs that the actor may see, newest first, with what pages and dialects need of them."""
    runs = Run.objects.select_related("job", "solution", "reduction__data_file", "reduction__submission")
    return access.visible(runs, actor, verb, "reduction").order_by("-id")


def _owner(actor: Actor) -> User:
    if actor.user is None:
        raise Unauthenticated("Sign in, or send an access key, to do this.")
    return actor.user


def _new_submission(actor: Actor, request: Request, url: str = "", jobs_more: int = 1) -> Submission:
    check_config(request.steps, request.config)
    owner = _owner(actor)
    if owner.is_visitor:
        request = as_visitor(request)
    check_queue(owner, jobs_more, address=request.address)
    return archive.new_submission(
        actor,
        origin=request.origin,
        name=request.name,
        url=url,
        address=request.address,
        arguments=dict(request.arguments),
        visibility=request.visibility or settings.HVEN_DEFAULT_VISIBILITY,
        dataset=request.dataset,
        licence=request.licence,
    )


def _first_run(submission: Submission, request: Request, data_file: DataFile | None) -> Run:
    reduction = Reduction.objects.create(
        owner=submission.owner,
        observatory=submission.observatory,
        visibility=submission.visibility,
        name=data_file.name if data_file else submission.name,
        submission=submission,
        data_file=data_file,
    )
    return queue_run(reduction, request.steps, request.config, Actor(user=submission.owner))


def queue_run(reduction: Reduction, steps: Sequence[str], config: Mapping[str, Any], actor: Actor) -> Run:
    """Record a run and its job, in the caller's transaction; the caller has asked whether that may be."""
    run = Run.objects.create(reduction=reduction, steps=list(steps), config=check_config(steps, config))
    run.job = jobs.enqueue("imaging.run", {"run_id": run.pk}, created_by=actor.user)
    run.save(update_fields=["job"])
    return run
