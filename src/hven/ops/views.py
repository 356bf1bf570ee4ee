"""Is the server up, and is it ready."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hven.errors import Unavailable
from hven.jobs.models import Duty, Job, State, Worker
from hven.ops.database import pending
from hven.storage import services as storage


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
    except Unavailable:
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
