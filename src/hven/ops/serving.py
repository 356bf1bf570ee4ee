"""Starting the parts of the server, keeping them alive, and stopping them so that nothing stays behind."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from hven.accounts import services as accounts
from hven.errors import Invalid, Unavailable
from hven.imaging.services.solver_data import ask_for_solver_data
from hven.jobs.processes import kill_group, kill_marked, marked, myself
from hven.ops.database import migrate

logger = logging.getLogger("hven.ops")
_HEALTHY_S = 30.0  # a part that lived so long has not failed at its start
_LONGEST_WAIT_S = 30.0


@dataclass(slots=True)
class Part:
    """One process of the server, started again whenever it ends."""

    name: str
    command: list[str]
    mark: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0

    def start(self) -> None:
        """Start it, in a process group of its own."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*self.command, "--parent", str(os.getpid())],
            env=marked(self.mark),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tend(self, now: float) -> None:
        """Start it again if it ended; wait longer each time when it ends at once."""
        if self.process is not None:
            status = self.process.poll()
            if status is None:
                return
            self.clear()
            self.failures = 1 if now - self.started > _HEALTHY_S else self.failures + 1
            wait = 0.0 if self.failures == 1 else min(_LONGEST_WAIT_S, 2.0 ** (self.failures - 2))
            logger.error("The %s ended with status %s; it is started again", self.name, status)
            self.process, self.start_at = None, now + wait
        if now >= self.start_at:
            self.start()

    def clear(self) -> None:
        """Kill what is left of it."""
        if self.process is not None:
            kill_group(self.process.pid)
        kill_marked(self.mark)


@dataclass(slots=True)
class Parts:
    """All processes of one `hven serve` or `hven worker`."""

    parts: list[Part] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    hurry: bool = False

    def add(self, name: str, *command: str) -> None:
        """Add a part that runs a module of hven."""
        mark = f"{myself()}/{name.replace(' ', '-')}"
        self.parts.append(Part(name, [sys.executable, "-m", *command], mark))

    def run(self) -> int:
        """Keep all parts alive until SIGTERM or SIGINT, then stop them in order."""

        def note(_number: int, _frame: FrameType | None) -> None:
            self.hurry = self.stopping.is_set()  # a second signal means now
            self.stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup asked to ignore the terminal's end
                signal.signal(number, note)
        try:
            while not self.stopping.is_set():
                now = time.monotonic()
                for part in self.parts:
                    part.tend(now)
                self.stopping.wait(0.25)
            logger.info("Stopping")
        finally:
            self.stop()
        return 0

    def stop(self) -> None:
        """Ask all parts to end, wait for them, kill what stays."""
        for part in self.parts:
            if part.process is not None and part.process.poll() is None:
                part.process.terminate()
        end = time.monotonic() + settings.HVEN_STOP_GRACE + 10.0
        for part in self.parts:
            while part.process is not None and part.process.poll() is None:
                if time.monotonic() > end or self.hurry:
                    logger.warning("The %s did not stop in time", part.name)
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    part.process.wait(0.1)
        for part in self.parts:
            part.clear()
            if part.process is not None:
                part.process.wait()


def serve(host: str, port: int, workers: int, say: Callable[[str], None]) -> int:
    """Start the whole server and keep it running until a signal comes; ``say`` prints the address."""
    check_address(host, port)
    migrate()
    settings.HVEN_FOLDERS.make()
    call_command("collectstatic", interactive=False, verbosity=0)
    secret = accounts.first_run()
    ask_for_solver_data()
    base = settings.HVEN_PUBLIC_URL or f"http://{spoken(host)}:{port}"
    say(f"hven answers at {base}/")
    if secret is not None:
        say(
            f"Nobody administers this server yet. Make the first account, once, within a day:\n  {base}/setup/{secret}/"
        )
    connections.close_all()
    parts = Parts()
    parts.add("web server", "hven.ops.web", "--host", host, "--port", str(port))
    _add_workers(parts, workers)
    return parts.run()


def work(workers: int) -> int:
    """Start workers and a reaper and keep them running until a signal comes."""
    migrate()
    connections.close_all()
    parts = Parts()
    _add_workers(parts, workers)
    return parts.run()


def cores() -> int:
    """Return how many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def check_address(host: str, port: int) -> None:
    """Raise Invalid or Unavailable, with a sentence, unless the server can listen there."""
    if not 0 < port < 65536:
        raise Invalid("A port is a number from 1 to 65535.")
    try:
        [family, kind, protocol, _, address] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(f"Port {port} of {host} is in use; choose another one with --port.") from error
        if error.errno == errno.EACCES:
            raise Unavailable(f"You may not listen on port {port}; choose one above 1023.") from error
        raise Invalid(f"This machine cannot listen on {host}: {error.strerror}.") from error


def spoken(host: str) -> str:
    """Return a host as it stands in an address that a person on this machine can open."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - it is compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _add_workers(parts: Parts, workers: int) -> None:
    if workers < 0:
        raise Invalid("The number of workers is 0 or more.")
    if workers:
        parts.add("workers", "hven.jobs", "supervisor", "--slots", str(workers))
    parts.add("reaper", "hven.jobs", "reaper")
