"""One place of a supervisor: a worker process with its socket, and the job that it runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field

from hven.jobs.child import ENDED, READY
from hven.jobs.processes import kill_group, kill_marked, marked
from hven.jobs.table import Claim

# One job, one core: libraries that would start a thread a core are told so before they are loaded. And glibc keeps
# freed memory for every thread by itself; two such stores instead of eight a core save a worker some 10 MiB.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
) | {"MALLOC_ARENA_MAX": "2"}


@dataclass(slots=True)
class Slot:
    """A worker process. ``claim`` is set while it runs a job."""

    mark: str
    process: subprocess.Popen[bytes]
    channel: socket.socket
    pidfd: int | None
    ready: bool = False
    claim: Claim | None = None
    begun: float = 0.0  # monotonic seconds, of the job
    time_limit_s: float = 0.0
    memory_limit: int = 0
    jobs: int = 0
    lost_at: float | None = None  # when the job was found not to be ours any more
    _heard: bytearray = field(default_factory=bytearray)

    @classmethod
    def start(cls, mark: str) -> Slot:
        """Start a worker process in a session, hence a process group, of its own."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "hven.jobs.child", str(theirs.fileno()), str(os.getpid())],
                env={**marked(mark), **ONE_THREAD},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        ours.setblocking(False)
        pidfd = None
        with contextlib.suppress(OSError, AttributeError):  # where there is none, the tick finds dead processes
            pidfd = os.pidfd_open(process.pid)
        return cls(mark, process, ours, pidfd)

    @property
    def idle(self) -> bool:
        """Whether it waits for a job."""
        return self.ready and self.claim is None

    def give(self, claim: Claim, *, time_limit_s: float, memory_limit: int) -> None:
        """Hand it a job; raise OSError if it is dead."""
        self.channel.sendall(json.dumps([claim.job_id, claim.number, claim.kind]).encode() + b"\n")
        self.claim, self.begun, self.lost_at = claim, time.monotonic(), None
        self.time_limit_s, self.memory_limit = time_limit_s, memory_limit

    def hear(self) -> bool:
        """Read what it says; return whether it became ready or ended its job."""
        with contextlib.suppress(OSError):  # nothing more to read, or closed
            while piece := self.channel.recv(4096):
                self._heard += piece
        changed = False
        while b"\n" in self._heard:
            word, _, rest = bytes(self._heard).partition(b"\n")
            self._heard = bytearray(rest)
            if word + b"\n" == READY:
                self.ready = changed = True
            elif word + b"\n" == ENDED:
                self.claim, self.lost_at = None, None
                self.jobs += 1
                changed = True
        return changed

    def dead(self) -> bool:
        """Say whether the process ended; it stays a zombie, so that its group's number is not given away."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def kill(self) -> int:
        """Kill the process with everything that it started; return its exit status."""
        kill_group(self.process.pid)
        kill_marked(self.mark)  # and what left the group
        self.dismiss()
        return self.process.wait()

    def dismiss(self) -> None:
        """Close the socket: an idle process then ends by itself."""
        self.channel.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None
