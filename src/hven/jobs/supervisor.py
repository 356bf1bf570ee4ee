"""The supervisor: claims jobs for its worker processes, shows their life, ends what must end, replaces what died.

It computes nothing itself, so that a worker process deep in C code cannot keep it from showing life.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django.utils import timezone

from hven.errors import Unavailable
from hven.jobs import kinds, table, wake
from hven.jobs.models import Worker
from hven.jobs.processes import group_memory, myself
from hven.jobs.slot import Slot
from hven.jobs.watch import Watcher
from hven.storage import services as storage

logger = logging.getLogger("hven.jobs")
POLL_S = 1.0
TICK_S = 0.25
SETTLE_S = 0.25  # what a worker gets to say that it ended, before a job that is no longer ours is killed
SLOW = "This took longer than the {limit:g} seconds that the server allows for it."
LARGE = "This needed more memory than the server allows for one job."


@dataclass(slots=True)
class Supervisor:
    """Runs ``size`` jobs at once until it is told to stop."""

    size: int
    name: str = ""
    slots: list[Slot] = field(default_factory=list)
    watcher: Watcher = field(default_factory=Watcher)
    stop_at: float | None = None  # monotonic; set: no new jobs, and the end by then
    _due: dict[str, float] = field(default_factory=dict)
    _started: int = 0
    _failures: int = 0
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _signal_end: socket.socket | None = None  # kept open: the interpreter writes to it when a signal comes

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        self.name = str(myself())
        listener, path = wake.listen()
        signals = self._signals()
        self._selector.register(listener, selectors.EVENT_READ, "wake")
        self._selector.register(signals, selectors.EVENT_READ, "signal")
        logger.info("Worker started with %s processes", self.size)
        try:
            self._attempt(self.watcher.round)
            while not self._finished():
                self._fill()
                self._listen(listener, signals)
                self._round()
        finally:
            path.unlink(missing_ok=True)
            listener.close()
            for slot in list(self.slots):
                self._stop_slot(slot)
            self._attempt(lambda: Worker.objects.filter(name=self.name).delete())
            logger.info("Worker stopped")

    def stop(self, grace_s: float) -> None:
        """Take no more jobs, and end when the running ones did, or after the grace time."""
        now = time.monotonic()
        # A second signal means now.
        self.stop_at = now if self.stop_at is not None else now + grace_s

    def _signals(self) -> socket.socket:
        inner, outer = socket.socketpair()
        inner.setblocking(False)
        outer.setblocking(False)
        signal.set_wakeup_fd(outer.fileno(), warn_on_full_buffer=False)
        self._signal_end = outer

        def note(_number: int, _frame: FrameType | None) -> None:
            self.stop(settings.HVEN_STOP_GRACE)

        signal.signal(signal.SIGTERM, note)
        signal.signal(signal.SIGINT, note)
        return inner

    def _listen(self, listener: socket.socket, signals: socket.socket) -> None:
        busy = self.stop_at is not None or any(slot.claim for slot in self.slots)
        timeout = min(TICK_S if busy else POLL_S, settings.HVEN_JOB_LEASE / 4)
        for key, _ in self._selector.select(timeout):
            if key.data == "wake":
                with contextlib.suppress(BlockingIOError):
                    while True:
                        if listener.recv(64) == wake.STOP:
                            self._due["beat"] = 0.0
            elif key.data == "signal":
                with contextlib.suppress(BlockingIOError):
                    signals.recv(64)
            else:
                slot: Slot = key.data
                if slot.hear():
                    self._after(slot)

    def _round(self) -> None:
        now = time.monotonic()
        lease = settings.HVEN_JOB_LEASE
        for slot in list(self.slots):
            if slot.dead():
                self._bury(slot)
        if self._is_due("tick", now, TICK_S):
            self._limits(now)
        if self._is_due("beat", now, lease / 3):
            self._attempt(lambda: self._beat(now))
        if self._is_due("watch", now, lease / 3):
            self._attempt(self.watcher.round)
        if self._is_due("seen", now, max(5.0, lease / 3)):
            self._attempt(self._show)
        if self.stop_at is None:
            self._attempt(self._claim)

    def _is_due(self, name: str, now: float, every: float) -> bool:
        if now < self._due.get(name, 0.0):
            return False
        self._due[name] = now + every
        return True

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except DatabaseError as error:
            logger.warning("The database did not answer: %s", error)
            connections.close_all()

    def _claim(self) -> None:
        for slot in self.slots:
            if not slot.idle:
                continue
            try:
                storage.check_room()
            except Unavailable:
                if self._is_due("full", time.monotonic(), 60.0):
                    logger.warning("The disk is nearly full: jobs wait until there is room")
                return
            claim = table.claim(self.name)
            if claim is None:
                return
            kind = kinds.find_kind(claim.kind)
            limits = (kind.time_limit_s, kind.memory_limit) if kind else (None, None)
            try:
                slot.give(
                    claim,
                    time_limit_s=limits[0] or settings.HVEN_JOB_TIME_LIMIT,
                    memory_limit=limits[1] or settings.HVEN_JOB_MEMORY_LIMIT,
                )
            except OSError:
                table.give_back(claim, "Its worker ended before it began.", counts=False)

    def _beat(self, now: float) -> None:
        claims = {slot.claim.job_id: slot.claim for slot in self.slots if slot.claim}
        lost = table.beat(claims)
        for slot in self.slots:
            if slot.claim and slot.claim.job_id in lost and slot.lost_at is None:
                slot.lost_at = now  # perhaps it has just ended and its word is under way

    def _limits(self, now: float) -> None:
        for slot in list(self.slots):
            claim = slot.claim
            if claim is None:
                continue
            if slot.lost_at is not None and now - slot.lost_at >= SETTLE_S:
                slot.hear()
                if slot.claim is claim:
                    logger.info("Job %s is stopped: it was cancelled or given to another worker", claim.job_id)
                    self._replace(slot)
                continue
            if now - slot.begun > slot.time_limit_s:
                self._end(slot, claim, "TimeLimit", SLOW.format(limit=slot.time_limit_s))
            elif group_memory(slot.process.pid) > slot.memory_limit:
                self._end(slot, claim, "MemoryLimit", LARGE)

    def _end(self, slot: Slot, claim: table.Claim, error_class: str, text: str) -> None:
        self._replace(slot)  # killed first: a job that is seen as failed runs no more
        logger.warning("Job %s of the kind %s is stopped: %s", claim.job_id, claim.kind, text)
        self._attempt(lambda: table.fail(claim, error_class, text))

    def _after(self, slot: Slot) -> None:
        if slot.ready:
            self._failures = 0
        if slot.claim is None and slot.jobs >= max(1, settings.HVEN_WORKER_JOBS):
            self._forget(slot)
            slot.dismiss()
            with contextlib.suppress(Exception):
                slot.process.wait(5.0)
            slot.kill()

    def _bury(self, slot: Slot) -> None:
        claim = slot.claim
        was_ready = slot.ready
        slot.hear()
        claim = slot.claim
        self._forget(slot)
        status = slot.kill()
        if not was_ready:
            self._failures += 1
            logger.error("A worker process ended while starting, with status %s", status)
        if claim is not None:
            logger.warning("The worker process of job %s ended with status %s", claim.job_id, status)
            why = f"Its worker process ended ({_spoken(status)})."
            self._attempt(lambda: table.give_back(claim, why))

    def _replace(self, slot: Slot) -> None:
        self._forget(slot)
        slot.kill()

    def _forget(self, slot: Slot) -> None:
        self.slots.remove(slot)
        self._selector.unregister(slot.channel)
        if slot.pidfd is not None:
            self._selector.unregister(slot.pidfd)

    def _fill(self) -> None:
        if self.stop_at is not None or len(self.slots) >= self.size:
            return
        if self._failures and not self._is_due("start", time.monotonic(), min(30.0, 2.0**self._failures)):
            return
        while len(self.slots) < self.size:
            self._started += 1
            slot = Slot.start(f"{self.name}/{self._started}")
            self.slots.append(slot)
            self._selector.register(slot.channel, selectors.EVENT_READ, slot)
            if slot.pidfd is not None:
                self._selector.register(slot.pidfd, selectors.EVENT_READ, slot)

    def _finished(self) -> bool:
        if self.stop_at is None:
            return False
        return time.monotonic() >= self.stop_at or not any(slot.claim for slot in self.slots)

    def _stop_slot(self, slot: Slot) -> None:
        slot.hear()
        claim = slot.claim
        self._forget(slot)
        slot.kill()
        if claim is not None:
            self._attempt(lambda: table.give_back(claim, "The server was stopped.", counts=False))

    def _show(self) -> None:
        now = timezone.now()
        Worker.objects.update_or_create(
            name=self.name,
            defaults={"slots": self.size, "seen": now},
            create_defaults={"slots": self.size, "seen": now, "started": now},
        )


def _spoken(status: int) -> str:
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"status {status}"
