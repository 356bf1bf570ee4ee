"""How much one user, or one visitor's address, may ask for at once."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from hven.accounts.actor import Actor
from hven.accounts.models import User, Visibility
from hven.accounts.services import queue_quota
from hven.archive.models import Submission
from hven.errors import Conflict, HvenError, Invalid
from hven.imaging.models import Reduction, Run
from hven.imaging.services.frames import delete_submission
from hven.jobs.models import Job, State

if TYPE_CHECKING:
    from hven.imaging.services.runs import Request

_UNDER_WAY = (State.QUEUED, State.RUNNING)
_DAY = timedelta(hours=24)
_AT_A_TIME = 200


def check_queue(owner: User, more: int = 1, *, address: str | None = None) -> None:
    """Raise Conflict where so many more jobs would be more than may wait for one user, or one visitor's address."""
    if owner.is_visitor:
        _check_visitor(owner, more, address)
        return
    most = queue_quota(owner)
    if not most:
        return
    waiting = Job.objects.filter(created_by=owner, state__in=_UNDER_WAY).count()
    if more > 0 and waiting + more > most:
        if more > 1:
            raise Conflict(f"{more:,} more jobs are too many: {waiting:,} of yours wait or run, and {most:,} may.")
        raise Conflict(f"{waiting:,} of your jobs wait or run already, and {most:,} may; try again when some are done.")


def as_visitor(request: Request) -> Request:
    """Return a visitor's request as it may be: public, and filed nowhere in particular.

    Raises
    ------
    Invalid
        It asks for privacy, which needs an owner.
    """
    if request.visibility == Visibility.PRIVATE:
        raise Invalid("What is handed over without an account is public; sign in to keep a frame private.")
    return replace(request, visibility=Visibility.PUBLIC, dataset=None)


def forget_visitors() -> int:
    """Delete what visitors handed over longer ago than it is kept; return how many submissions went."""
    owner = User.objects.filter(is_visitor=True).first()
    if owner is None:
        return 0
    before = timezone.now() - timedelta(seconds=settings.HVEN_VISITOR_KEEP)
    old = Submission.objects.filter(owner=owner, created__lt=before).order_by("id")[:_AT_A_TIME]
    gone = 0
    for submission in old:
        try:
            delete_submission(Actor.of(owner), submission)
        except HvenError:  # somebody else works on it
            continue
        gone += 1
    return gone


def _check_visitor(owner: User, more: int, address: str | None) -> None:
    recent = _recent(owner, address)
    if more > 0 and Reduction.objects.filter(submission__in=recent).count() + more > settings.HVEN_VISITOR_DAILY:
        raise Conflict(
            f"Without an account {settings.HVEN_VISITOR_DAILY:,} frames may be handed over a day; "
            "sign in, or go on tomorrow."
        )
    waiting = Run.objects.filter(reduction__submission__in=recent, job__state__in=_UNDER_WAY).count()
    if more > 0 and waiting + more > settings.HVEN_VISITOR_QUEUED:
        raise Conflict(
            f"Without an account {settings.HVEN_VISITOR_QUEUED:,} frames may wait at once; "
            "try again when one of yours is done, or sign in."
        )


def _recent(owner: User, address: str | None) -> QuerySet[Submission]:
    """Return what came of one address in a day; of IPv6 of its network of 64 bits, since each customer has a whole one.

    Visitors without a known address count as one.
    """
    recent = Submission.objects.filter(owner=owner, created__gt=timezone.now() - _DAY)
    place = ipaddress.ip_address(address) if address else None
    if not isinstance(place, ipaddress.IPv6Address) or place.ipv4_mapped is not None:
        return recent.filter(address=address)
    network = ipaddress.IPv6Network((place, 64), strict=False)
    others = recent.filter(address__contains=":").values_list("pk", "address")
    return recent.filter(pk__in=[pk for pk, other in others if ipaddress.ip_address(str(other)) in network])
