"""The reaper: offers again what lost its worker, and does the regular duties of the house."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from hven.jobs import wake
from hven.jobs.models import Duty, Job, State, Worker
from hven.jobs.watch import Watcher

logger = logging.getLogger("hven.jobs")


@dataclass(frozen=True, slots=True)
class Regular:
    """A duty: its name, how often, what; and what says, without a lock, whether there is anything to do."""

    name: str
    every: timedelta
    work: Callable[[], object]
    is_needed: Callable[[], bool] | None = None


def drop_expired() -> None:
    """Remove sessions, session keys and sign-in attempts that are over."""
    from django.contrib.sessions.models import Session  # noqa: PLC0415 - needs the apps

    from hven.accounts.models import AccessKey, Grant, SetupLink, SignInAttempt  # noqa: PLC0415 - the same

    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    short_lived = Q(kind=AccessKey.Kind.SESSION) | Q(kind=AccessKey.Kind.TOKEN)
    AccessKey.objects.filter(short_lived, expires__lt=now).delete()
    Grant.objects.filter(expires__lt=now - timedelta(days=30)).delete()
    SetupLink.objects.filter(expires__lt=now).delete()
    SignInAttempt.objects.filter(at__lt=now - timedelta(days=1)).delete()


def clean_scratch() -> int:
    """Remove scratch folders of attempts that run no more; return how many."""
    running = {
        f"{uuid.hex}-{number}" for uuid, number in Job.objects.filter(state=State.RUNNING).values_list("uuid", "claim")
    }
    removed = 0
    for folder in settings.HVEN_FOLDERS.scratch.glob("*"):
        # The name is made after the row says running; a young folder may belong to a row read too early.
        if folder.is_dir() and folder.name not in running and time.time() - folder.stat().st_mtime > 60.0:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def clean_logs() -> int:
    """Remove logs of jobs that are no longer in the table."""
    removed = 0
    for path in (settings.HVEN_FOLDERS.logs / "jobs").glob("??/*.log"):
        if time.time() - path.stat().st_mtime > 86_400.0 and not Job.objects.filter(uuid=path.stem).exists():
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def forget_workers() -> None:
    """Remove rows of supervisors that were not seen for a day."""
    Worker.objects.filter(seen__lt=timezone.now() - timedelta(days=1)).delete()


def tend_database() -> None:
    """Let SQLite renew its statistics and fold its log back."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


_MORE: dict[str, Regular] = {}


def register(duty: Regular) -> None:
    """Make a duty of a higher room known, which does it by this one's clock."""
    _MORE[duty.name] = duty


def duties() -> tuple[Regular, ...]:
    """Return all regular duties."""
    from hven.storage import services as storage  # noqa: PLC0415 - needs the apps

    return (
        Regular("unwanted-blobs", timedelta(minutes=30), storage.remove_unwanted),
        Regular("new-bytes", timedelta(seconds=4), storage.settle, storage.is_time_to_settle),
        Regular("leftovers", timedelta(hours=1), storage.sweep),
        Regular("expired", timedelta(minutes=30), drop_expired),
        Regular("scratch", timedelta(minutes=10), clean_scratch),
        Regular("logs", timedelta(days=1), clean_logs),
        Regular("workers", timedelta(days=1), forget_workers),
        Regular("database", timedelta(hours=6), tend_database),
        *_MORE.values(),
    )


def do_duty(duty: Regular) -> bool:
    """Do a duty if it is due and no other reaper does it; return whether it was done."""
    if duty.is_needed is not None and not duty.is_needed():
        return False
    now = timezone.now()
    with transaction.atomic():
        row, made = Duty.objects.select_for_update().get_or_create(name=duty.name, defaults={"done": now})
        # A time in the future was written under a clock that has been set back since.
        if not made and row.done <= now < row.done + duty.every:
            return False
        row.done = now
        row.save(update_fields=["done"])
    duty.work()
    return True


@dataclass(slots=True)
class Reaper:
    """Does rounds until it is told to stop."""

    watcher: Watcher = field(default_factory=Watcher)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Do a round every third of a lease."""
        while not self.stopped.is_set():
            self.round()
            self.stopped.wait(min(5.0, settings.HVEN_JOB_LEASE / 3))

    def round(self) -> None:
        """Look after jobs and duties once; an error in one keeps nothing else from being done."""
        try:
            if self.watcher.round():
                wake.send()
        except DatabaseError as error:
            logger.warning("The database did not answer: %s", error)
            connections.close_all()
        for duty in duties():
            try:
                do_duty(duty)
            except Exception:
                logger.exception("The duty %s could not be done", duty.name)
                connections.close_all()
