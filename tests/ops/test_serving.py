"""`hven serve` as a whole: ready, alive after its parts die, gone when it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.conftest import free_port, hven_command, server_environment, wait_until_ready

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def serve(tmp_path):
    """Start `hven serve`; nothing of it is left after the test."""
    running = []

    def launch(wait=True, workers="1", **environment):
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        log = tmp_path / "serve.log"
        port = free_port()
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "hven.cli", "serve", "--port", str(port), "--workers", workers],
                env=server_environment(data, HVEN_STOP_GRACE="3", HVEN_JOB_LEASE="3", **environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                # a test run in the background has Ctrl-C ignored, and hands that on
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads
            )
        process.url, process.data, process.log = f"http://127.0.0.1:{port}", data, log
        running.append(process)
        if wait:
            wait_until_ready(process, process.url, log)
        return process

    yield launch
    for process in running:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 20
    while (left := processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == {}, "processes were left behind"


def processes_of(tmp_path):
    """Process id -> command of all that run on this test's data folder."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if f"HVEN_DATA={tmp_path}/data".encode() in environ and state not in "ZX":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return found


def part(tmp_path, words):
    """Process ids of one part, the oldest first."""
    return sorted(pid for pid, command in processes_of(tmp_path).items() if words in command)


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            pytest.fail("what was waited for did not happen")
        time.sleep(0.05)
    return value


def test_first_start_tells_address_and_set_up_link_and_stops_without_a_trace(serve, tmp_path):
    server = serve()
    log = server.log.read_text()
    assert f"hven answers at {server.url}/" in log
    assert f"{server.url}/setup/" in log
    assert json.loads(get(f"{server.url}/readyz")[1])["ready"] is True
    assert (server.data / "secret-key").stat().st_mode & 0o777 == 0o600
    hven_command(server.data, "user", "add", "boss", "--password-stdin", "--admin", stdin="stella-nova-1572\n")
    server.terminate()
    assert server.wait(100) == 0
    assert processes_of(tmp_path) == {}

    again = serve()  # and the second one offers no set-up
    assert "/setup/" not in again.log.read_text().partition("hven answers")[2].partition("hven answers")[2]
    again.send_signal(signal.SIGINT)
    assert again.wait(100) == 0


def test_parts_that_die_are_started_again(serve, tmp_path):
    server = serve()
    for words in ("hven.jobs supervisor", "hven.jobs reaper", "hven.ops.web"):
        before = part(tmp_path, words)
        os.kill(before[0], signal.SIGKILL)
        until(lambda words=words, before=before: (now := part(tmp_path, words)) and not set(now) & {before[0]})
    until(lambda: reachable(server.url))
    assert server.poll() is None


def reachable(url):
    try:
        return get(f"{url}/readyz")[0] == 200
    except OSError:
        return False


def test_killed_serve_leaves_no_orphan(serve, tmp_path):
    server = serve()
    assert len(processes_of(tmp_path)) >= 5
    server.kill()
    server.wait()
    until(lambda: processes_of(tmp_path) == {}, 30)


def test_taken_port_and_wrong_settings_are_one_sentence(serve, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "serve", "--port", port)
        assert done.returncode == 2
        assert "in use" in done.stderr
    for arguments in (("--port", "0"), ("--port", "70000"), ("--host", "no.such.host.invalid"), ("--workers", "-1")):
        done = run(tmp_path, "serve", *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.count("\n") <= 2
        assert "Traceback" not in done.stderr


def run(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "hven.cli", *arguments],
        env=server_environment(tmp_path / "other", **environment),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_older_version_refuses_data_of_a_newer_one(tmp_path):
    data = tmp_path / "other"
    data.mkdir()
    hven_command(data, "manage", "migrate", "--verbosity", "0")
    import sqlite3

    with sqlite3.connect(data / "hven.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('jobs', '9999_future', '2099-01-01')"
        )
    for command in (("serve", "--port", str(free_port())), ("user", "list")):
        done = run(tmp_path, *command)
        assert done.returncode == 2
        assert "newer version" in done.stderr


def test_commands_on_a_fresh_folder_say_what_to_do(tmp_path):
    done = run(tmp_path, "user", "list")
    assert done.returncode == 2
    assert "hven serve" in done.stderr
    done = run(tmp_path, "user", "list", HVEN_DIALECT_HOSTS="novaa=x.example")
    assert done.returncode == 2
    assert "novaa" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_run_apart_from_the_server(serve, tmp_path):
    server = serve(wait=False, workers="0")
    until(lambda: answers(server.url))
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{server.url}/readyz")
    assert caught.value.code == 503
    worker = subprocess.Popen(
        [sys.executable, "-m", "hven.cli", "worker", "--workers", "1"],
        env=server_environment(server.data, HVEN_STOP_GRACE="3"),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: reachable(server.url))
    finally:
        worker.terminate()
        assert worker.wait(100) == 0
    assert part(tmp_path, "supervisor") == []


def answers(url):
    try:
        return get(f"{url}/healthz")[0] == 200
    except OSError:
        return False


def test_slow_clients_hold_up_nobody(serve):
    """Idle and slow connections, more than there are threads; a whole answer still comes."""
    server = serve(HVEN_WEB_THREADS="8")
    host, port = server.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(100)]
    for connection in slow:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert get(f"{server.url}/healthz")[0] == 200
    for connection in slow:
        connection.close()
