"""The printed clients, against a live server with its workers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)
SEED = "seeds/stdweb-rest-api.txt"
POLL = """
import time
while session.get(f"{BASE_URL}/tasks/{task_id}/state/").json()["celery_id"] is not None:
    time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def seed(checkout: Path) -> str:
    """The public document with the two printed examples."""
    path = checkout.parent / "shared" / SEED
    if not path.is_file():
        pytest.skip("needs ../shared/seeds, which is not here")
    return path.read_text()


@pytest.fixture
def folder(tmp_path: Path, wide_frame: Path) -> Path:
    """A folder with the frame under the name that the examples use."""
    shutil.copy(wide_frame, tmp_path / "image.fits")
    return tmp_path


def _shown(text: str) -> float:
    found = re.search(r"Zero point: ([0-9.]+)", text)
    assert found, text
    return float(found[1])


def test_the_printed_python_client_gets_a_zero_point(live_server_with_workers: Any, seed: str, folder: Path) -> None:
    server = live_server_with_workers
    code = seed[seed.index("import requests") :]
    code = code.replace("http://localhost:8000/api", f"{server.url}/stdweb/api")
    code = code.replace('"myuser"', repr(server.user)).replace('"mypass"', repr(server.password))
    # Where a document lost its indentation, what stands in a block is set in again.
    code = re.sub(r"^(with open.*:\n)((?:.+\n)+?)(task_id)", _indented, code, flags=re.MULTILINE)
    code = code.replace("# Get results", f"{POLL}\n# Get results")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 10 < _shown(done.stdout) < 30


def _indented(found: re.Match[str]) -> str:
    body = "".join(f"    {line.strip()}\n" for line in found[2].splitlines())
    return found[1] + body + found[3]


def test_the_printed_curl_recipe_gets_a_zero_point(live_server_with_workers: Any, seed: str, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    server = live_server_with_workers
    start = seed.index("# Get token\nTOKEN=")
    code = seed[start : seed.index("Python Client", start)]
    code = code.replace("http://localhost:8000/api", f"{server.url}/stdweb/api")
    code = code.replace("username=myuser&password=mypass", f"username={server.user}&password={server.password}")
    # jq is not everywhere; Python reads the same keys.
    code = re.sub(
        r"jq -r \.(\w+)", rf"""{sys.executable} -c 'import json,sys; print(json.load(sys.stdin)["\1"])'""", code
    )
    wait = (
        f"""while curl -s "{server.url}/stdweb/api/tasks/$TASK_ID/state/" -H "Authorization: Token $TOKEN" """
        "| grep -qv '\"celery_id\":null'; do sleep 0.2; done\n"
    )
    code = code.replace("# Check status", f"{wait}echo\n# Check status")
    done = subprocess.run(
        ["bash", "-e", "-c", code], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    task = json.loads(done.stdout.strip().splitlines()[-1])
    assert task["state"] == "photometry_done", task
    assert 10 < task["config"]["zp"] < 30


HELPER = '''
import json, time, requests

class STDWebClient:
    """A client written from the contract: a dictionary is sent through str(), as the printed one does."""

    def __init__(self, base, token):
        self.base, self.session = base, requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def create(self, path, config):
        with open(path, "rb") as file:
            answer = self.session.post(f"{self.base}/tasks/", files={"file": file}, data={"config": str(config)})
        answer.raise_for_status()
        return answer.json()["id"]

    def process(self, number, steps):
        self.session.post(f"{self.base}/tasks/{number}/process/", json={"steps": steps}).raise_for_status()

    def wait(self, number):
        while True:
            state = self.session.get(f"{self.base}/tasks/{number}/state/").json()
            if state["celery_id"] is None:
                return state["state"]
            time.sleep(0.2)

    def download(self, number, path):
        answer = self.session.get(f"{self.base}/tasks/{number}/files/{path}")
        answer.raise_for_status()
        return answer.content
'''


def test_a_client_of_the_helper_class_downloads_objects_as_a_votable(
    live_server_with_workers: Any, folder: Path
) -> None:
    from astropy.table import Table

    server = live_server_with_workers
    body = (
        f"client = STDWebClient({server.url + '/stdweb/api'!r}, {server.api_key!r})\n"
        "number = client.create('image.fits', {'filter': 'R', 'mask_cosmics': True})\n"
        "client.process(number, ['inspect', 'photometry'])\n"
        "state = client.wait(number)\n"
        "open('objects.vot', 'wb').write(client.download(number, 'objects.vot'))\n"
        "print(json.dumps([number, state]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", HELPER + body], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    number, state = json.loads(done.stdout.splitlines()[-1])
    assert state == "photometry_done"
    objects = Table.read(folder / "objects.vot")
    assert len(objects) > 100
    assert {"ra", "dec", "mag_calib", "mag_calib_err", "flags", "mag_filter_name"} <= set(objects.colnames)
    request = urllib.request.Request(
        f"{server.url}/stdweb/api/tasks/{number}/", headers={"Authorization": f"Token {server.api_key}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["config"]["zp"] > 10


def test_manage_py_makes_a_token(live_server_with_workers: Any, checkout: Path, python: str) -> None:
    from tests.conftest import server_environment

    server = live_server_with_workers
    done = subprocess.run(
        [python, str(checkout / "manage.py"), "drf_create_token", server.user],
        env=server_environment(server.data), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = re.search(r"\b[0-9a-f]{40}\b", done.stdout)
    assert found, done.stdout
    request = urllib.request.Request(
        f"{server.url}/stdweb/api/tasks/?limit=1", headers={"Authorization": f"Token {found[0]}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "results" in json.load(answer)


def test_a_run_can_be_cancelled_while_it_works(live_server_with_workers: Any, folder: Path) -> None:
    import requests

    server = live_server_with_workers
    base, http = f"{server.url}/stdweb/api", requests.Session()
    http.headers["Authorization"] = f"Token {server.api_key}"
    with (folder / "image.fits").open("rb") as file:
        number = http.post(f"{base}/tasks/", files={"file": file}, timeout=30).json()["id"]
    http.post(f"{base}/tasks/{number}/process/", json={"steps": ["inspect", "photometry"] * 10}, timeout=30)
    answer = http.post(f"{base}/tasks/{number}/cancel/", timeout=30)
    assert answer.json()["state"] == "cancelled"
    end = time.monotonic() + 30
    while http.get(f"{base}/queue/", timeout=30).json() and time.monotonic() < end:
        time.sleep(0.1)
    assert http.get(f"{base}/tasks/{number}/state/", timeout=30).json() == {
        "id": number, "state": "cancelled", "celery_id": None,
    }  # fmt: skip
