"""Is the server up, is it ready; and the last net for errors that nothing else translated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hven import errors
from hven.jobs.models import Duty, Job, State, Worker
from hven.ops.database import pending
from hven.storage import services as storage

STATUS: tuple[tuple[type[errors.HvenError], int], ...] = (
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.Invalid, 400),
    (errors.Throttled, 429),
    (errors.Unavailable, 503),
)


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when work can be done from end to end, 503 otherwise, with a JSON object that says what is missing."""
    checks: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": lambda: "" if not pending() else "not applied",
        "storage": _storage,
        "worker": _worker,
    }
    found: dict[str, str] = {}
    for name, check in checks.items():
        try:
            found[name] = check() or "ok"
        except DatabaseError:
            found[name] = "the database does not answer"
    ready = all(state == "ok" for state in found.values())
    return JsonResponse({"ready": ready, "checks": found}, status=200 if ready else 503)


def server_error(_request: HttpRequest) -> HttpResponse:
    """Answer what no view caught: an error of ours by its own status and sentence, anything else by 500 and none."""
    error = sys.exc_info()[1]
    status, sentence = 500, "Something went wrong inside hven. The log of the server says what."
    for kind, number in STATUS:
        if isinstance(error, kind):
            status, sentence = number, str(error)
            break
    response = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain")
    if isinstance(error, errors.Throttled):
        response["Retry-After"] = str(int(error.retry_after_s) + 1)
    return response


def _database() -> str:
    with transaction.atomic():
        # A write: a disk that became read-only still answers questions.
        Duty.objects.update_or_create(name="readyz", defaults={"done": timezone.now()})
        if connection.vendor == "sqlite":
            transaction.set_rollback(True)
    return ""


def _storage() -> str:
    try:
        storage.check_room()
    except errors.Unavailable:
        return "nearly full"
    folder = settings.HVEN_FOLDERS.incoming
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch()
    except OSError:
        return "not writable"
    return ""


def _worker() -> str:
    since = timezone.now() - timedelta(seconds=60)
    if Worker.objects.filter(seen__gte=since).exists():
        return ""
    waiting = Job.objects.filter(state=State.QUEUED).count()
    return f"none was seen for a minute; {waiting} jobs wait"
