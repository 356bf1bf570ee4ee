"""What the benches that need a running server share: `hven serve` on a data folder of its own, and a caller."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    key: str


@contextlib.contextmanager
def serving(solver: Path, workers: int = 2, data: Path | None = None) -> Iterator[Server]:
    """Start `hven serve` with the solver's tables of another folder; stop it and remove its data afterwards.

    A data folder that is given is used as it is and stays.
    """
    given = data is not None
    data = data or Path(tempfile.mkdtemp(prefix="hven-bench-"))
    if not given:
        (data / "solver").symlink_to(solver)
    env = {name: value for name, value in os.environ.items() if not name.startswith("HVEN_")} | {"HVEN_DATA": str(data)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "hven.cli"]
    process = subprocess.Popen(
        [*command, "serve", "--port", str(port), "--workers", str(workers)], env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        # without workers it is never quite ready
        _wait(process, f"{url}/readyz" if workers else f"{url}/healthz")
        subprocess.run([*command, "user", "add", "bench", "--password-stdin"], env=env, input=b"a long password\n",
                       check=not given, capture_output=True)  # fmt: skip
        made = subprocess.run(
            [*command, "key", "new", "bench", "--kind", "api"], env=env, check=True, capture_output=True
        )
        yield Server(url, data, process, made.stdout.decode().strip())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if not given:
            shutil.rmtree(data, ignore_errors=True)


class Caller:
    """Speaks nova's API over a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.base = f"{server.url}/nova/api"
        self.session = self._post("login", {"apikey": server.key})["session"]

    def solve(self, name: str, content: bytes, poll_s: float = 0.01) -> tuple[float, bool]:
        """Upload a frame; return seconds from the first byte sent to the answer "success" or "failure", and which."""
        began = time.perf_counter()
        solved = self.wait(self.upload(name, content), poll_s)
        return time.perf_counter() - began, solved

    def upload(self, name: str, content: bytes) -> int:
        """Upload a frame; return the number of its submission."""
        number: int = self._post("upload", {"session": self.session}, (name, content))["subid"]
        return number

    def wait(self, submission: int, poll_s: float = 0.01) -> bool:
        """Wait for a submission's end; return whether its frame was solved."""
        while not (jobs := [job for job in self.get(f"submissions/{submission}")["jobs"] if job is not None]):
            time.sleep(poll_s)
        while (status := self.get(f"jobs/{jobs[0]}")["status"]) not in {"success", "failure"}:
            time.sleep(poll_s)
        return bool(status == "success")

    def get(self, path: str) -> Any:
        """Return what the API answers."""
        with urllib.request.urlopen(f"{self.base}/{path}", timeout=60) as answer:
            return json.load(answer)

    def _post(self, path: str, words: dict[str, Any], file: tuple[str, bytes] | None = None) -> Any:
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\r\n'.encode()
        ]
        if file is not None:
            head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n\r\n'
            parts += [head.encode(), file[1], b"\r\n"]
        body = b"".join([*parts, f"--{mark}--\r\n".encode()])
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.base}/{path}", body, headers), timeout=60) as answer:
            return json.load(answer)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit("hven serve did not start")
