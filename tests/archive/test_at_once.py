"""Several clients at the same time, and a worker that dies: against real servers and real processes."""

from __future__ import annotations

import bz2
import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from astropy.io import fits

from tests.conftest import free_port, hven_command, server_environment
from tests.dialects.arcsecond.conftest import frame

pytestmark = pytest.mark.timeout(240)
CLIENTS = 6


class Remote:
    """A client of the Arcsecond dialect over a real connection."""

    def __init__(self, url: str, key: str) -> None:
        self.base = f"{url}/arcsecond/"
        self.http = urllib3.PoolManager(headers={"X-Arcsecond-API-Authorization": f"Key {key}"}, retries=False)

    def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        answer = self.http.request(method, self.base + path, timeout=60, **options)
        return answer.status, json.loads(answer.data) if answer.data else None

    def post(self, path: str, body: dict[str, Any]) -> Any:
        status, found = self.ask("POST", path, json=body)
        assert status == 201, found
        return found

    def upload(self, dataset: str, name: str, content: bytes) -> tuple[int, Any]:
        return self.ask("POST", "datafiles/", fields={"dataset": dataset, "is_raw": "True", "file": (name, content)})

    def bytes_of(self, identity: int) -> bytes:
        answer = self.http.request("GET", f"{self.base}datafiles/{identity}/file/", timeout=60)
        return bytes(answer.data)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Do all of this in threads that begin together; return what each gave."""
    barrier, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait()
        found[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def rows(data: Path, query: str, *values: Any) -> list[Any]:
    """What a server's database holds."""
    (database,) = list(data.glob("*.sqlite3"))
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def test_the_same_file_of_many_clients_at_once_is_filed_once(live_server_with_workers: Any) -> None:
    live = live_server_with_workers
    clients = [Remote(live.url, live.api_key) for _ in range(CLIENTS)]
    dataset = clients[0].post("datasets/", {"name": "the same at once"})["uuid"]
    content = frame(4711, OBJECT="the same at once")
    answers = at_once([lambda one=one: one.upload(dataset, "a.fits", content) for one in clients])  # type: ignore[misc]
    assert sorted(status for status, _ in answers) == [201] + [400] * (CLIENTS - 1), answers
    assert all("already exists in dataset" in body["detail"] for status, body in answers if status == 400)
    (filed,) = clients[0].ask("GET", f"datafiles/?dataset={dataset}")[1]
    assert clients[0].bytes_of(filed["id"]) == content
    sha256 = filed["sha256"]
    assert rows(live.data, "select count(*) from storage_blob where sha256 = ?", sha256) == [(1,)]
    held = "select count(*) from archive_datafile f join storage_blob b on b.id = f.blob_id where b.sha256 = ?"
    assert rows(live.data, held, sha256) == [(1,)]
    new = "select count(*) from storage_newbytes n join storage_blob b on b.id = n.blob_id where b.sha256 = ?"
    stored = [path for path in (live.data / "blobs").rglob(f"*{sha256[4:]}*") if path.is_file()]
    assert len(stored) <= 1 and len(stored) + rows(live.data, new, sha256)[0][0] >= 1


def test_one_name_with_other_bytes_at_once_loses_none(live_server_with_workers: Any) -> None:
    live = live_server_with_workers
    clients = [Remote(live.url, live.api_key) for _ in range(CLIENTS)]
    dataset = clients[0].post("datasets/", {"name": "others at once"})["uuid"]
    contents = [frame(seed, OBJECT=f"n{seed}") for seed in range(100, 100 + CLIENTS)]
    calls = [
        lambda one=one, content=content: one.upload(dataset, "a.fits", content)  # type: ignore[misc]
        for one, content in zip(clients, contents, strict=True)
    ]
    answers = at_once(calls)
    assert {status for status, _ in answers} == {201}, answers
    names = sorted(body["name"] for _, body in answers)
    assert names == sorted(["a.fits", *(f"a ({number}).fits" for number in range(2, CLIENTS + 1))])
    for (_, body), content in zip(answers, contents, strict=True):
        assert clients[0].bytes_of(body["id"]) == content


