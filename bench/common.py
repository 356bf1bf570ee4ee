"""What the benches of detection and solving share: the solver's data, simulated fields, truth, and figures."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded: CPU seconds of several threads would not compare

import ctypes
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hven.science.simulate.spec import Spec
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.data import SolverData

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "images"
_SUBREAPER = 36
INDEXES = Path("/usr/share/astrometry")


def one_thread() -> None:
    """Keep OpenCV on one core too."""
    cv2.setNumThreads(1)


def solver_data() -> SolverData:
    """Return the solver's tables, warm; built into the data folder where they are missing."""
    folder = Path(os.environ.get("HVEN_DATA", Path(tempfile.gettempdir()) / "hven-bench")) / "solver"
    folder.mkdir(parents=True, exist_ok=True)
    data = SolverData.open(folder, [INDEXES])
    data.prepare(lambda fraction, message: print(f"{100 * fraction:3.0f} % {message}", file=sys.stderr))
    _ = data.reference, data.patterns
    return data


def specs(count: int, low_deg: float, high_deg: float, seed: int = 1, **fixed: object) -> Iterator[Spec]:
    """Yield specifications of fields all over the sky, widths spread evenly in their logarithm."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        width_deg = low_deg * (high_deg / low_deg) ** ((number + 0.5) / count)
        given = {
            "ra": float(rng.uniform(0, 360)),
            "dec": float(np.degrees(np.arcsin(rng.uniform(-1, 1)))),
            "orientation_deg": float(rng.uniform(-180, 180)),
            "parity": int(rng.choice([-1, 1])),
            "width_deg": float(width_deg),
            "width": 2048,
            "height": 1536,
            "fwhm_px": float(rng.uniform(1.8, 4.5)),
            "distortion": float(rng.uniform(-0.004, 0.004) if width_deg > 5 else 0.0),
            "vignetting": 0.2,
            "missing": 0.03,
            "seed": int(rng.integers(1 << 30)),
        }
        yield Spec(**(given | fixed))


def cpu() -> float:
    """Return the CPU seconds of this process so far."""
    return time.process_time()


def adopt_orphans() -> None:
    """Let programs' orphaned children become ours (Linux), so that their CPU seconds are counted too."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def run_program(command: list[str], wall_limit: float) -> float:
    """Run a program to its end or its limit, with all its children, and return their CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(wall_limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def offset_share(wcs: Wcs, ra: float, dec: float) -> float:
    """Return how far a projection's centre is from the truth, as a share of the frame's width."""
    there = wcs.centre
    return float(separation(*there, ra, dec)) / (wcs.scale_arcsec * wcs.width / 3600)


def finish(figures: dict, passed: bool) -> None:
    """Print the figures as one JSON object, and exit with 1 where a goal was missed."""
    print(json.dumps(figures | {"passed": passed}, indent=1))
    sys.exit(0 if passed else 1)
