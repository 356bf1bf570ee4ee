"""Starting work on many filed frames at once: a night, or what somebody found."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.archive.services.reading import BEGIN
from hven.errors import Invalid, Unauthenticated
from hven.imaging.models import Reduction
from hven.imaging.services import reductions
from hven.imaging.services.filed import STEPS
from hven.imaging.services.queue_limits import check_queue
from hven.imaging.services.runs import SOLVE, queue_run
from hven.jobs import services as jobs
from hven.sites.models import Rule

MOST = 2_000  # files at once


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
    new = list(allowed.filter(reductions__isnull=True).values_list("pk", "owner")[: MOST + 1])
    known = _unfinished(actor, allowed, rule)
    count = len(new) + len(known)
    if count > MOST:
        raise Invalid(f"At most {MOST:,} frames are started at once; narrow the list.")
    check_queue(actor.user, count)
    for pk, _ in new:
        jobs.enqueue(BEGIN, {"data_file_id": pk, "rule": rule}, created_by=actor.user)
    for reduction in known:
        if rule == Rule.PHOTOMETRY:
            reductions.process(actor, reduction, STEPS)
        else:
            queue_run(reduction, SOLVE, {}, actor)
    return count


def _unfinished(actor: Actor, files: QuerySet[DataFile], rule: str) -> list[Reduction]:
    """Return the newest reduction of each file whose work is not done and not under way."""
    rows = Reduction.objects.filter(data_file__in=files.values("pk")).select_related("latest_run__job")
    newest = {
        row.data_file_id: row for row in access.visible(rows, actor, access.Verb.CHANGE).order_by("id")[: MOST + 1]
    }
    wanted = []
    for row in newest.values():
        done = "zp" in row.config if rule == Rule.PHOTOMETRY else row.solution_id is not None
        under_way = row.latest_run is not None and not row.latest_run.ended
        if not done and not under_way:
            wanted.append(row)
    return wanted
