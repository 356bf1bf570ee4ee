"""STDWeb's queue: what waits and what is under way, of everybody, with links to what the caller may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.dialects.rest import described
from hven.dialects.stdweb import wire
from hven.dialects.stdweb.base import StdwebView
from hven.imaging.models import Run, RunState
from hven.imaging.services import reductions
from hven.jobs.models import State

MOST_SHOWN = 1000


class Queue(StdwebView):
    """All that waits or is under way."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request) -> Response:
        """List it."""
        runs = list(
            Run.objects.filter(job__kind="imaging.reduce", job__state__in=(State.QUEUED, State.RUNNING))
            .select_related("job", "reduction")
            .annotate(steps_done=Count("step_runs", filter=Q(step_runs__state=RunState.DONE)))
            .order_by("id")[:MOST_SHOWN]
        )
        seen = set(
            access.visible(Run.objects.filter(pk__in=[run.pk for run in runs]), self.actor, Verb.SEE, "reduction")
            .values_list("pk", flat=True)
        )  # fmt: skip
        return Response([wire.queue_item(run, _done(run), visible=run.pk in seen) for run in runs])


class QueueItem(StdwebView):
    """One thing that was asked for."""

    @described(responses={200: dict[str, Any]})
    def get(self, request: Request, celery_id: str) -> Response:
        """Say how it stands; what nobody knows waits, as in the original."""
        run = find_run(celery_id)
        answer = wire.run_state(celery_id, run)
        if run is not None and access.may(self.actor, Verb.SEE, run, "reduction"):
            done = run.step_runs.filter(state=RunState.DONE).count()
            answer |= wire.link(run, wire.LINKS_A_STEP * done + 1)
        return Response(answer)


class Terminate(StdwebView):
    """Stop one thing that was asked for."""

    @described(request=None, responses={200: dict[str, Any]})
    def post(self, request: Request, celery_id: str) -> Response:
        """Stop it."""
        run = find_run(celery_id)
        if run is None:
            if not request.user.is_staff:
                return Response({"error": "Staff access required"}, 403)
            return Response({"id": celery_id, "revoked_count": 1, "state": "terminated"})
        if not access.may(self.actor, Verb.CHANGE, run, "reduction"):
            return Response({"error": "No permission to terminate this task"}, 403)
        if not reductions.cancel_run(self.actor, run):
            return Response({"error": "Task is not running"}, 400)
        return Response(
            {
                "id": celery_id,
                "task_id": run.reduction_id,
                "revoked_count": 1 + wire.chain_total(run),
                "state": "cancelled",
            }
        )


def find_run(celery_id: str) -> Run | None:
    """Return the run of an id, None where it is nobody's."""
    try:
        uuid = UUID(celery_id)
    except ValueError:
        return None
    return Run.objects.select_related("job", "reduction").filter(uuid=uuid, job__kind="imaging.reduce").first()


def _done(run: Run) -> int:
    return int(getattr(run, "steps_done", 0))
