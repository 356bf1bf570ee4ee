"""Uploading and watching folders, on a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import server_environment
from tests.dialects.arcsecond.conftest import frame


def hven(server: Any, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**server_environment(server.data), "HVEN_SERVER": server.url, "HVEN_KEY": server.api_key, **environment}
    return subprocess.run(
        [sys.executable, "-m", "hven.cli", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ask(server: Any, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Key {server.api_key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/arcsecond/{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def names(server: Any, dataset: str) -> dict[str, Any]:
    (found,) = ask(server, f"datasets/?name={dataset}")
    return {one["name"]: one for one in ask(server, f"datafiles/?dataset={found['uuid']}")}


@pytest.fixture
def night(tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    (folder / "M31" / "R").mkdir(parents=True)
    (folder / "M31" / "R" / "a.fits").write_bytes(frame(1))
    (folder / "b.fits").write_bytes(os.urandom(9_000_000))
    (folder / ".hidden").write_text("x")
    return folder


def test_a_folder_is_sent_once_with_its_sub_folders_as_tags(live_server_with_workers: Any, night: Path) -> None:
    server = live_server_with_workers
    done = hven(server, "upload", str(night), "--dataset", "cli-upload", "--tag", "first")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 sent, 0 skipped, 0 failed."
    found = names(server, "cli-upload")
    assert set(found) == {"a.fits", "b.fits"}
    assert found["a.fits"]["tags"] == ["M31", "R", "first"] and found["b.fits"]["tags"] == ["first"]
    done = hven(server, "upload", str(night), "--dataset", "cli-upload")
    assert done.stdout.splitlines()[-1] == "0 sent, 2 skipped, 0 failed."


def test_a_new_dataset_takes_a_telescope_by_its_name(live_server_with_workers: Any, night: Path) -> None:
    server = live_server_with_workers
    place = {"longitude": 12.7, "latitude": 55.9, "height": 40}
    site = ask(server, "observingsites/", {"name": "cli-site", "coordinates": place})["uuid"]
    telescope = ask(server, "telescopes/", {"name": "cli-quadrant", "observing_site": site})["uuid"]
    done = hven(server, "upload", str(night), "--dataset", "cli-by-name", "--telescope", "cli-quadrant")
    assert done.returncode == 0, done.stderr
    (found,) = ask(server, "datasets/?name=cli-by-name")
    assert found["telescope"] == telescope


def test_watching_sends_what_is_complete(live_server_with_workers: Any, night: Path) -> None:
    server = live_server_with_workers
    done = hven(server, "watch", str(night), "--dataset", "cli-watch", "--every", "0.1", "--once")
    assert done.returncode == 0, done.stderr
    assert set(names(server, "cli-watch")) == {"a.fits", "b.fits"}


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--dataset", "x"], {"HVEN_KEY": ""}, "Give an access key"),
        (["--dataset", "x"], {"HVEN_KEY": "0" * 40}, "Invalid key"),
        (["--dataset", "x", "--observatory", "nowhere"], {}, "no organisation"),
        (["--dataset", "x", "--telescope", "Nobody's"], {}, "There is no telescope of the name Nobody's"),
        (["--dataset", "x"], {"HVEN_SERVER": "http://127.0.0.1:9"}, "does not answer"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    live_server_with_workers: Any, night: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = hven(live_server_with_workers, "upload", str(night), *arguments, **environment)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr
