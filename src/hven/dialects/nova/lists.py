"""Lists of nova's API: one's own jobs, the images of a submission, jobs by their tags; and what is not offered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from hven.accounts.access import visible
from hven.accounts.actor import Actor
from hven.archive.models import Submission
from hven.dialects.nova import auth
from hven.dialects.nova.errors import json_answer, json_call
from hven.dialects.nova.views import record_id
from hven.errors import Forbidden, Invalid
from hven.imaging import services as imaging
from hven.imaging.models import Run
from hven.imaging.services.search import Wanted, search

MOST = 100_000  # numbers in one answer, the newest
_LONGEST_QUERY = 400


@json_call
def my_jobs(request: HttpRequest) -> HttpResponse:
    """Return the numbers of one's own jobs."""
    actor = auth.session_actor(auth.arguments(request))
    mine = imaging.visible_runs(actor).filter(reduction__owner=actor.user)
    return json_answer({"jobs": list(mine.values_list("pk", flat=True)[:MOST]), "status": "success"})


@json_call
def submission_images(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the images that a submission brought."""
    found = auth.arguments(request)
    actor = auth.session_actor(found)
    number = str(found.get("subid", ""))
    record = visible(Submission.objects.filter(pk=record_id(number)), actor).first()
    if record is None:
        raise Invalid("submission does not exist")
    return json_answer(
        {"status": "success", "image_ids": list(record.reductions.order_by("id").values_list(flat=True))}
    )


@json_call
def jobs_by_tag(request: HttpRequest) -> HttpResponse:
    """Return the jobs whose frames carry a tag, or one that contains the text, among those that anyone may see."""
    text = auth.query(request).get("query", "")
    if not text.strip():
        raise Invalid('There is no "query" in the address.')
    if len(text) > _LONGEST_QUERY:
        raise Invalid(f"The query is longer than {_LONGEST_QUERY} letters.")
    wanted = Wanted(tag=text, exact_tag=auth.query(request).get("exact", "").lower() in {"yes", "y", "true", "1"})
    frames = search(_reader(request), wanted).order_by().values("pk")
    runs = Run.objects.filter(reduction__in=frames).order_by("-id").values_list("pk", flat=True)
    return json_answer({"job_ids": list(runs[:MOST])})


@json_call
def other_surveys(request: HttpRequest) -> HttpResponse:
    """Say that pictures of other surveys are not to be had here."""
    auth.session_actor(auth.arguments(request))
    raise Forbidden("hven offers no pictures of SDSS and GALEX: it holds no other surveys and asks no other server.")


def _reader(request: HttpRequest) -> Actor:
    """Return who is signed in on the pages or shows a session; anyone else sees what is public."""
    found = auth.arguments(request, needed=False)
    return auth.session_actor(found) if found.get("session") else auth.page_actor(request)
