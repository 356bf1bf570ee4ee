"""From upload to solved over HTTP on an idle server, and what a worker's memory is afterwards.

python bench/service.py [--frames 40]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from common import one_thread, solver_data, specs
from serving import Caller, serving

GOALS = {"p50_s": 0.5, "p95_s": 1.0, "worker_2k_mib": 350, "worker_4k_mib": 650}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    arguments = parser.parse_args()
    one_thread()
    data = solver_data()
    with serving(data.folder) as server:
        caller = Caller(server)
        figures = _latency(caller, data, arguments.frames)
        figures["worker_2k_mib"] = _peak_of_workers(server.process.pid)
        _latency(caller, data, 2, width=4096, height=4096)
        figures["worker_4k_mib"] = _peak_of_workers(server.process.pid)
    figures["goals"] = GOALS
    print(json.dumps(figures, indent=1))
    return int(any(figures[name] > goal for name, goal in GOALS.items()))


def _latency(caller: Caller, data: object, frames: int, **size: int) -> dict[str, object]:
    """Return percentiles over frames of 10 degrees, one after the other."""
    sys.path.insert(0, str(Path(__file__).parent))
    seconds, solved = [], 0
    for number, content in enumerate(_frames(data, frames + 2, **size)):
        time.sleep(0.3)  # idle between frames, as a telescope is
        took, good = caller.solve(f"{number}.fits", content)
        if number >= 2:  # the first ones warm both workers
            seconds.append(took)
            solved += good
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"frames": frames, "solved": solved, "p50_s": round(float(p50), 3), "p95_s": round(float(p95), 3)}


def _frames(data: object, count: int, **size: int) -> list[bytes]:
    import io

    from astropy.io import fits

    from hven.science.simulate.exposure import simulate

    contents = []
    for spec in specs(count, 10.0, 10.0, seed=11, **({"width": 2048, "height": 2048} | size)):
        exposure = simulate(spec, data.reference)
        buffer = io.BytesIO()
        fits.PrimaryHDU(exposure.data).writeto(buffer)
        contents.append(buffer.getvalue())
    return contents


def _peak_of_workers(pid: int) -> float:
    """Return the largest peak resident memory of any process below one, MiB; the shared index pages count in it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = 0.0, [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            queue.append(child)
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                status = Path(f"/proc/{child}/status").read_text()
            except OSError:
                continue
            if b"hven.jobs" in command:
                peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
                found = max(found, int(peak.split()[1]) / 1024)
    return round(found, 1)


if __name__ == "__main__":
    sys.exit(main())
