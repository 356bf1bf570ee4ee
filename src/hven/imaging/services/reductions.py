"""Working on a frame step by step: begin a reduction, set it up, process it, stop it, copy it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Grant, Observatory, Role, User
from hven.archive import services as archive
from hven.archive.services.names import kept_text
from hven.errors import Forbidden, Invalid, Unauthenticated
from hven.imaging.models import Preset, Reduction, ReductionFile, Run
from hven.imaging.services import folder
from hven.imaging.services.queue_limits import check_queue
from hven.imaging.steps.registry import staged_steps
from hven.imaging.steps.workspace import media_type
from hven.jobs import services as jobs
from hven.jobs.models import ENDS, Job
from hven.storage.models import Blob

LONGEST_NAME = 250
LARGEST_CONFIG = 2_000_000  # characters as JSON
DEEPEST = 32  # lists and objects within each other
MOST_STEPS = 20  # of one run


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody who begins a reduction says about it."""

    origin: str  # the dialect, or "web"
    name: str = ""
    title: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    preset: Preset | None = None
    observatories: Sequence[Observatory] = ()  # whose members work on it too
    address: str | None = None


def begin_reduction(actor: Actor, blob: Blob | None, wish: Wish) -> Reduction:
    """File a frame (or none yet) as a reduction on which nothing is done until somebody asks.

    The preset's configuration is the base, the given one wins; the preset's files are laid into the folder.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload, or is no member of an observatory.
    Invalid, TooLarge
        A name is too long, the configuration no object, or the file more than the owner may keep.
    """
    owner = _user(actor)
    config = {**(wish.preset.config if wish.preset else {}), **checked_config(wish.config)}
    with transaction.atomic():
        access.need(actor, UPLOAD, WRITE)
        if owner.is_visitor:
            raise Unauthenticated("Sign in to reduce frames.")
        submission = None
        data_file = None
        if blob is not None:
            archive.check_quota(owner, blob.size)
            submission = archive.new_submission(
                actor, origin=wish.origin, name=wish.name, address=wish.address,
                visibility=settings.HVEN_DEFAULT_VISIBILITY,
            )  # fmt: skip
            submission.started = submission.finished = timezone.now()
            submission.save(update_fields=["started", "finished"])
            data_file = archive.add_file(submission, blob, wish.name)
        reduction = Reduction.objects.create(
            owner=owner,
            observatory=actor.key.observatory if actor.key else None,
            visibility=settings.HVEN_DEFAULT_VISIBILITY,
            name=wish.name[:LONGEST_NAME],
            title=wish.title[:LONGEST_NAME],
            config=config,
            stage="uploaded" if blob is not None else "initial",
            submission=submission,
            data_file=data_file,
        )
        if wish.preset is not None:
            _copy_files(reduction, [(file.path, file.blob) for file in wish.preset.files.select_related("blob")])
        share_with(actor, reduction, wish.observatories)
    return reduction


@transaction.atomic
def set_up(
    actor: Actor,
    reduction: Reduction,
    *,
    name: str | None = None,
    title: str | None = None,
    config: Mapping[str, Any] | None = None,
    observatories: Sequence[Observatory] | None = None,
) -> Reduction:
    """Change a reduction's names, its whole configuration, whose members work on it; None leaves a thing as it is."""
    access.check(actor, access.Verb.CHANGE, reduction)
    locked = Reduction.objects.select_for_update().get(pk=reduction.pk)
    if name is not None:
        locked.name = kept_text(name)[:LONGEST_NAME]
    if title is not None:
        locked.title = kept_text(title)[:LONGEST_NAME]
    if config is not None:
        locked.config = checked_config(config)
    locked.save(update_fields=["name", "title", "config", "changed"])
    if observatories is not None:
        share_with(actor, locked, observatories)
    return locked


@transaction.atomic
def process(actor: Actor, reduction: Reduction, steps: Sequence[str], config: Mapping[str, Any] | None = None) -> Run:
    """Ask for steps to be done in their order; the given keys are merged into the reduction's configuration first.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the reduction.
    Conflict
        It is being processed, or as many of the actor's jobs wait as may.
    Invalid
        There is no such step, or none was named.
    """
    access.check(actor, access.Verb.CHANGE, reduction)
    if not steps:
        raise Invalid("No steps provided")
    if len(steps) > MOST_STEPS:
        raise Invalid(f"A run has at most {MOST_STEPS} steps.")
    for key in steps:
        if key not in staged_steps():
            raise Invalid(f"Invalid step: {str(key)[:60]}")
    locked = folder.idle(reduction)
    check_queue(_user(actor))
    locked.config = {**locked.config, **checked_config(config or {})}
    return queue_steps(actor, locked, steps)


def queue_steps(actor: Actor, reduction: Reduction, steps: Sequence[str]) -> Run:
    """Record a run of steps and its job, in the caller's transaction; the caller has asked whether that may be."""
    reduction.stage = "running"
    reduction.save(update_fields=["config", "stage", "changed"])
    run = Run.objects.create(reduction=reduction, steps=list(steps), config={})
    run.job = jobs.enqueue("imaging.reduce", {"run_id": run.pk}, created_by=actor.user)
    run.save(update_fields=["job"])
    return run


@transaction.atomic
def cancel_reduction(actor: Actor, reduction: Reduction) -> Run | None:
    """Stop what is done with a reduction, waiting or under way; return the run that was stopped, if there was one."""
    return _cancel(actor, reduction, Job.objects.filter(run__reduction=reduction))


