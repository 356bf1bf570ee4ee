"""What is done with frames that were selected in a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from hven.accounts.access import Verb, visible
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile
from hven.errors import Invalid
from hven.imaging import services as imaging
from hven.imaging.models import Reduction
from hven.web import tiles
from hven.web.actor import actor_of, next_page, signed_in
from hven.web.albums import album_to_fill
from hven.web.deleting import farewells
from hven.web.errors import page

MOST = 200  # frames at once


@page
@signed_in
@require_POST
def selection(request: HttpRequest) -> HttpResponseBase:
    """Move, share, tag, compare or delete what was selected, as far as one may."""
    actor, action = actor_of(request), request.POST.get("action", "")
    frames = chosen(actor, request.POST.getlist("frames"))
    back = next_page(request, reverse("frames"))
    if action == "compare":
        return compare(frames)
    if action == "delete":
        return delete(request, actor, frames, back)
    if action not in ACTIONS:
        raise Invalid("Choose what is to be done with these frames.")
    verb, do = ACTIONS[action]
    allowed = set(visible(Reduction.objects.filter(pk__in=[one.pk for one in frames]), actor, verb).values_list("pk"))
    mine = [one for one in frames if (one.pk,) in allowed]
    with transaction.atomic():
        said = do(actor, mine, request.POST) if mine else ""
    if mine:
        messages.success(request, said)
    if len(mine) < len(frames):
        left = len(frames) - len(mine)
        messages.warning(
            request, f"{_count(left)} left as {'it is' if left == 1 else 'they are'}: not yours to change."
        )
    return redirect(back)


def chosen(actor: Actor, said: list[str]) -> list[Reduction]:
    """Return the frames that a form names, in its order.

    Raises
    ------
    Invalid
        It names none that the actor may see, or too many.
    """
    try:
        uuids = [UUID(text) for text in said]
    except ValueError:
        raise Invalid("A frame is named by its id.") from None
    if len(uuids) > MOST:
        raise Invalid(f"At most {MOST} frames at once.")
    found = visible(Reduction.objects.filter(uuid__in=uuids), actor)
    by_uuid = {one.uuid: one for one in found.select_related("data_file__dataset", "solution", "owner", "submission")}
    frames = [by_uuid[uuid] for uuid in dict.fromkeys(uuids) if uuid in by_uuid]
    if not frames:
        raise Invalid("Select one frame or more first.")
    return frames


def compare(frames: list[Reduction]) -> HttpResponseBase:
    """Go to the comparison of two frames' newest solutions."""
    if len(frames) != 2:
        raise Invalid("Two frames can be compared: select two.")
    solutions = [one.solution for one in frames]
    if solutions[0] is None or solutions[1] is None:
        raise Invalid("Both frames need a solution to be compared.")
    runs = {"a": solutions[0].run_id, "b": solutions[1].run_id}
    return redirect(f"{reverse('compare')}?{urlencode(runs)}")


def delete(request: HttpRequest, actor: Actor, frames: list[Reduction], back: str) -> HttpResponseBase:
    """Ask first, saying what goes and what stays; delete when the answer is yes."""
    allowed = set(
        visible(Reduction.objects.filter(pk__in=[one.pk for one in frames]), actor, Verb.DELETE).values_list("pk")
    )
    mine = [one for one in frames if (one.pk,) in allowed]
    if not mine:
        raise Invalid("None of these frames is yours to delete.")
    if request.POST.get("confirmed") != "yes":
        context = {
            "going": farewells(actor, mine),
            "left": len(frames) - len(mine),
            "action": reverse("selection"),
            "next": back,
        }
        return render(request, "web/delete.html", context)
    with transaction.atomic():
        gone = [imaging.delete_reduction(actor, one) for one in mine]
    for file in gone:
        if file is not None:
            tiles.forget(file)
    messages.success(request, f"{_count(len(mine))} deleted.")
    return redirect(back)


def _move(actor: Actor, frames: list[Reduction], said: Any) -> str:
    album = album_to_fill(actor, said.get("album", ""))
    if album is None and (name := said.get("new_album", "").strip()):
        album = archive.make_album(actor, name)
    if album is None:
        raise Invalid("Choose the dataset that the frames shall go to.")
    moved = archive.move_files(actor, _files(frames), album)
    return f"{_count(moved)} moved to {album.name}."


def _share(visibility: str) -> Callable[[Actor, list[Reduction], Any], str]:
    def do(actor: Actor, frames: list[Reduction], _said: Any) -> str:
        for one in frames:
            imaging.set_visibility(actor, one, visibility)
        return f"{_count(len(frames))} made {visibility}."

    return do


def _tag(actor: Actor, frames: list[Reduction], said: Any) -> str:
    files = _files(frames)
    for file in files:
        archive.add_tag(actor, file, said.get("tag", ""))
    return f"{_count(len(files))} tagged."


def _files(frames: list[Reduction]) -> list[DataFile]:
    return list({one.data_file.pk: one.data_file for one in frames if one.data_file is not None}.values())


def _count(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


ACTIONS: dict[str, tuple[Verb, Callable[[Actor, list[Reduction], Any], str]]] = {
    "move": (Verb.CHANGE, _move),
    "public": (Verb.SHARE, _share("public")),
    "private": (Verb.SHARE, _share("private")),
    "tag": (Verb.CHANGE, _tag),
}
