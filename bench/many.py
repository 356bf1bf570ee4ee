"""A million submissions with all that belongs to them: how long a status by id and a page of the list take.

python bench/many.py [--rows 1000000] [--requests 300] [--keep FOLDER]

One frame is filed and solved by the real services; its rows, in every table that they touch, are then copied by SQL
with numbers, ids and owners of their own. Half of the frames belong to one user. Asked over HTTP, on SQLite.
"""

from __future__ import annotations

import argparse
import http.client
import http.cookiejar
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

GOALS_MS = {"status": 5.0, "list": 50.0}
USERS = 1000
PASSWORD = "a long password"  # noqa: S105 - of a server that lives for minutes
APPS = ("archive", "imaging", "jobs", "storage")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="a data folder to fill, or to use again, and to leave")
    arguments = parser.parse_args()
    data = arguments.keep or Path(tempfile.mkdtemp(prefix="hven-many-"))
    try:
        if not (data / "filled").exists():
            program = [sys.executable, __file__, "--fill", str(data), str(arguments.rows)]
            subprocess.run(program, env=os.environ | {"HVEN_DATA": str(data)}, check=True)
        figures = measure(data, arguments.rows, arguments.requests)
    finally:
        if arguments.keep is None:
            shutil.rmtree(data, ignore_errors=True)
    figures["goals_ms"] = GOALS_MS
    print(json.dumps(figures, indent=1))
    missed = [name for name, goal in GOALS_MS.items() if figures["ms"][name]["p50"] > goal]
    return int(bool(missed))


# --- filling ----------------------------------------------------------------------------------------------------


