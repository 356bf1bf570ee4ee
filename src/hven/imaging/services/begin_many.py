"""Starting work on many filed frames at once: a night, or what somebody found."""

from __future__ import annotations

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import User
from hven.archive.models import DataFile
from hven.archive.services.reading import BEGIN
from hven.errors import Invalid, Unauthenticated
from hven.imaging.models import Reduction
from hven.imaging.services import reductions
from hven.imaging.services.filed import STEPS
from hven.imaging.services.queue_limits import check_queue
from hven.imaging.services.runs import SOLVE, queue_run
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.sites.models import Rule

MOST = 2_000  # files at once
_UNDER_WAY = (State.QUEUED, State.RUNNING)


@transaction.atomic
def begin_many(actor: Actor, files: QuerySet[DataFile], rule: str) -> int:
    """Ask for frames of the sky to be solved, or solved and calibrated; what is done or under way is left alone.

    Returns
    -------
    int
        For how many files something was started.

    Raises
    ------
    Invalid
        The rule starts nothing, or there are very many files.
    Unauthenticated, Conflict
        Nobody is signed in, or as many of the actor's jobs wait as may.
    """
    if rule not in {Rule.SOLVE, Rule.PHOTOMETRY}:
        raise Invalid("Frames are solved, or solved and calibrated; choose one.")
    if actor.user is None:
        raise Unauthenticated("Sign in to have frames solved.")
    lights = files.filter(calibration__isnull=True, width__isnull=False, height__isnull=False)
    allowed = access.visible(lights, actor, access.Verb.CHANGE).order_by("id")
    asked = _asked_already(actor.user, rule)
    wanted = allowed.filter(reductions__isnull=True).values_list("pk", flat=True)[: MOST + len(asked) + 1]
    new = [pk for pk in wanted if pk not in asked]
    known = list(_unfinished(actor, allowed, rule)[: MOST + 1])
    count = len(new) + len(known)
    if count > MOST:
        raise Invalid(f"At most {MOST:,} frames are started at once; narrow the list.")
    check_queue(actor.user, count)
    for pk in new:
        jobs.enqueue(BEGIN, {"data_file_id": pk, "rule": rule}, created_by=actor.user)
    for reduction in known:
        if rule == Rule.PHOTOMETRY:
            reductions.process(actor, reduction, STEPS)
        else:
            queue_run(reduction, SOLVE, {}, actor)
    return count


def is_done(rule: str) -> Q:
    """Return the condition on reductions for which there is nothing left to do; what is calibrated is solved too."""
    calibrated = Q(config__has_key="zp")
    return calibrated if rule == Rule.PHOTOMETRY else calibrated | Q(solution__isnull=False)


def _asked_already(user: User, rule: str) -> set[int]:
    """Return the files for which this waits already."""
    waiting = Job.objects.filter(kind=BEGIN, created_by=user, state__in=_UNDER_WAY)
    return {args.get("data_file_id") for args in waiting.values_list("args", flat=True) if args.get("rule") == rule}


def _unfinished(actor: Actor, files: QuerySet[DataFile], rule: str) -> QuerySet[Reduction]:
    """Return the newest reduction of each file where its work is not done and not under way."""
    newest = Reduction.objects.filter(data_file=OuterRef("pk")).order_by("-id").values("pk")[:1]
    rows = Reduction.objects.filter(pk__in=files.order_by().annotate(newest=Subquery(newest)).values("newest"))
    under_way = Q(latest_run__outcome="", latest_run__job__state__in=_UNDER_WAY)
    return access.visible(rows, actor, access.Verb.CHANGE).exclude(under_way).exclude(is_done(rule)).order_by("id")
