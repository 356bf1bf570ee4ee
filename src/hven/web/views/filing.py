"""What a person says about a frame's file: words, dataset, licence."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from hven.accounts.access import Verb, find
from hven.archive import services as archive
from hven.archive.models import DataFile
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction
from hven.web.actor import actor_of
from hven.web.albums import album_to_fill
from hven.web.errors import page


@page
@require_POST
def tags(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Put a word on a frame, or take one off."""
    actor, file = actor_of(request), _file(request, uuid, Verb.CHANGE)
    if word := request.POST.get("remove", ""):
        archive.remove_tag(actor, file, word)
    else:
        for each in request.POST.get("tag", "").split(","):
            if each.strip() or "," not in request.POST.get("tag", ""):
                archive.add_tag(actor, file, each)
    return redirect("frame", uuid=uuid)


@page
@require_POST
def album(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Put a frame's file into a dataset, a new one where a name is given."""
    actor, file = actor_of(request), _file(request, uuid, Verb.CHANGE)
    name = request.POST.get("new_album", "").strip()
    target = archive.make_album(actor, name) if name else album_to_fill(actor, request.POST.get("album", ""))
    if target is None:
        raise Invalid("Choose the dataset that the frame shall go to.")
    archive.move_files(actor, [file], target)
    messages.success(request, f"Moved to {target.name}.")
    return redirect("frame", uuid=uuid)


@page
@require_POST
def licence(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say what others may do with a frame's file."""
    actor, file = actor_of(request), _file(request, uuid, Verb.SHARE)
    said = archive.Licence(request.POST.get("commercial_use", ""), request.POST.get("modifications", ""))
    archive.set_licence(actor, file, said)
    messages.success(request, "The licence is as you say.")
    return redirect("frame", uuid=uuid)


def _file(request: HttpRequest, uuid: UUID, verb: Verb) -> DataFile:
    """Return the file of a frame that the asker may see; the services ask whether it may be changed."""
    frame = find(Reduction.objects.select_related("data_file__dataset"), actor_of(request), verb, uuid=uuid)
    if frame.data_file is None:
        raise NotFound("This frame's file has not arrived.")
    return frame.data_file
