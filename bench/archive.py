"""Large datasets and many small files: how long lists and searches take, and how quickly files are taken in.

python bench/archive.py [--rows 100000] [--requests 60] [--files 10000] [--keep FOLDER] [--only searches|uploads]

Searches: a dataset of many files with 40 searchable header cards each, beside the files of another user, is filled by
SQL and asked over HTTP, on SQLite. Uploads: one client sends small files (a header of 40 cards, 16 x 16 pixels), one
after the other over one connection, to hven and to a bare Django view that writes and flushes them, on the same server
software; then once more while workers read what came.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from serving import Server, serving
from upload import stock

GOALS = {"search_ms": 100.0, "upload_ratio": 0.5, "read_ratio": 1.0}
TARGETS, FILTERS = 200, ("B", "V", "R", "I", "Ha")
FIRST = datetime(2020, 1, 1, 20, tzinfo=UTC)
PAGE = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--only", choices=("searches", "uploads"))
    parser.add_argument("--keep", type=Path, help="a data folder to fill, or to use again, and to leave")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    missed = False
    if arguments.only != "uploads":
        figures["searches"] = searches(arguments)
        missed |= any(each["p50"] > GOALS["search_ms"] for each in figures["searches"]["ms"].values())
    if arguments.only != "searches":
        figures["uploads"] = uploads(arguments.files)
        missed |= figures["uploads"]["ratio"] < GOALS["upload_ratio"]
        missed |= figures["uploads"]["with workers"]["read_per_s"] < figures["uploads"]["with workers"]["files_per_s"]
    print(json.dumps(figures | {"goals": GOALS}, indent=1))
    return int(missed)


def cards(number: int) -> list[list[Any]]:
    """Return the cards of a frame's header as a data file keeps them, 40 of them searchable."""
    chance = random.Random(number)  # noqa: S311 - it makes headers
    target = number // 50 % TARGETS
    said = {
        "OBJECT": f"NGC {1000 + 31 * target}", "FILTER": FILTERS[number % 5], "EXPTIME": float(30 * (1 + number % 10)),
        "DATE-OBS": (FIRST + timedelta(minutes=20 * number)).isoformat()[:-6], "IMAGETYP": "Light Frame",
        "TELESCOP": "RC 40 cm f/8", "INSTRUME": "ZWO ASI2600MM Pro", "OBSERVER": "Käthe Müller", "SITELAT": 47.2,
        "SITELONG": 11.3, "SITEELEV": 1120.0, "RA": 360.0 * target / TARGETS + chance.uniform(-0.05, 0.05),
        "DEC": -60.0 + 120.0 * (target * 37 % TARGETS) / TARGETS + chance.uniform(-0.05, 0.05), "GAIN": 100,
        "OFFSET": 50, "CCD-TEMP": round(-10 + chance.uniform(-0.2, 0.2), 2), "SET-TEMP": -10.0, "XBINNING": 1,
        "YBINNING": 1, "XPIXSZ": 3.76, "YPIXSZ": 3.76, "FOCALLEN": 3200.0, "APTDIA": 400.0, "EGAIN": 0.77,
        "AIRMASS": round(chance.uniform(1, 2), 4), "FOCPOS": chance.randint(9000, 9400), "PIERSIDE": "WEST",
        "SWCREATE": "Capture 5.2 (x64)", "ROTATANG": 12.5, "AMBTEMP": round(chance.uniform(-5, 15), 1), "DEWPOINT": 1.0,
        "HUMIDITY": round(chance.uniform(30, 80), 1), "PRESSURE": 890.0, "WINDSPD": round(chance.uniform(0, 9), 1),
        "MPSAS": round(chance.uniform(19, 22), 2), "CLOUDCVR": 0.0, "FWHM": round(chance.uniform(1.5, 4), 2),
        "READOUTM": "High Gain Mode", "BAYERPAT": "NONE", "SEQ": number,
    }  # fmt: skip
    if number % 9973 == 0:
        said["COMMENT1"] = "meteor"
    return [[key, value, ""] for key, value in said.items()]


# --- searches ---------------------------------------------------------------------------------------------------