def test_a_dataset_deleted_among_uploads_loses_no_file_that_was_accepted(live_server_with_workers: Any) -> None:
    live = live_server_with_workers
    clients = [Remote(live.url, live.api_key) for _ in range(CLIENTS)]
    for turn in range(3):
        dataset = clients[0].post("datasets/", {"name": f"deleted among uploads {turn}"})["uuid"]
        calls: list[Callable[[], Any]] = [
            lambda one=one, n=n: one.upload(dataset, f"{n}.fits", frame(n))  # type: ignore[misc] # noqa: B023
            for n, one in enumerate(clients[1:])
        ]
        calls.append(lambda: clients[0].ask("DELETE", f"datasets/{dataset}/"))  # noqa: B023 - done within the turn
        answers = at_once(calls)
        taken = [body["id"] for status, body in answers[:-1] if status == 201]
        assert {status for status, _ in answers[:-1]} <= {201, 404}, answers
        assert answers[-1][0] == (400 if taken else 204), answers
        for identity in taken:
            assert clients[0].ask("GET", f"datafiles/{identity}/")[0] == 200


# --- a worker that dies ---------------------------------------------------------------------------------------------


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[tuple[Remote, Path, dict[str, str]]]:
    """A server without workers: a client, its data folder and the environment of its processes."""
    data = tmp_path / "data"
    data.mkdir()
    env = server_environment(data, HVEN_JOB_LEASE="2", HVEN_STOP_GRACE="2", HVEN_MIN_FREE_DISK="0")
    url, log_path = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "serve.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hven.cli", "serve", "--port", str(port), "--workers", "0"],
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: answers(url), 120)  # /readyz would wait for workers
        hven_command(data, "user", "add", "tycho", "--password-stdin", stdin="uraniborg-1576\n")
        key = hven_command(data, "key", "new", "tycho", "--kind", "api").strip().splitlines()[-1]
        yield Remote(url, key), data, env
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    """Whether a server answers."""
    try:
        return urllib3.request("GET", f"{url}/healthz", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def working(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a session of its own, so that all of it can be killed at once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hven.cli", "worker", "--workers", "1"],
        env=env, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def test_a_file_whose_reader_was_killed_is_filed_by_the_next(lonely: tuple[Remote, Path, dict[str, str]]) -> None:
    client, data, env = lonely
    site = client.post("observingsites/", {"name": "Hven", "coordinates": {"longitude": 12.7, "latitude": 55.9}})
    telescope = client.post("telescopes/", {"name": "Quadrant", "observing_site": site["uuid"]})["uuid"]
    dataset = client.post("datasets/", {"name": "d", "telescope": telescope})["uuid"]
    content = slow_to_read()
    status, made = client.upload(dataset, "a.fits.bz2", content)
    assert status == 201 and made["parsed"] is False
    path, state = f"datafiles/{made['id']}/", "select state from jobs_job where kind = 'archive.read'"
    with working(env) as first:
        until(lambda: rows(data, state) == [("running",)])
        for pid in [first.pid, *family(first.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.wait(30)
    assert client.ask("GET", path)[1]["parsed"] is False
    assert rows(data, state) == [("running",)]  # nobody knows yet that its worker is gone
    with working(env):
        until(lambda: rows(data, state) == [("done",)])
    found = client.ask("GET", path)[1]
    assert found["date"] == "2026-03-01T20:00:00Z" and found["observation"] and found["parsed"]
    assert rows(data, "select attempts from jobs_job where kind = 'archive.read'") == [(2,)]
    assert len(client.ask("GET", "observations/")[1]) == 1
    assert client.bytes_of(made["id"]) == content


def slow_to_read() -> bytes:
    """A frame in bzip2 of noise: its header is known after a second or two."""
    header = fits.Header({"DATE-OBS": "2026-03-01T20:00:00", "OBJECT": "M31"})
    content = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 60_000, (3000, 4000)).astype(np.uint16)
    fits.PrimaryHDU(noise, header).writeto(content)
    return bz2.compress(content.getvalue(), 9)


def family(pid: int) -> list[int]:
    """The ids of a process's children, and of theirs."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    near = [int(each) for each in path.read_text().split()] if path.exists() else []
    return [*near, *(far for each in near for far in family(each))]
