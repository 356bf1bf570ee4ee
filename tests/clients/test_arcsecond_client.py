"""The real client of Arcsecond, in its own venv, against a live server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import hven_command
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
    upload_key = hven_command(server.data, "key", "new", server.user, "--kind", "upload").strip().splitlines()[-1]
    other = _use(checkout, home, server, upload_key, "upload", subdomain, str(folder), seen["telescope"])
    assert _counts(other["first"]) == (5, 0, 0)
    assert _counts(other["second"]) == (0, 5, 0)


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