def searches(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return milliseconds of answers, and of the service alone."""
    data = arguments.keep or Path(tempfile.mkdtemp(prefix="hven-archive-"))
    try:
        if not (data / "filled").exists():
            again(data, "--fill", str(arguments.rows))
        found = ask_all(data, arguments.rows, arguments.requests)
        found["service_ms"] = json.loads(again(data, "--ask", str(arguments.requests)))
    finally:
        if arguments.keep is None:
            shutil.rmtree(data, ignore_errors=True)
    return found


def again(data: Path, *words: str) -> str:
    """Run a part of this program that needs Django on a data folder; return what it prints."""
    program = [sys.executable, __file__, words[0], str(data), *words[1:]]
    env = os.environ | {"HVEN_DATA": str(data), "DJANGO_SETTINGS_MODULE": "hven.config.settings"}
    return subprocess.run(program, env=env, check=True, stdout=subprocess.PIPE).stdout.decode()


def fill(data: Path, rows: int) -> None:
    """Make a dataset of so many files, and another user's of a fifth of that."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections

    from hven.accounts import services as accounts
    from hven.archive.models import Dataset
    from hven.ops.database import migrate
    from hven.storage import services as storage

    settings.HVEN_FOLDERS.make()
    migrate()
    blob = storage.put(b"a frame")
    for name, count in (("bench", rows), ("other", rows // 5)):
        owner = accounts.create_user(name, "a long password")
        dataset = Dataset.objects.create(owner=owner, name=f"of {name}")
        _fill_dataset(dataset, blob, count)
    connections.close_all()
    with sqlite3.connect(settings.HVEN_FOLDERS.database) as database:
        database.execute("PRAGMA optimize")
    (data / "filled").write_text(str(rows))


def _fill_dataset(dataset: Any, blob: Any, rows: int) -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    from hven.archive.models import DataFile
    from hven.archive.services import text_index
    from hven.archive.services.places import place_columns

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=off")
        cursor.execute("PRAGMA cache_size=-400000")
    for first in range(0, rows, 5000):
        files = []
        for number in range(first, min(first + 5000, rows)):
            said = cards(number)
            words = {key: value for key, value, _ in said}
            file = DataFile(
                owner=dataset.owner, dataset=dataset, blob=blob, size=blob.size, cards=said, format="fits", width=16,
                height=16, name=f"{words['OBJECT'].replace(' ', '')}_{words['FILTER']}_{number:06d}.fits",
                read_at=timezone.now(), middle=FIRST + timedelta(minutes=20 * number), exposure_s=words["EXPTIME"],
                filter=words["FILTER"], object_name=words["OBJECT"], camera=words["INSTRUME"], image_type="Light Frame",
                ra=words["RA"], dec=words["DEC"], unfiled="Its dataset has no telescope.",
                **place_columns(words["RA"], words["DEC"], 0.4),
            )  # fmt: skip
            files.append(file)
        with transaction.atomic():
            DataFile.objects.bulk_create(files)
            text_index.write((file.pk, text_index.file_words(file, ())) for file in files)


def questions(rows: int) -> dict[str, dict[str, Any]]:
    """Return what is asked, as the address of the dialect says it."""
    chance = random.Random(1)  # noqa: S311 - a fixed choice
    one = cards(chance.randrange(rows))
    words = {key: value for key, value, _ in one}
    return {
        "list": {},
        "list, page 150": {"page": 150},
        "header, rare": {"header.SEQ": words["SEQ"]},
        "header, a fifth of all": {"header.FILTER": "r"},
        "header, all": {"header.TELESCOP": "rc 40 cm f/8"},
        "header, two": {"header.FILTER": "R", "header.EXPTIME": "90"},
        "cone, 1 degree": {"ra": words["RA"], "dec": words["DEC"], "radius": 1.0},
        "cone, 30 degrees": {"ra": words["RA"], "dec": words["DEC"], "radius": 30.0},
        "words, rare": {"search": "meteor"},
        "words, of all": {"search": "fits"},
        "words, the beginning of all": {"search": "zw mull"},
        "words, object and filter": {"search": words["OBJECT"].replace(" ", "") + " r"},
        "filter": {"filter": "R"},
        "object and day": {"target_name": words["OBJECT"], "date_after": "2021-01-01"},
        "no such name": {"name": "none.fits"},
        "nothing but words and header": {"search": "fits", "header.FILTER": "r", "header.EXPTIME": "90"},
    }


def ask_all(data: Path, rows: int, requests: int) -> dict[str, Any]:
    """Ask a server for pages of files; return milliseconds."""
    with serving(data, workers=0, data=data) as server:
        client = Client(server)
        [dataset] = client.get("/arcsecond/datasets/?" + urllib.parse.urlencode({"name": "of bench"}))
        figures = {}
        for name, words in questions(rows).items():
            said = {"dataset": dataset["uuid"], "page": 1, "page_size": PAGE} | words
            address = "/arcsecond/datafiles/?" + urllib.parse.urlencode(said)
            took, answer = timed(lambda address=address: client.get(address), requests)
            figures[name] = took | {"found": answer["count"]}
        size = (data / "hven.sqlite3").stat().st_size
    return {"rows": rows, "database_gb": round(size / 1e9, 2), "requests": requests, "ms": figures}


def ask_service(requests: int) -> None:
    """Print milliseconds of the service, for a page and its count."""
    import django

    django.setup()
    from hven.accounts.actor import Actor
    from hven.accounts.models import User
    from hven.archive.models import Dataset
    from hven.archive.services.search import FilesWanted, count_up_to, search_files
    from hven.science.sky.discs import Cone

    dataset = Dataset.objects.get(name="of bench")
    figures = {}
    asked: dict[str, dict[str, Any]] = {
        "all": {}, "by name": {"order": "name"}, "by time": {"order": "taken"}, "text, all": {"text": "fits"},
        "text, rare": {"text": "meteor"}, "header, all": {"header": (("TELESCOP", "RC 40 cm f/8"),)},
        "cone": {"cone": Cone(10.0, 0.0, 30.0)}, "unfiled": {"kind": "unfiled"}, "lights": {"kind": "lights"},
    }  # fmt: skip
    for who in ("bench", "other"):
        actor = Actor.of(User.objects.get(username=who))
        for name, words in asked.items():
            rows = search_files(actor, FilesWanted(dataset=dataset, **words))
            took, _ = timed(lambda rows=rows: (list(rows[:PAGE]), count_up_to(rows)), max(requests // 4, 3))
            figures[name if who == "bench" else f"{name}, for a stranger"] = took
    print(json.dumps(figures))


def timed(ask: Callable[[], Any], requests: int) -> tuple[dict[str, float], Any]:
    took = []
    for number in range(requests + 3):
        began = time.perf_counter()
        answer = ask()
        if number >= 3:  # the first ones warm up
            took.append(1000 * (time.perf_counter() - began))
    p50, p95 = np.percentile(took, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}, answer


# --- uploads ----------------------------------------------------------------------------------------------------


def uploads(files: int) -> dict[str, Any]:
    """Return rates and times of answers: the stock view, hven alone, hven with two workers."""
    solver = Path(tempfile.mkdtemp(prefix="hven-solver-"))
    bodies = [small(number) for number in range(files)]
    with stock() as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        bare = send_all(bodies, lambda name, body: post(connection, "/flushed", {}, name, body, headers={}))
    found: dict[str, Any] = {"files": files, "bytes": len(bodies[0]), "stock": bare}
    for name, workers in (("without workers", 0), ("with workers", 2)):
        with serving(solver, workers=workers) as server:
            client = Client(server)
            dataset = client.new_dataset("small ones")
            while workers and waiting(server):  # a new server prepares the solver's tables first
                time.sleep(0.2)
            began = time.perf_counter()
            found[name] = send_all(bodies, lambda name, body: client.upload(dataset, name, body))  # noqa: B023 - used at once
            if workers:
                backlog = waiting(server)
                while waiting(server):
                    time.sleep(0.05)
                whole = time.perf_counter() - began
                found[name] |= {"backlog": backlog, "read_per_s": round(files / whole, 1)}
    shutil.rmtree(solver, ignore_errors=True)
    found["ratio"] = round(found["without workers"]["files_per_s"] / bare["files_per_s"], 2)
    found["ratio, with workers"] = round(found["with workers"]["files_per_s"] / bare["files_per_s"], 2)
    return found


def small(number: int) -> bytes:
    """Return a small FITS file, like no other."""
    head = [("SIMPLE", True), ("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", 16), ("NAXIS2", 16)]
    said = [*head, *((key, value) for key, value, _ in cards(number))]
    text = "".join(_card(key, value) for key, value in said) + "END".ljust(80)
    pixels = np.random.default_rng(number).integers(0, 1000, (16, 16)).astype(">i2").tobytes()
    return text.ljust(-(-len(text) // 2880) * 2880).encode("ascii", "replace") + pixels.ljust(2880, b"\0")


def _card(key: str, value: Any) -> str:
    if isinstance(value, str):
        return f"{key:8}= '{value:8}'".ljust(80)
    shown = ("T" if value else "F") if isinstance(value, bool) else repr(value)
    return f"{key:8}= {shown:>20}".ljust(80)


def send_all(bodies: list[bytes], send: Callable[[str, bytes], None]) -> dict[str, float]:
    """Send files one after the other; return the rate, and milliseconds of answers."""
    took = []
    os.sync()
    began = time.perf_counter()
    for number, body in enumerate(bodies):
        before = time.perf_counter()
        send(f"frame_{number:06d}.fits", body)
        took.append(1000 * (time.perf_counter() - before))
    whole = time.perf_counter() - began
    p50, p95 = np.percentile(took, [50, 95])
    last = took[-len(took) // 10 :]
    return {
        "files_per_s": round(len(bodies) / whole, 1), "p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2),
        "p50_ms_of_the_last_tenth": round(float(np.median(last)), 2), "longest_ms": round(max(took), 1),
    }  # fmt: skip


def waiting(server: Server) -> int:
    """Return how many jobs wait or run."""
    with sqlite3.connect(server.data / "hven.sqlite3", timeout=60) as database:
        [[count]] = database.execute("SELECT count(*) FROM jobs_job WHERE state IN ('queued', 'running')")
    return int(count)


class Client:
    """Speaks Arcsecond's API over one connection."""

    def __init__(self, server: Server) -> None:
        self.headers = {"X-Arcsecond-API-Authorization": f"Key {server.key}"}
        self.connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=300)

    def get(self, address: str) -> Any:
        """Return what the API answers."""
        self.connection.request("GET", address, headers=self.headers)
        return self._answer(200)

    def new_dataset(self, name: str) -> str:
        """Make a dataset; return its uuid."""
        words = json.dumps({"name": name})
        self.connection.request(
            "POST", "/arcsecond/datasets/", words, self.headers | {"Content-Type": "application/json"}
        )
        return str(self._answer(201)["uuid"])

    def upload(self, dataset: str, name: str, body: bytes) -> None:
        """Upload a file."""
        post(self.connection, "/arcsecond/datafiles/", {"dataset": dataset}, name, body, headers=self.headers)

    def _answer(self, status: int) -> Any:
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != status:
            raise SystemExit(f"{answer.status}: {body[:300]!r}")
        return json.loads(body)


def post(
    connection: http.client.HTTPConnection,
    path: str,
    words: dict[str, str],
    name: str,
    body: bytes,
    *,
    headers: dict[str, str],
) -> None:
    """Send a form with a file, as one piece."""
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in words.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    whole = b"".join(
        [*parts, head.encode(), b"Content-Type: application/fits\r\n\r\n", body, f"\r\n--{mark}--\r\n".encode()]
    )
    connection.request("POST", path, whole, headers | {"Content-Type": f"multipart/form-data; boundary={mark}"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status not in {200, 201}:
        raise SystemExit(f"upload refused: {answer.status} {said[:200]!r}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]))
        sys.exit(0)
    if sys.argv[1:2] == ["--ask"]:
        ask_service(int(sys.argv[3]))
        sys.exit(0)
    sys.exit(main())
