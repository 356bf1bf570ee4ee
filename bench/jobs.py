"""How long a queued job waits on an idle machine, and how many a second two worker processes do.

``python bench/jobs.py``: at most 100 ms from the commit to the first line of the job, at the 95th percentile.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SINGLE, BURST, LIMIT_MS = 200, 1000, 100.0


def main() -> int:
    """Measure on a fresh data folder; 1 if jobs wait too long."""
    with tempfile.TemporaryDirectory(prefix="hven-bench-") as data:
        os.environ |= {"HVEN_DATA": data, "DJANGO_SETTINGS_MODULE": "jobsapp.settings", "PYTHONPATH": str(HERE)}
        sys.path.insert(0, str(HERE))
        import django

        django.setup()
        from hven.ops.database import migrate

        migrate()
        supervisor = subprocess.Popen([sys.executable, "-m", "hven.jobs", "supervisor", "--slots", "2"])
        try:
            waits = single()
            rate = burst()
        finally:
            supervisor.terminate()
            supervisor.wait()
    p50, p95, worst = np.percentile(waits, [50, 95, 100])
    print(f"start of a queued job, idle: p50 {p50:.1f} ms, p95 {p95:.1f} ms, worst {worst:.1f} ms (n = {SINGLE})")
    print(f"burst of {BURST} empty jobs, 2 processes: {rate:.0f} jobs/s")
    return 0 if p95 <= LIMIT_MS else 1


def single() -> list[float]:
    """Return the waits in milliseconds of jobs that come one at a time."""
    from hven.jobs import services

    waits = []
    for number in range(SINGLE + 5):
        job = services.enqueue("bench.touch")
        committed = time.monotonic()
        while not job.ended:
            time.sleep(0.005)
            job.refresh_from_db()
        if number >= 5:  # the first ones wait for the processes to start
            waits.append(1000.0 * (job.result["began"] - committed))
        time.sleep(0.03)
    return waits


def burst() -> float:
    """Return how many jobs a second are done when many wait."""
    from hven.jobs import wake
    from hven.jobs.models import Job, State

    Job.objects.bulk_create([Job(kind="bench.touch") for _ in range(BURST)])
    begun = time.monotonic()
    wake.send()
    while Job.objects.exclude(state=State.DONE).exists():
        time.sleep(0.05)
    return BURST / (time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
