"""Processes of this machine: who am I, is that one alive, end it with all that it started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# Inherited by everything a worker starts, so that also a grandchild in a session of its own is found again.
MARK = "_HVEN_WORKER"
_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, named so that no other process of any machine, boot or container is called the same."""

    host: str
    place: str  # boot and process namespace
    pid: int
    start: int  # clock ticks after boot; 0 where it cannot be known
    token: str

    def __str__(self) -> str:
        return f"{self.host}:{self.place}:{self.pid}:{self.start}:{self.token}"

    @classmethod
    def parse(cls, text: str) -> Identity | None:
        """Return the identity that a row names; None if it names none."""
        try:
            host, place, pid, start, token = text.split(":")
            return cls(host, place, int(pid), int(start), token)
        except ValueError:
            return None

    def gone(self) -> bool:
        """Say whether this process is known to have ended; False for processes of other machines."""
        if not self.start or (self.host, self.place) != (_host(), _place()):
            return False
        return _start_of(self.pid) != self.start


def myself() -> Identity:
    """Return a new identity for this process."""
    return Identity(_host(), _place(), os.getpid(), _start_of(os.getpid()) or 0, secrets.token_hex(4))


def die_with_parent(parent: int, sig: int = signal.SIGKILL) -> None:
    """Ask the kernel to end this process when its parent ends; end now if the parent has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def give_way(nice: int) -> None:
    """Let programs that somebody waits for go first: this one, with all that it starts, computes beside them."""
    with contextlib.suppress(OSError):
        os.nice(nice)
    # Linux may share its processors between sessions first, of which a worker has one of its own.
    with contextlib.suppress(OSError):
        (_PROC / "self" / "autogroup").write_text(str(nice))


def kill_group(leader: int) -> None:
    """Kill a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_marked(mark: str) -> int:
    """Kill all processes that carry a mark, or one that begins with it and a slash; return how many there were."""
    found = 0
    for pid in _pids():
        with contextlib.suppress(OSError):
            own = _marks_of(pid)
            if pid != os.getpid() and any(each == mark or each.startswith(mark + "/") for each in own):
                os.kill(pid, signal.SIGKILL)
                found += 1
    return found


def group_memory(leader: int) -> int:
    """Return the bytes of memory that the processes of a group have for themselves (no shared file pages)."""
    total = 0
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(pid) == leader:
                total += _own_memory(pid)
    return total


def _own_memory(pid: int) -> int:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]
    return []


def marked(mark: str) -> dict[str, str]:
    """Return the environment for a process that carries a mark, beside those that this one carries."""
    return {**os.environ, MARK: f"{os.environ.get(MARK, '')} {mark}".strip()}


def _marks_of(pid: int) -> list[str]:
    prefix = f"{MARK}=".encode()
    for entry in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode(errors="replace").split()
    return []


def _start_of(pid: int) -> int | None:
    try:
        # The name of the program may hold spaces and brackets: what follows the last bracket is counted.
        text = (_PROC / str(pid) / "stat").read_text()
        fields = text[text.rindex(")") + 2 :].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname().replace(":", "_")[:40]


@lru_cache(maxsize=1)
def _place() -> str:
    with contextlib.suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
        space = (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
        return f"{boot}.{space}"
    return "unknown"
