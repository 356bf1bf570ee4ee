"""Real worker processes on the tests' database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from faultapp.look import children, signal_quietly  # noqa: E402 - worker processes find that package in the same way


@pytest.fixture
def products(transactional_db):
    """Names that were published, with repetitions."""
    import faultapp.jobs  # noqa: F401 - registers the kinds here too
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS fault_product (name TEXT, claim INTEGER)")
        cursor.execute("DELETE FROM fault_product")

    def names():
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM fault_product ORDER BY rowid")
            return [row[0] for row in cursor.fetchall()]

    yield names
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE fault_product")


@pytest.fixture
def trace(settings):
    """What the jobs wrote down, as lists of words."""
    path = settings.HVEN_DATA / "trace"
    path.unlink(missing_ok=True)

    def words():
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    return words


@pytest.fixture
def until():
    """Wait for a condition; fail when it does not come true in generous time."""

    def wait(condition, seconds=30.0):
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end:
                pytest.fail("what was waited for did not happen")
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture
def start(products, settings, until):
    """Start parts of the engine as processes; all are gone after the test."""
    from django.db import connection

    running = []

    def launch(slots=1, part="supervisor", lease=1.0, ready=True, **environment):
        settings.HVEN_JOB_LEASE = lease
        env = {
            **os.environ,
            "HVEN_JOB_LEASE": str(lease),
            "HVEN_STOP_GRACE": "10",
            "HVEN_MIN_FREE_DISK": "0",
            "HVEN_WORKER_NICE": "0",
            "DJANGO_SETTINGS_MODULE": "faultapp.settings",
            "FAULT_DATABASE": str(connection.settings_dict["NAME"]),
            "PYTHONPATH": str(HERE),
            **environment,
        }
        command = [sys.executable, "-m", "hven.jobs", part, "--slots", str(slots)]
        process = subprocess.Popen(command, env=env, start_new_session=True)
        running.append(process)
        if ready and part == "supervisor":
            until(lambda: len(children(process.pid)) == slots)
        return process

    yield launch
    for process in running:
        for child in children(process.pid):
            signal_quietly(child, signal.SIGCONT)
        signal_quietly(process.pid, signal.SIGCONT)
        process.terminate()
    for process in running:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