def fill(data: Path, rows: int) -> None:
    """Make the table."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "hven.config.settings"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    import django

    django.setup()
    from django.apps import apps
    from django.conf import settings
    from django.db import connections

    from hven.accounts import services as accounts
    from hven.accounts.models import User
    from hven.ops.database import migrate

    settings.HVEN_FOLDERS.make()
    migrate()
    owner = accounts.create_user("heavy", PASSWORD)
    User.objects.bulk_create(User(username=f"user{n}", password="!") for n in range(1, USERS))  # noqa: S106 - none
    before = {model: set(model.objects.values_list("pk", flat=True)) for model in _models(apps)}
    _one_frame(owner)
    templates = {
        model: list(model.objects.exclude(pk__in=before[model]).order_by("pk").values_list("pk", flat=True))
        for model in before
    }
    cloned = {model: pks for model, pks in templates.items() if pks}
    connections.close_all()
    database = sqlite3.connect(settings.HVEN_FOLDERS.database, timeout=60)
    database.executescript(
        "pragma synchronous=off; pragma journal_mode=off; pragma cache_size=-1500000; pragma foreign_keys=off"
    )
    users = database.execute("select min(id), max(id) from accounts_user where id <> ?", (owner.pk,)).fetchone()
    database.execute("create temp table n (n integer primary key)")
    database.execute(
        "insert into n with recursive c(n) as (select 2 union all select n + 1 from c where n < ?) select n from c",
        (rows,),
    )
    for model, pks in cloned.items():
        began = time.monotonic()
        for place in range(len(pks)):
            _clone(database, model, place, Plan(cloned, owner.pk, users))
        database.commit()
        print(f"{model._meta.db_table}: {rows * len(pks)} rows, {time.monotonic() - began:.0f} s", file=sys.stderr)  # noqa: SLF001 - Django's documented name
    database.close()
    (data / "filled").write_text(str(rows))


def _models(apps: Any) -> list[Any]:
    found = [model for name in APPS for model in apps.get_app_config(name).get_models() if model._meta.managed]  # noqa: SLF001
    skipped = {"Dataset", "Turn", "Worker", "Duty"}
    return [model for model in found if model.__name__ not in skipped]


def _one_frame(owner: Any) -> None:
    """File one frame and end its run as a worker would, without solving it."""
    from astropy.io import fits
    from django.utils import timezone

    from hven.accounts.actor import Actor
    from hven.imaging import services as imaging
    from hven.imaging.models import ReductionFile, RunState, Solution
    from hven.imaging.services.runs import Request
    from hven.jobs.models import Job, State
    from hven.storage import services as storage

    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((64, 96), np.uint16)).writeto(buffer)
    submission = imaging.submit_file(
        Actor.of(owner), storage.put(buffer.getvalue()), Request(origin="nova", name="a.fits")
    )
    run = submission.reductions.get().runs.get()
    now = timezone.now()
    Job.objects.filter(pk=run.job_id).update(state=State.DONE, started=now, finished=now)
    run.outcome, run.started, run.finished = RunState.DONE, now, now
    run.save()
    type(submission).objects.filter(pk=submission.pk).update(started=now, finished=now)
    Solution.objects.create(
        run=run, ra=84.0, dec=-1.5, scale_arcsec=18.0, orientation_deg=20.0, parity=-1, width=96, height=64,
        radius_deg=0.29, stars_matched=33, rms_arcsec=1.2, log_odds=200.0, rung="header", seconds=0.2, catalogue="Gaia",
        wcs_cards={},
    )  # fmt: skip
    blob = storage.put(b"\xff\xd8thumbnail")
    ReductionFile.objects.create(
        reduction=run.reduction, run=run, path="thumbnail.jpg", blob=blob, media_type="image/jpeg"
    )


@dataclass(frozen=True)
class Plan:
    """What is copied, and whom it belongs to."""

    cloned: dict[Any, list[int]]  # of each model the rows of the one frame
    owner: int
    others: tuple[int, int]  # first and last


def _clone(database: sqlite3.Connection, model: Any, place: int, plan: Plan) -> None:
    """Copy one row for each number of table n, with what must differ made different."""
    meta = model._meta  # noqa: SLF001 - Django's documented name
    columns = ", ".join(f'"{field.column}"' for field in meta.concrete_fields)
    values = ", ".join(_value(field, model, place, plan) for field in meta.concrete_fields)
    database.execute(
        f'insert into "{meta.db_table}" ({columns}) select {values} from n, "{meta.db_table}" t '  # noqa: S608 - our own names
        f"where t.{meta.pk.column} = {plan.cloned[model][place]}"
    )


def _value(field: Any, model: Any, place: int, plan: Plan) -> str:
    """Return the SQL for one column of a copy."""
    same = f't."{field.column}"'
    related = field.related_model if field.is_relation else None
    rows = plan.cloned.get(related if related is not None else model, [])
    if related is not None and len(rows) == 1:
        return f"case when {same} is null then null else {rows[0]} + n.n - 1 end"
    if field.primary_key:
        return f"{rows[-1]} + (n.n - 2) * {len(rows)} + {place} + 1"
    first, last = plan.others
    made = {
        # every second frame is the heavy user's
        "owner": f"case when n.n % 2 = 0 then {plan.owner} else {first} + n.n % {last - first + 1} end",
        "uuid": "lower(hex(randomblob(16)))",
        "sha256": "lower(hex(randomblob(32)))",
        "sha1": "lower(hex(randomblob(20)))",
        "name": "'frame-' || n.n || '.fits'",
        "ra": "abs(random() % 360000) / 1000.0",
        "dec": "(random() % 90000) / 1000.0",
    }
    made["created_by"] = made["owner"]
    return made.get(field.name, same)


# --- measuring --------------------------------------------------------------------------------------------------


def measure(data: Path, rows: int, requests: int) -> dict[str, Any]:
    """Ask a server on that table; return milliseconds."""
    from serving import serving

    numbers = random.Random(1)  # noqa: S311 - a fixed choice of rows
    with serving(data, workers=0, data=data) as server:
        port = int(server.url.rsplit(":", 1)[1])
        cookie = _signed_in(server.url)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        last = rows // 2 // 24

        def ask(
            path: Callable[[], str], count: int = requests, headers: dict[str, str] | None = None
        ) -> dict[str, float]:
            took = []
            warm = min(count, 5)
            for number in range(count + warm):
                began = time.perf_counter()
                connection.request("GET", path(), headers=headers or {})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise SystemExit(f"{answer.status}: {body[:300]!r}")
                if number >= warm:
                    took.append(1000 * (time.perf_counter() - began))
            p50, p95 = np.percentile(took, [50, 95])
            return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}

        web = {"Cookie": cookie}
        few = max(requests // 10, 5)
        figures = {
            "status": ask(lambda: f"/nova/api/submissions/{numbers.randint(1, rows)}"),
            "job": ask(lambda: f"/nova/api/jobs/{numbers.randint(1, rows)}"),
            "list": ask(lambda: "/frames/", requests // 3, web),
            "list, table": ask(lambda: "/frames/?look=table", requests // 3, web),
            "list, page 1000": ask(lambda: "/frames/?page=1000", few, web),
            "list, last page": ask(lambda: f"/frames/?page={last}", few, web),
            "list, all that I may see": ask(lambda: "/frames/?whose=all", few, web),
            "list, solved": ask(lambda: "/frames/?state=solved", few, web),
            "list, a name": ask(lambda: f"/frames/?q=frame-{numbers.randint(1, rows)}", few, web),
            "queue": ask(lambda: "/queue/", 3, web),
        }
        size = (data / "hven.sqlite3").stat().st_size
    return {"rows": rows, "database_gb": round(size / 1e9, 2), "requests": requests, "ms": figures}


def _signed_in(url: str) -> str:
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(f"{url}/sign-in/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if token is None:
        raise SystemExit("the sign-in page has no token")
    form = {"csrfmiddlewaretoken": token[1], "username": "heavy", "password": PASSWORD, "next": "/queue/"}
    opener.open(urllib.request.Request(f"{url}/sign-in/", urllib.parse.urlencode(form).encode(), {"Referer": url}))
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]))
        sys.exit(0)
    sys.exit(main())
