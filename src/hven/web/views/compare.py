"""Two solutions beside each other."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hven.accounts.access import Verb, find, may
from hven.accounts.actor import Actor
from hven.errors import Invalid
from hven.imaging.models import Run
from hven.web.actor import actor_of
from hven.web.comparing import compare_runs
from hven.web.errors import page


@page
@require_safe
@never_cache
def compare(request: HttpRequest) -> HttpResponseBase:
    """Show how far the solutions of two runs agree."""
    actor = actor_of(request)
    a, b = (_run(actor, request.GET.get(name, "")) for name in ("a", "b"))
    context: dict[str, Any] = {"a": a, "b": b, "here": "frames"}
    context["may_open"] = all(may(actor, Verb.OPEN, run.reduction) for run in (a, b))
    context["previews"] = all(run.files.filter(path="preview.jpg").exists() for run in (a, b))
    return render(request, "web/compare.html", context | compare_runs(a, b))


def _run(actor: Actor, said: str) -> Run:
    """Return a run with a solution that the actor may see."""
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        raise Invalid("Two runs are compared by their numbers, as in /compare/?a=12&b=15.")
    related = ("reduction__data_file", "reduction__owner", "solution", "job")
    found = find(Run.objects.select_related(*related), actor, Verb.SEE, "reduction", pk=int(said))
    if not hasattr(found, "solution"):
        raise Invalid(f"Run {found.pk} has no solution to compare.")
    return found
