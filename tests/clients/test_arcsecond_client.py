"""The real client of Arcsecond, in its own venv, against a live server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.conftest import CHECKOUT, free_port, hven_command, server_environment, wait_until_ready
from tests.dialects.arcsecond.conftest import frame

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]
SCRIPT = Path(__file__).parent / "scripts" / "use_arcsecond.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A night's folder: two frames in sub-folders, a packed one, an empty file, words, and a broken frame."""
    night = tmp_path / "night"
    (night / "lights").mkdir(parents=True)
    (night / "lights" / "m31.fits").write_bytes(frame(1, DATE__OBS="2026-03-01T20:00:00", OBJECT="M31", FILTER="R"))
    (night / "bias.fits").write_bytes(frame(2, DATE__OBS="2026-03-01T17:00:00", IMAGETYP="Bias Frame"))
    (night / "notes.txt").write_text("clear sky")
    (night / "empty.fits").write_bytes(b"")
    (night / "broken.fits").write_bytes(frame(3)[:1500])
    return night


def _use(checkout: Path, home: Path, server: Any, key: str, kind: str, subdomain: str, *more: str) -> dict[str, Any]:
    python = checkout / ".venvs" / "arcsecond" / "bin" / "python"
    if not python.exists():
        pytest.fail("The venv .venvs/arcsecond is not there; `make test-clients` makes it.")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HVEN_", "DJANGO_", "PYTHON"))}
    env |= {"HOME": str(home), "NO_PROXY": "*"}
    done = subprocess.run(
        [str(python), str(SCRIPT), f"{server.url}/arcsecond", server.user, key, kind, subdomain, *more],
        env=env, capture_output=True, text=True, timeout=280, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _counts(text: str) -> tuple[int, int, int]:
    found = re.search(r"uploads succeeded: (\d+), skipped: (\d+), failed: (\d+)", text)
    assert found, text
    return int(found[1]), int(found[2]), int(found[3])


@pytest.mark.parametrize("subdomain", ["", "local"])
def test_a_folder_is_uploaded_once_and_skipped_the_second_time(
    live_server_with_workers: Any, checkout: Path, tmp_path: Path, folder: Path, subdomain: str
) -> None:
    server = live_server_with_workers
    if "local:" not in hven_command(server.data, "observatory", "list"):
        hven_command(server.data, "observatory", "add", "Uraniborg", "--owner", server.user, "--slug", "local")
    home = tmp_path / "home"
    home.mkdir()
    seen = _use(checkout, home, server, server.api_key, "access", subdomain, str(folder))
    assert seen["signed_in"], seen["login"]
    assert f'"username": "{server.user}"' in seen["me"]
    assert "Found 1 telescope" in seen["telescopes"]
    assert seen["upsert"] is True
    assert _counts(seen["first"]) == (5, 0, 0)
    assert _counts(seen["second"]) == (0, 5, 0)
    assert "(files: 5)" in seen["datasets"]
    assert f"Set oursaccess{subdomain}" in seen["listed"]
    assert seen["made"] == [seen["telescope"], ["t"], 0]
    assert seen["upserted"] == [True, "words", f"Upserted oursaccess{subdomain}"]
    upload_key = hven_command(server.data, "key", "new", server.user, "--kind", "upload").strip().splitlines()[-1]
    other = _use(checkout, home, server, upload_key, "upload", subdomain, str(folder), seen["telescope"])
    assert _counts(other["first"]) == (5, 0, 0)
    assert _counts(other["second"]) == (0, 5, 0)
    assert other["signed_in"] and f'"username": "{server.user}"' in other["me"]
    assert other["made"] == [seen["telescope"], ["t"], 0]
    assert "does not allow" in other["upserted"]  # an upload key makes datasets and changes none


def test_a_wrong_key_does_not_sign_in(
    live_server_with_workers: Any, checkout: Path, tmp_path: Path, folder: Path
) -> None:
    server = live_server_with_workers
    python = checkout / ".venvs" / "arcsecond" / "bin" / "arcsecond"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HVEN_", "DJANGO_", "PYTHON"))}
    env |= {"HOME": str(tmp_path), "NO_PROXY": "*"}
    for arguments in (
        ["api", "ours", f"{server.url}/arcsecond"],
        ["login", "--api", "ours", "--username", server.user, "--type", "access", "--key", "0" * 40],
    ):
        subprocess.run([str(python), *arguments], env=env, capture_output=True, timeout=60, check=False)
    assert "0" * 40 not in (tmp_path / ".config" / "arcsecond" / "config.ini").read_text()


# --- failing files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[str, Path, Callable[..., subprocess.CompletedProcess[str]]]]:
    """A server that takes files of up to 20 kB: its data folder, a folder to upload, and the client signed in to it."""
    data, home = tmp_path / "data", tmp_path / "home"
    data.mkdir()
    home.mkdir()
    url, log_path = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "serve.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hven.cli", "serve", "--port", str(port), "--workers", "1"],
            env=server_environment(data, HVEN_MAX_UPLOAD="20000", HVEN_STOP_GRACE="2"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    python = CHECKOUT / ".venvs" / "arcsecond" / "bin" / "python"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HVEN_", "DJANGO_", "PYTHON"))}
    env |= {"HOME": str(home), "NO_PROXY": "*"}

    def client(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command; `before` is done in its process first."""
        code = f"import sys\n{before}\nfrom arcsecond.cli import main\nsys.argv[0] = 'arcsecond'\nmain()\n"
        return subprocess.run(
            [str(python), "-c", code, *arguments],
            env=env, cwd=home, input="\n", capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    try:
        wait_until_ready(process, url, log_path)
        hven_command(data, "user", "add", "tycho", "--password-stdin", stdin="uraniborg-1576\n")
        key = hven_command(data, "key", "new", "tycho", "--kind", "api").strip().splitlines()[-1]
        client("api", "ours", f"{url}/arcsecond")
        client("login", "--api", "ours", "--username", "tycho", "--type", "access", "--key", key)
        made = _telescope(url, key)
        yield made, data, client
    finally:
        process.terminate()
        process.wait(60)


def _telescope(url: str, key: str) -> str:
    http = urllib3.PoolManager(headers={"X-Arcsecond-API-Authorization": f"Key {key}"})
    place = {"longitude": 12.7, "latitude": 55.9}
    site = http.request("POST", f"{url}/arcsecond/observingsites/", json={"name": "Hven", "coordinates": place}).json()
    words = {"name": "Quadrant", "observing_site": site["uuid"]}
    return str(http.request("POST", f"{url}/arcsecond/telescopes/", json=words).json()["uuid"])


def test_a_file_that_the_server_refuses_is_told_and_the_others_are_safe(small: Any, tmp_path: Path) -> None:
    telescope, _, client = small
    night = tmp_path / "night"
    night.mkdir()
    for name in ("a.fits", "b.fits"):
        (night / name).write_bytes(frame(ord(name[0])))
    (night / "large.fits").write_bytes(frame(3) + bytes(40_000))
    upload = ("upload-data", str(night), "-d", "Set", "-t", telescope, "--api", "ours")
    done = client(*upload)
    # The client gives up at the first file that it cannot send; what it says is the server's own sentence.
    assert done.returncode == 1
    assert "413" in done.stderr and "larger than this server" in done.stderr
    (night / "large.fits").unlink()
    succeeded, skipped, failed = _counts(client(*upload).stderr)
    assert (succeeded + skipped, failed) == (2, 0)
    assert _counts(client(*upload).stderr) == (0, 2, 0)


VANISH = """
import arcsecond.cloud.uploader.walker as walker
first = walker._walk_first_pass
def and_then_one_goes(root):
    found = first(root)
    {what}
    return found
walker._walk_first_pass = and_then_one_goes
"""


@pytest.mark.parametrize(
    ("what", "reported"),
    [
        ("found[-1].unlink()", "FileNotFoundError"),
        ("found[-1].unlink(); found[-1].mkdir()", "IsADirectoryError"),  # no one reads it, not even root
    ],
    ids=["vanished", "unreadable"],
)
def test_a_file_that_cannot_be_read_ends_the_client_and_nothing_is_half_there(
    small: Any, tmp_path: Path, what: str, reported: str
) -> None:
    telescope, _, client = small
    night = tmp_path / "night"
    night.mkdir()
    for name in ("a.fits", "b.fits", "c.fits"):
        (night / name).write_bytes(frame(ord(name[0])))
    upload = ("upload-data", str(night), "-d", "Set", "-t", telescope, "--api", "ours")
    done = client(*upload, before=VANISH.format(what=what))
    assert done.returncode == 1 and reported in done.stderr
    assert _counts(client(*upload).stderr) == (0, 2, 0)  # the two before it are there, whole, once
    assert "(files: 2)" in client("datasets", "--api", "ours").stdout
