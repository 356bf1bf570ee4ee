"""STDWeb's tasks: lists, one task, what is done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.access import Verb
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Grant, Observatory
from hven.dialects.rest import client_address, described
from hven.dialects.stdweb import wire, words
from hven.dialects.stdweb.base import StdwebView
from hven.dialects.stdweb.serializers import (
    Corners,
    Credentials,
    Direction,
    Processing,
    TaskChange,
    TaskCreation,
)
from hven.errors import Forbidden, NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Reduction
from hven.imaging.services import preprocess, reductions
from hven.imaging.services.frame_files import one_plane
from hven.imaging.services.local_files import find_file, open_file
from hven.storage import services as storage
from hven.storage.models import Blob

_MOST_WORDS = 20
_ANSWER = {200: dict[str, Any]}


class Pages(LimitOffsetPagination):
    """Pages where a limit is asked for; a limit that is no number asks for none."""

    default_limit = None
    max_limit = 1000


class Token(StdwebView):
    """A token for a name and a password."""

    authentication_classes = ()
    permission_classes = ()

    @described(request=Credentials, responses=_ANSWER)
    def post(self, request: Request) -> Response:
        """Make a token; it lasts 30 days, and the ten newest of a user stay alive."""
        context = {"request": request, "address": client_address(request)}
        form = Credentials(data=request.data, context=context)
        form.is_valid(raise_exception=True)
        return Response({"token": accounts.mint_token(form.validated_data["user"], "stdweb").secret})


class Tasks(StdwebView):
    """All tasks of the caller, and new ones."""

    @described(
        parameters=[
            OpenApiParameter("query", description="words that name, title, owner or group must hold"),
            OpenApiParameter("state"),
            OpenApiParameter("user"),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: list[dict[str, Any]]},
    )
    def get(self, request: Request) -> Response:
        """List tasks, the newest first."""
        found = narrowed(worked_on(self.actor), request.query_params).select_related("owner").order_by("-id")
        pages = Pages()
        page = pages.paginate_queryset(found, request, self)
        if page is not None:
            return pages.get_paginated_response([wire.brief(one) for one in page])
        return Response([wire.brief(one) for one in found.iterator(chunk_size=2000)])

    @described(request=TaskCreation, responses={201: dict[str, Any]})
    def post(self, request: Request) -> Response:
        """Begin a task with a file, a file of this machine, or none yet."""
        form = TaskCreation(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        sent = form.validated_data
        access.need(self.actor, UPLOAD, WRITE)
        blob, name = _bytes(sent)
        wish = reductions.Wish(
            origin="stdweb",
            name=sent.get("original_name") or name,
            title=sent["title"],
            config=sent.get("config") or {},
            preset=sent.get("preset"),
            observatories=sent.get("groups", ()),
            address=client_address(request) or None,
        )
        reduction = reductions.begin_reduction(self.actor, blob, wish)
        return Response(wire.created(reduction, groups_of(reduction)), 201)


class Task(StdwebView):
    """One task."""

    @described(responses=_ANSWER)
    def get(self, request: Request, number: int) -> Response:
        """Return all about a task."""
        return _whole(find_task(self.actor, number))

    @described(request=TaskChange, responses=_ANSWER)
    def patch(self, request: Request, number: int) -> Response:
        """Change a task; the configuration is replaced as a whole."""
        task = find_task(self.actor, number, Verb.CHANGE)
        context = {"request": request, "groups": reductions.shared_with(task)}
        form = TaskChange(data=request.data, context=context)
        form.is_valid(raise_exception=True)
        sent = form.validated_data
        reductions.set_up(
            self.actor,
            task,
            name=sent.get("original_name"),
            title=sent.get("title"),
            config=sent.get("config"),
            observatories=sent.get("groups"),
        )
        return _whole(find_task(self.actor, number))

    @described(request=TaskChange, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Change a task, as PATCH does."""
        changed: Response = self.patch(request, number)
        return changed

    @described(responses={204: None})
    def delete(self, request: Request, number: int) -> Response:
        """Delete a task with all its files."""
        imaging.delete_reduction(self.actor, find_task(self.actor, number, Verb.DELETE))
        return Response(status=204)


class State(StdwebView):
    """How a task stands."""

    @described(responses=_ANSWER)
    def get(self, request: Request, number: int) -> Response:
        """Return state and, while something is done with it, the id of that."""
        return Response(wire.state(find_task(self.actor, number)))


class Duplicate(StdwebView):
    """A copy of a task."""

    @described(request=None, responses={201: dict[str, Any]})
    def post(self, request: Request, number: int) -> Response:
        """Copy a task with its files; the copy belongs to the caller."""
        copy = reductions.duplicate_reduction(self.actor, find_task(self.actor, number, Verb.CHANGE))
        return _whole(copy, 201)


