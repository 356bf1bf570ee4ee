"""An upload of 33 MB, hashed and on the disk, against Django's stock multipart on the same server software.

python bench/upload.py [--uploads 15]

Both servers run side by side and are asked in turn. hven's is nova's upload: the file is hashed twice over, flushed to
the disk, and filed in the database with a job; the stock view moves Django's temporary file to its place. A second
stock view takes one hash (sha256) as well, and still flushes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from processes import cpu_seconds, peak_mib
from serving import Caller, serving

SIZE = 33_600_000
GOALS = {"wall_ratio": 1.5, "growth_mib": 20.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=15)
    arguments = parser.parse_args()
    solver = Path(tempfile.mkdtemp(prefix="hven-solver-"))
    with serving(solver, workers=0) as server, stock() as (port, process):
        caller = Caller(server)
        hven_port = int(server.url.rsplit(":", 1)[1])
        words = json.dumps({"session": caller.session, "allow_commercial_use": "n"})
        sides = {
            "hven": (lambda body: send(hven_port, "/nova/api/upload", body, words), server.process.pid, "hven.ops.web"),
            "stock": (lambda body: send(port, "/", body, ""), process.pid, "stock"),
            "stock_hashed": (lambda body: send(port, "/hashed", body, ""), process.pid, "stock"),
        }
        figures = {name: measure(*side, uploads=0) for name, side in sides.items()}
        for _ in range(arguments.uploads):
            for name, side in sides.items():
                one = measure(*side, uploads=1)
                for key, values in one.items():
                    figures[name][key] += values
    shutil.rmtree(solver, ignore_errors=True)
    result = {name: summary(figures[name]) for name in sides}
    result["wall_ratio"] = round(result["hven"]["wall_s"] / result["stock"]["wall_s"], 2)
    result["cpu_ratio"] = round(result["hven"]["cpu_s"] / result["stock"]["cpu_s"], 2)
    result["wall_ratio_hashed"] = round(result["hven"]["wall_s"] / result["stock_hashed"]["wall_s"], 2)
    result["cpu_ratio_hashed"] = round(result["hven"]["cpu_s"] / result["stock_hashed"]["cpu_s"], 2)
    result["growth_mib"] = result["hven"]["growth_mib"]
    result |= {"uploads": arguments.uploads, "bytes": SIZE, "goals": GOALS}
    print(json.dumps(result, indent=1))
    return int(any(result[name] > goal for name, goal in GOALS.items()))


def measure(upload: Callable[[bytes], None], pid: int, mark: str, *, uploads: int) -> dict[str, list[float]]:
    """Return wall and CPU seconds of uploads, and the peak memory after them; none: after three to warm up."""
    found: dict[str, list[float]] = {"wall": [], "cpu": [], "peak": []}
    for _ in range(uploads or 3):
        body = content()
        os.sync()  # what another server left unwritten would be written while this one waits for the disk
        before = cpu_seconds(pid, mark)
        began = time.perf_counter()
        upload(body)
        wall = time.perf_counter() - began
        if uploads:
            found["wall"].append(wall)
            found["cpu"].append(cpu_seconds(pid, mark) - before)
    found["peak"].append(peak_mib(pid, mark))
    return found


def summary(found: dict[str, list[float]]) -> dict[str, float]:
    return {
        "wall_s": round(float(np.median(found["wall"])), 4),
        "wall_p90_s": round(float(np.percentile(found["wall"], 90)), 4),
        "cpu_s": round(float(np.mean(found["cpu"])), 4),  # counted in hundredths, so that a median says little
        "peak_mib": round(found["peak"][-1], 1),
        "growth_mib": round(found["peak"][-1] - found["peak"][0], 1),
    }


def content() -> bytes:
    """Return bytes that no upload had before, or hven would find them stored already."""
    return os.urandom(64) + bytes(SIZE - 64)


def send(port: int, path: str, body: bytes, words: str) -> None:
    """Upload by a form of two parts, as nova's clients do."""
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{words}\r\n' if words else ""
    head += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.fits"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    tail = f"\r\n--{mark}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={mark}")
    connection.putheader("Content-Length", str(len(head) + len(body) + len(tail)))
    connection.endheaders()
    connection.send(head.encode())
    connection.send(body)
    connection.send(tail)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != 200 or b"error" in said[:40]:
        raise SystemExit(f"upload refused: {answer.status} {said[:200]!r}")


@contextlib.contextmanager
def stock() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the yardstick's server."""
    data = Path(tempfile.mkdtemp(prefix="stock-bench-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(__file__).with_name("stock.py")
    process = subprocess.Popen(
        [sys.executable, str(program), "--port", str(port), "--data", str(data)],
        env=os.environ | {"STOCK_DATA": str(data)},  # its settings are read before its arguments
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
