"""The real clients of nova.astrometry.net, each in its own venv, against a live server."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from astropy.wcs import WCS

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]
SCRIPTS = Path(__file__).parent / "scripts"


def _run(checkout: Path, venv: str, script: str, *arguments: str, home: Path, **environment: str) -> Any:
    python = checkout / ".venvs" / venv / "bin" / "python"
    if not python.exists():
        pytest.fail(f"The venv .venvs/{venv} is not there; `make test-clients` makes it.")
    # A home of its own: these clients cache results by address, and read keys from files.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HVEN_", "DJANGO_", "PYTHON"))}
    env |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home), **environment}
    done = subprocess.run(
        [str(python), str(SCRIPTS / script), *arguments],
        env=env, capture_output=True, text=True, timeout=240, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def _centre(cards: dict[str, Any]) -> tuple[float, float]:
    header = fits.Header()
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"} | cards)
    ra, dec = WCS(header).all_pix2world((cards["IMAGEW"] + 1) / 2, (cards["IMAGEH"] + 1) / 2, 1)
    return float(ra), float(dec)


def test_astroquery_solves_an_image(
    live_server_with_workers: Any, checkout: Path, wide_frame: Path, tmp_path: Path
) -> None:
    server = live_server_with_workers
    cards = _run(
        checkout, "astroquery", "use_astroquery.py", f"{server.url}/nova", server.api_key, "image", str(wide_frame),
        str(tmp_path), home=tmp_path,
    )  # fmt: skip
    assert _centre(cards) == pytest.approx((84.0, -1.5), abs=0.01)


def test_astroquery_solves_a_source_list(
    live_server_with_workers: Any, checkout: Path, wide_frame: Path, tmp_path: Path
) -> None:
    server = live_server_with_workers
    with wide_frame.with_name(wide_frame.name + ".truth.csv").open() as file:
        stars = [row for row in csv.DictReader(file) if 0 < float(row["x"]) < 799 and 0 < float(row["y"]) < 599][:150]
    given = {
        "x": [float(star["x"]) for star in stars], "y": [float(star["y"]) for star in stars],
        "width": 800, "height": 600,
    }  # fmt: skip
    (tmp_path / "list.json").write_text(json.dumps(given))
    cards = _run(
        checkout, "astroquery", "use_astroquery.py", f"{server.url}/nova", server.api_key, "list",
        str(tmp_path / "list.json"), str(tmp_path), home=tmp_path,
    )  # fmt: skip
    assert _centre(cards) == pytest.approx((84.0, -1.5), abs=0.02)


def test_astrometry_net_client_works_unmodified(
    live_server_with_workers: Any, checkout: Path, wide_frame: Path, tmp_path: Path
) -> None:
    server = live_server_with_workers
    found = _run(
        checkout, "astrometry-net-client", "use_astrometry_net_client.py", server.api_key, str(wide_frame),
        home=tmp_path, http_proxy=server.url, no_proxy="",
    )  # fmt: skip
    assert found["refused"]
    assert found["success"]
    assert found["calibration"]["pixscale"] == pytest.approx(54.0, rel=1e-3)
    assert found["shape"] == [600, 800]
    assert found["matches"] > 100
    assert found["sources"] >= found["matches"]
    assert found["stars"] > 100
    for picture in ("picture", "red_green", "extraction"):
        assert found[picture] > 10_000
    assert "M 42" in found["objects"]
