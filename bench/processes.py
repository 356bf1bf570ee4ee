"""CPU seconds and memory of running processes with all that they started, read from /proc (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def below(pid: int, mark: str = "") -> list[int]:
    """Return a process and all below it; only those whose command line holds a mark."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(int(stat.parent.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        queue += children.get(one, [])
    return [one for one in found if mark.encode() in _command(one)]


def cpu_seconds(pid: int, mark: str = "") -> float:
    """Return the CPU seconds that a process and those below it used, those that ended included."""
    total = 0
    for one in below(pid, mark):
        fields = _fields(one)
        if fields:
            total += sum(int(field) for field in fields[11:15])
    return total / _TICK


def peak_mib(pid: int, mark: str = "") -> float:
    """Return the largest peak resident memory of any of them, MiB; shared pages count in it."""
    found = 0.0
    for one in below(pid, mark):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
        found = max(found, int(line.split()[1]) / 1024)
    return found


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
