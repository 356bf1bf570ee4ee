"""Bringing the database up to date: one process at a time, with a copy of what was there, never backwards."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from hven.errors import Unavailable

logger = logging.getLogger("hven.ops")
KEPT = 3


def pending() -> list[str]:
    """Return the names of migrations that are not applied yet."""
    executor = MigrationExecutor(connection)
    return [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def from_the_future() -> list[str]:
    """Return the names of migrations that the database has and this version of hven does not know."""
    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return []
    executor = MigrationExecutor(connection)
    ours = {app.label for app in _apps()}
    known = set(executor.loader.disk_migrations or ())
    replaced = {name for migration in (executor.loader.disk_migrations or {}).values() for name in migration.replaces}
    applied = recorder.applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app in ours and (app, name) not in known | replaced)


def check_migrated() -> None:
    """Raise Unavailable, with the way out, unless the database is ready for this version."""
    _refuse_downgrade()
    if pending():
        raise Unavailable("The database is not ready. `hven manage migrate` or the next `hven serve` makes it so.")


def migrate() -> None:
    """Apply what is missing, behind a lock, after a copy of the database was made.

    Raises
    ------
    Unavailable
        A newer version of hven has used this database.
    """
    settings.HVEN_FOLDERS.make()
    with (settings.HVEN_FOLDERS.run / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _refuse_downgrade()
        todo = pending()
        if not todo:
            return
        logger.info("Bringing the database up to date: %s migrations", len(todo))
        back_up("before-migration")
        call_command("migrate", interactive=False, verbosity=0)
        _renew_statistics()


def _renew_statistics() -> None:
    """Let SQLite look at a sample of every table.

    An index without statistics beside others that have some is taken for the best of all: a list of a million then
    takes seconds instead of milliseconds.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA analysis_limit = 1000")
            cursor.execute("ANALYZE")


def back_up(why: str) -> Path | None:
    """Copy the database into the folder of backups and keep the newest three; None if there is nothing to copy."""
    source = Path(str(settings.DATABASES["default"]["NAME"]))
    if connection.vendor != "sqlite" or not source.exists() or source.stat().st_size == 0:
        return None
    folder: Path = settings.HVEN_FOLDERS.backups
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{why}.sqlite3"
    draft = target.with_suffix(".part")
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(draft)) as new:
        old.backup(new)
    draft.chmod(0o600)
    draft.rename(target)
    for surplus in sorted(folder.glob(f"*-{why}.sqlite3"))[:-KEPT]:
        surplus.unlink()
    return target


def _refuse_downgrade() -> None:
    if newer := from_the_future():
        raise Unavailable(
            f"A newer version of hven has used this data ({newer[-1]}). Install that version again, or start from the"
            f" copy in {settings.HVEN_FOLDERS.backups} that it made before it changed the database."
        )


def _apps() -> list[AppConfig]:
    return [app for app in apps.get_app_configs() if app.name.startswith("hven.")]