@transaction.atomic
def cancel_run(actor: Actor, run: Run) -> bool:
    """Stop one run, waiting or under way; say whether there was anything to stop."""
    return _cancel(actor, run.reduction, Job.objects.filter(run=run)) is not None


def _cancel(actor: Actor, reduction: Reduction, found: QuerySet[Job]) -> Run | None:
    access.check(actor, access.Verb.CHANGE, reduction)
    stopped = None
    for job in found.exclude(state__in=ENDS).select_related("run"):
        if jobs.cancel(job):
            stopped = job.run
    if stopped is not None:
        Reduction.objects.filter(pk=reduction.pk).update(stage="cancelled", changed=timezone.now())
    return stopped


@transaction.atomic
def duplicate_reduction(actor: Actor, reduction: Reduction) -> Reduction:
    """Copy a reduction with all files of its folder; the copy belongs to the actor and is shared with nobody."""
    access.check(actor, access.Verb.CHANGE, reduction)
    owner = _user(actor)
    data_file = reduction.data_file
    submission = None
    if data_file is not None and data_file.owner_id != owner.pk:
        # What its owner deletes must not take the copy along.
        archive.check_quota(owner, data_file.size)
        submission = archive.new_submission(actor, origin="web", name=data_file.name)
        submission.started = submission.finished = timezone.now()
        submission.save(update_fields=["started", "finished"])
        data_file = archive.add_file(submission, data_file.blob, data_file.name)
    copy = Reduction.objects.create(
        owner=owner,
        observatory=actor.key.observatory if actor.key else None,
        name=reduction.name,
        title=f"{reduction.title[: LONGEST_NAME - 7]} (copy)".strip(),
        config=dict(reduction.config),
        stage="uploaded" if data_file is not None else "initial",
        submission=submission,
        data_file=data_file,
    )
    rows = reduction.files.filter(current=True).select_related("blob")
    _copy_files(copy, [(row.path, row.blob) for row in rows])
    return copy


def share_with(actor: Actor, reduction: Reduction, observatories: Sequence[Observatory]) -> None:
    """Let exactly these observatories' members work on a reduction.

    Raises
    ------
    Forbidden
        The actor is no member of one, or may not share the reduction.
    """
    wanted = {observatory.pk for observatory in observatories}
    present = {observatory.pk for observatory in shared_with(reduction)}
    if wanted == present:
        return
    access.check(actor, access.Verb.SHARE, reduction)
    mine = set(_user(actor).memberships.filter(role__gte=Role.MEMBER).values_list("observatory", flat=True))
    if not wanted - present <= mine:
        raise Forbidden("A frame is shared with observatories that you are a member of.")
    gone = present - wanted
    Grant.objects.filter(record=reduction.uuid, observatory__in=gone).delete()
    if reduction.observatory_id in gone:
        reduction.observatory = None
        reduction.save(update_fields=["observatory", "changed"])
    Grant.objects.bulk_create(
        Grant(
            record=reduction.uuid,
            record_kind=reduction._meta.label_lower,  # noqa: SLF001 - Django's documented name
            level=Grant.Level.CHANGE,
            observatory_id=pk,
            least_role=Role.MEMBER,
            created_by=actor.user,
        )
        for pk in wanted - present
    )


def shared_with(reduction: Reduction) -> list[Observatory]:
    """Return the observatories whose members work on a reduction, by name."""
    granted = Grant.objects.filter(record=reduction.uuid, level=Grant.Level.CHANGE, observatory__isnull=False)
    found = Observatory.objects.filter(pk__in=granted.values("observatory"))
    if reduction.observatory_id is not None:
        found = found | Observatory.objects.filter(pk=reduction.observatory_id)
    return list(found.order_by("name"))


def checked_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it can be stored. Steps check their own keys when they read them.

    Raises
    ------
    Invalid
        It is no object, holds what JSON or the database does not, or is very large.
    """
    if not isinstance(config, Mapping):
        raise Invalid("config must be a JSON object")
    _check_value(config, 0)
    try:
        text = json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("The configuration holds values that JSON does not know, such as NaN.") from None
    if len(text) > LARGEST_CONFIG:
        raise Invalid("The configuration is too large.")
    found: dict[str, Any] = json.loads(text.replace("\\u0000", ""))
    return found


def _check_value(value: Any, depth: int) -> None:
    """Refuse what JSON carries and neither the database nor a step could use."""
    if depth > DEEPEST:
        raise Invalid(f"The configuration is nested more than {DEEPEST} deep.")
    if isinstance(value, str) and kept_text(value) != value.replace("\0", ""):
        raise Invalid("The configuration holds text with halves of characters (lone surrogates).")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise Invalid("The configuration holds a whole number beyond 64 bits.")
    if isinstance(value, Mapping):
        for name, each in value.items():
            _check_value(name, depth + 1)
            _check_value(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_value(each, depth + 1)


def _copy_files(reduction: Reduction, files: Sequence[tuple[str, Blob]]) -> None:
    ReductionFile.objects.bulk_create(
        ReductionFile(reduction=reduction, path=path, blob=blob, media_type=media_type(path), current=True)
        for path, blob in files
    )


def _user(actor: Actor) -> User:
    if actor.user is None:
        raise Unauthenticated("Sign in, or send an access key, to do this.")
    return actor.user