class Process(StdwebView):
    """Work on a task."""

    @described(request=Processing, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Ask for steps to be done; keys of the configuration are merged first."""
        task = find_task(self.actor, number, Verb.CHANGE)
        data = request.data if isinstance(request.data, dict) else {}
        keys = words.steps(data)
        config = words.read_config(data["config"]) if data.get("config") not in (None, "") else {}
        run = reductions.process(self.actor, task, keys, config)
        names = [wire.STEP_NAMES.get(key, key) for key in keys]
        return Response({"id": task.pk, "state": "running", "celery_id": str(run.uuid), "steps": names})


class Cancel(StdwebView):
    """Stop work on a task."""

    @described(request=None, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Stop what waits or is under way."""
        task = find_task(self.actor, number, Verb.CHANGE)
        run = reductions.cancel_reduction(self.actor, task)
        if run is None:
            return Response({"error": "Task is not running"}, 400)
        return Response({"id": task.pk, "state": "cancelled", "revoked_count": 1 + wire.chain_total(run)})


class Fix(StdwebView):
    """Mend the header of a task's frame."""

    @described(request=None, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Mend it."""
        task = find_task(self.actor, number, Verb.CHANGE)
        said = preprocess.fix_header(self.actor, task)
        return Response({"id": task.pk, "status": "fixed", "changes": said})


class Crop(StdwebView):
    """Cut out a part of a task's frame."""

    @described(request=Corners, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Cut it."""
        task = find_task(self.actor, number, Verb.CHANGE)
        form = Corners(data=request.data)
        form.is_valid(raise_exception=True)
        preprocess.crop(self.actor, task, dict(form.validated_data))
        return Response({"id": task.pk, "status": "cropped"})


class Destripe(StdwebView):
    """Take stripes off a task's frame."""

    @described(request=Direction, responses=_ANSWER)
    def post(self, request: Request, number: int) -> Response:
        """Take them off."""
        task = find_task(self.actor, number, Verb.CHANGE)
        form = Direction(data=request.data)
        form.is_valid(raise_exception=True)
        preprocess.destripe(self.actor, task, form.validated_data["direction"])
        return Response({"id": task.pk, "status": "destriped"})


def find_task(actor: Actor, number: int, verb: Verb = Verb.SEE) -> Reduction:
    """Return a task with its owner and latest run.

    Raises
    ------
    NotFound
        There is none of that number.
    Forbidden
        The caller may not do this with it.
    """
    rows = Reduction.objects.select_related("owner", "latest_run__job", "data_file__blob")
    found = rows.filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise NotFound("No Task matches the given query.")
    if not access.may(actor, verb, found):
        raise Forbidden("Permission denied")
    return found


def worked_on(actor: Actor) -> QuerySet[Reduction]:
    """Return the tasks that the caller sees in lists: own ones and shared ones, but not what is merely public."""
    seen = access.visible(Reduction.objects.all(), actor, Verb.SEE)
    if actor.user is not None and access.oversees(actor.user, Verb.SEE):
        return seen
    mine = access.visible(Reduction.objects.all(), actor, Verb.CHANGE).values("pk")
    return seen.filter(~Q(visibility="public") | Q(pk__in=mine))


def narrowed(tasks: QuerySet[Reduction], query: Any) -> QuerySet[Reduction]:
    """Return the tasks that a query asks for."""
    for word in query.get("query", "").replace("\0", "").split()[:_MOST_WORDS]:
        groups = Observatory.objects.filter(name__icontains=word)
        granted = Grant.objects.filter(observatory__in=groups, level=Grant.Level.CHANGE).values("record")
        tasks = tasks.filter(
            Q(name__icontains=word)
            | Q(title__icontains=word)
            | Q(owner__username__icontains=word)
            | Q(owner__first_name__icontains=word)
            | Q(owner__last_name__icontains=word)
            | Q(observatory__in=groups)
            | Q(uuid__in=granted)
        )
    if state := query.get("state", ""):
        tasks = tasks.filter(stage=state.replace("\0", ""))
    if user := query.get("user", ""):
        tasks = tasks.filter(owner__username=user.replace("\0", ""))
    return tasks


def groups_of(task: Reduction) -> list[str]:
    """Return the names of the groups that work on a task."""
    return [group.name for group in reductions.shared_with(task)]


def _whole(task: Reduction, status: int = 200) -> Response:
    return Response(wire.full(task, groups_of(task)), status)


def _bytes(sent: dict[str, Any]) -> tuple[Blob | None, str]:
    """Store what a new task begins with; return it and its name."""
    if "file" in sent:
        return storage.put(sent["file"], limit=settings.HVEN_MAX_UPLOAD), str(sent["file"].name)
    if "local_file" not in sent:
        return None, ""
    path: Path = find_file(sent["local_file"])
    if "ext" in sent:
        return one_plane(path, sent["ext"]), path.name
    with open_file(path) as file:
        return storage.put(file, limit=settings.HVEN_MAX_UPLOAD), path.name
