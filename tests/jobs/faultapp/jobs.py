"""Kinds of job that misbehave, each in one way. What they did stands in the table fault_product and in a trace file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from hven.errors import Final, Invalid, Retriable
from hven.jobs.kinds import job_kind

ENDED: list[tuple[int, str]] = []


def trace(*words) -> None:
    with (Path(settings.HVEN_DATA) / "trace").open("a") as stream:
        stream.write(" ".join(map(str, words)) + "\n")


def publish(context, name: str) -> None:
    with context.publishing() as publication:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO fault_product (name, claim) VALUES (%s, %s)", [name, context.claim.number])
        publication.result = {"name": name}


@job_kind("fault.work")
def work(context, *, name: str, seconds: float = 0.0) -> None:
    trace("begin", name, os.getpid(), os.getppid())
    time.sleep(seconds)
    publish(context, name)


@job_kind("fault.stubborn")
def stubborn(context, *, name: str, seconds: float) -> None:
    """Sit in C code with the interpreter locked."""
    trace("begin", name, os.getpid(), os.getppid())
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    publish(context, name)


@job_kind("fault.family")
def family(context, *, name: str) -> None:
    """Start a program in the same group and one in a session of its own; wait."""
    near = subprocess.Popen(["sleep", "300"])
    far = subprocess.Popen(["sleep", "300"], start_new_session=True)
    trace("family", name, os.getpid(), near.pid, far.pid)
    near.wait()


@job_kind("fault.poison", max_attempts=2)
def poison(context, *, name: str) -> None:
    trace("begin", name, os.getpid(), os.getppid())
    context.log("about to die")
    os.kill(os.getpid(), signal.SIGKILL)


@job_kind("fault.greedy", memory_limit=400 * 1024 * 1024)
def greedy(context, *, megabytes: int, outside: bool = False) -> None:
    """Take memory, here or in a program of its own."""
    code = f"x = bytearray({megabytes} << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nimport time; time.sleep(30)"
    if outside:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        subprocess.run([sys.executable, "-c", code], check=True)
    else:
        exec(code)  # noqa: S102


@job_kind("fault.late", time_limit_s=0.5)
def late(context, *, name: str) -> None:
    trace("begin", name, os.getpid(), os.getppid())
    time.sleep(60)


@job_kind("fault.error", max_attempts=2)
def error(context, *, of: str) -> None:
    raise {
        "final": Final("It will never work."),
        "invalid": Invalid("The frame has no pixels."),
        "retriable": Retriable("The weather is bad."),
        "bug": ZeroDivisionError("secret/path"),
        "exit": SystemExit(3),
    }[of]


@job_kind("fault.ended", on_end=lambda job: ENDED.append((job.pk, job.state)))
def ended(context) -> None:
    raise Final("No.")


@job_kind("fault.badend", on_end=lambda job: 1 / 0)
def badend(context) -> None:
    raise Final("No.")


@job_kind("fault.half")
def half(context, *, name: str) -> None:
    with context.publishing():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO fault_product (name, claim) VALUES (%s, 0)", [name])
        raise Final("On second thoughts, no.")


@job_kind("fault.scratch")
def scratch(context) -> dict:
    (context.scratch / "file").write_text("x")
    context.progress(2.0, "m" * 1000)
    return {"folder": str(context.scratch), "attempt": context.attempt, "cancelled": context.cancelled}
