"""CPU seconds of a 1024 px preview of a 4096 x 4096 uint16 frame: hven against matplotlib.

    python bench/preview.py [--yardstick PYTHON] [--rounds 5] [--size 4096]

PYTHON is an interpreter that has matplotlib (hven's own has not); each side runs warm in a process of its own, in
turn, one thread. Both start from the array in memory and end with encoded bytes. The yardstick gets its limits for
nothing, so that the ratio is of the rendering alone. Prints one JSON object and exits 1 above the goal.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL = 0.05

OURS = """
import json, sys, time
import numpy as np
import cv2
cv2.setNumThreads(1)
from hven.science.frames.frame import Frame
from hven.science.frames.preview import preview
data = np.load(sys.argv[1])
frame = Frame(data)
times = []
for _ in range(7):
    begin = time.process_time()
    out = preview(frame, 1024)
    times.append(time.process_time() - begin)
print(json.dumps({"cpu_s": sorted(times[1:])[3], "bytes": len(out)}))
"""

YARDSTICK = """
import io, json, sys, time
import numpy as np
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
data = np.load(sys.argv[1])
low, high = np.percentile(data[::16, ::16], [1, 99.5])
times = []
for _ in range(4):
    begin = time.process_time()
    figure = plt.figure(figsize=(10.24, 10.24), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(data, origin="lower", cmap="gray", vmin=low, vmax=high)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    times.append(time.process_time() - begin)
print(json.dumps({"cpu_s": sorted(times[1:])[1], "bytes": len(buffer.getvalue())}))
"""


def make_frame(path: Path, size: int) -> None:
    import numpy as np  # the yardstick's interpreter is not this one

    rng = np.random.default_rng(4096)
    data = rng.normal(1000, 25, (size, size)).astype(np.float32)
    for x, y, flux in zip(*rng.uniform(8, size - 8, (2, 3000)), 10 ** rng.uniform(2.5, 6, 3000), strict=True):
        column, row = int(x), int(y)
        yy, xx = np.mgrid[row - 6 : row + 7, column - 6 : column + 7]
        data[row - 6 : row + 7, column - 6 : column + 7] += flux / 14 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 4.5)
    np.save(path, np.clip(data, 0, 65535).astype(np.uint16))


def run(python: str, code: str, path: Path) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([python, "-c", code, str(path)], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--yardstick", default=sys.executable, help="an interpreter that has matplotlib")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.npy"
        make_frame(path, options.size)
        for _ in range(options.rounds):
            ours.append(run(sys.executable, OURS, path))
            theirs.append(run(options.yardstick, YARDSTICK, path))
    ratio = statistics.median(a["cpu_s"] / b["cpu_s"] for a, b in zip(ours, theirs, strict=True))
    result = {
        "bench": "preview",
        "hven_cpu_s": round(statistics.median(o["cpu_s"] for o in ours), 4),
        "matplotlib_cpu_s": round(statistics.median(t["cpu_s"] for t in theirs), 4),
        "ratio": round(ratio, 4),
        "goal": GOAL,
        "bytes": ours[-1]["bytes"],
    }
    print(json.dumps(result))
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
