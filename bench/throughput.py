"""Frames an hour and core: 2k frames uploaded, solved, annotated, their products stored; the service included.

python bench/throughput.py [--frames 200] [--workers 2]

Frames of 8 to 10 degrees are uploaded over nova's API as fast as they are taken, and the clock runs from the first one
to the last one's end. The CPU seconds are those of every process of the server: web, workers, reaper. A profile of
the same jobs in one process says where they go.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import one_thread, solver_data, specs
from processes import cpu_seconds
from serving import Caller, Server, serving

GOAL_AN_HOUR = 4000
WARM = 20
# where the time of a job goes, by the function that begins each part
PARTS = {
    "read": ("hven/imaging/services/execute.py", "_context"),
    "solve: detect": ("hven/science/stars/detect.py", "detect"),
    "solve: all": ("hven/imaging/steps/solve.py", "run"),
    "annotate": ("hven/imaging/steps/annotate.py", "run"),
    "render": ("hven/imaging/steps/render.py", "run"),
    "store and publish": ("hven/imaging/services/execute.py", "_publish"),
    "job, all": ("hven/jobs/runner.py", "run"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--profile", type=int, default=30, help="frames of the profile; 0: none")
    arguments = parser.parse_args()
    one_thread()
    data = solver_data()
    contents = frames(data, 24)
    with serving(data.folder, workers=arguments.workers) as server:
        run(server, contents, WARM * arguments.workers)
        figures = run(server, contents, arguments.frames)
    cores = min(arguments.workers, os.cpu_count() or 1)
    figures["an_hour_and_core_wall"] = round(3600 * figures["frames"] / figures["wall_s"] / cores)
    figures["an_hour_and_core_cpu"] = round(3600 / figures["cpu_s_a_frame"])
    if arguments.profile:
        figures["profile_ms"] = profile(data.folder, contents, arguments.profile)
    figures |= {"workers": arguments.workers, "goal": GOAL_AN_HOUR}
    print(json.dumps(figures, indent=1))
    return int(figures["an_hour_and_core_wall"] < GOAL_AN_HOUR)


def frames(data: Any, count: int) -> list[bytes]:
    """Return simulated frames as FITS files."""
    from astropy.io import fits

    from hven.science.simulate.exposure import simulate

    found = []
    for spec in specs(count, 8.0, 10.0, seed=21, width=2048, height=2048, distortion=0.001):
        exposure = simulate(spec, data.reference)
        buffer = io.BytesIO()
        fits.PrimaryHDU(exposure.data).writeto(buffer)
        found.append(buffer.getvalue())
    return found


def run(server: Server, contents: list[bytes], count: int) -> dict[str, Any]:
    """Upload frames, wait for the last; return seconds and how many were solved."""
    callers = [Caller(server) for _ in range(2)]
    before, began = cpu_seconds(server.process.pid), time.perf_counter()

    def upload(number: int) -> int:
        # a last block of its own: a file that was stored before would be cheaper
        mark = f"{time.time_ns():020d}".encode().ljust(2880, b" ")
        return callers[number % 2].upload(f"{number}.fits", contents[number % len(contents)] + mark)

    with ThreadPoolExecutor(2) as pool:
        numbers = list(pool.map(upload, range(count)))
    uploaded = time.perf_counter() - began
    solved = sum(callers[0].wait(number, poll_s=0.2) for number in numbers)
    wall, used = time.perf_counter() - began, cpu_seconds(server.process.pid) - before
    return {
        "frames": count, "solved": solved, "wall_s": round(wall, 2), "uploaded_after_s": round(uploaded, 2),
        "cpu_s_a_frame": round(used / count, 4), "cores_busy": round(used / wall, 2),
    }  # fmt: skip


def profile(solver: Path, contents: list[bytes], count: int) -> dict[str, Any]:
    """Return milliseconds of CPU a frame by part, of the same jobs run in one process."""
    data = Path(tempfile.mkdtemp(prefix="hven-profile-"))
    (data / "solver").symlink_to(solver)
    folder = data / "frames"
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number:03d}.fits").write_bytes(content)
    try:
        program = [sys.executable, __file__, "--in-process", str(folder), str(count)]
        done = subprocess.run(program, env=os.environ | {"HVEN_DATA": str(data)}, check=True, capture_output=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    finally:
        shutil.rmtree(data, ignore_errors=True)


def in_process(folder: Path, count: int) -> dict[str, Any]:
    """Run jobs here: once for their time, once more under the profiler for where it goes."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "hven.config.settings"
    import django

    django.setup()
    from django.conf import settings

    from hven.accounts import services as accounts
    from hven.accounts.actor import Actor
    from hven.imaging import services as imaging
    from hven.imaging.services.execute import warm
    from hven.imaging.services.runs import Request
    from hven.jobs import services as jobs
    from hven.jobs.models import Job, State
    from hven.ops.database import migrate
    from hven.storage import services as storage

    settings.HVEN_FOLDERS.make()
    migrate()
    warm()
    actor = Actor.of(accounts.create_user("bench", "a long password"))
    paths = sorted(folder.iterdir())

    def submit() -> list[Any]:
        for number in range(count):
            path = paths[number % len(paths)]
            imaging.submit_file(actor, storage.put(path.read_bytes()), Request(origin="nova", name=path.name))
        return list(Job.objects.filter(state=State.QUEUED))

    for job in submit()[:8]:
        jobs.run_here(job)
    begun = time.process_time()
    waiting = list(Job.objects.filter(state=State.QUEUED))
    for job in waiting:
        jobs.run_here(job)
    each = 1000 * (time.process_time() - begun) / len(waiting)
    waiting = submit()
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for job in waiting:
        jobs.run_here(job)
    profiler.disable()
    # typeshed does not know what pstats keeps
    table: dict[tuple[str, int, str], tuple[Any, ...]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    found: dict[str, Any] = {"a frame, without the profiler": round(each, 1)}
    for part, (module, name) in PARTS.items():
        spent = sum(row[3] for key, row in table.items() if key[0].endswith(module) and key[2] == name)
        found[part] = round(1000 * spent / len(waiting), 1)
    own = sorted(table.items(), key=lambda item: -item[1][2])[:25]
    found["most of it in"] = {
        f"{Path(key[0]).name}:{key[2]}": round(1000 * row[2] / len(waiting), 1) for key, row in own
    }
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-process"]:
        print(json.dumps(in_process(Path(sys.argv[2]), int(sys.argv[3]))))
        sys.exit(0)
    sys.exit(main())
