"""Reducing a frame in headless Chromium, on a real server: from upload to candidates, mask and light curve."""

from __future__ import annotations

import io
import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.science.simulate.psf import add_stars
from tests.conftest import hven_command
from tests.science.photometry.scenes import Scene

from .browsing import PHONE, until, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def _fits(scene: Scene, data: Any) -> bytes:
    header = fits.Header()
    for name, value in scene.cards.items():
        header[name] = value
    content = io.BytesIO()
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(content)
    return content.getvalue()


@pytest.fixture(scope="module")
def axe(checkout: Path) -> str:
    """The checks of axe-core."""
    return (checkout / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def task(live_server_with_workers: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A frame with a new star beside its template, as a task that nothing was done with; the path of its page."""
    import requests

    server = live_server_with_workers
    folder = tmp_path_factory.mktemp("scene")
    scene = Scene(size=400, stars=160, seed=11)
    scene.catalogue.write(folder / "stars.ecsv")
    hven_command(server.data, "catalogue", "add", "ps1", str(folder / "stars.ecsv"), "--replace")
    nova = np.zeros((400, 400))
    add_stars(nova, np.array([203.3]), np.array([157.6]), np.array([60_000.0]), fwhm_px=3.2, beta=3.5, faint=0.02)
    new = scene.data + np.random.default_rng(3).poisson(nova * scene.gain) / scene.gain
    http = requests.Session()
    http.headers["Authorization"] = f"Token {server.api_key}"
    base = f"{server.url}/stdweb/api"
    made = http.post(
        f"{base}/tasks/", files={"file": ("new.fits", _fits(scene, new))},
        data={"config": json.dumps({"template": "custom"})}, timeout=60,
    ).json()  # fmt: skip
    rng = np.random.default_rng(4)
    deep = rng.poisson((scene.light + 400) * 6) / 6
    http.post(
        f"{base}/tasks/{made['id']}/files/custom_template.fits",
        files={"file": ("t.fits", _fits(scene, deep))},
        timeout=60,
    )
    code = f"from hven.imaging.models import Reduction; print(Reduction.objects.get(pk={made['id']}).uuid)"
    uuid = hven_command(server.data, "manage", "shell", "-v", "0", "-c", code).strip().splitlines()[-1]
    return f"/frames/{uuid}/reduce/"


def wait_for(page: Any, card: str, word: str) -> None:
    for _ in range(600):
        said = page.locator(f"#step-{card} > header .state").inner_text()
        if said == word:
            return
        assert said != "failed", page.locator("#steps .note").inner_text()
        page.wait_for_timeout(200)
    pytest.fail(f"{card} never was {word}")


def test_a_frame_is_reduced_step_by_step_and_a_new_star_found(window: Any, task: str, axe: str) -> None:
    with window() as opened:
        page = opened.go(task)
        page.locator("#step-inspect button", has_text="Run from here").click()
        wait_for(page, "photometry", "done")
        zero_point = page.locator(".figures", has_text="Zero point").inner_text()
        assert "27.8" in zero_point and "mag AB (r)" in zero_point
        plot = page.locator('#step-photometry img[alt="Zero point by magnitude and colour"]')
        plot.scroll_into_view_if_needed()
        until(page, "document.querySelector('#step-photometry .plots img').naturalWidth > 300")
        page.locator("#step-subtraction button", has_text="Run").last.click()
        wait_for(page, "subtraction", "done")
        rows = page.locator("#candidates-subtraction tbody tr")
        assert 1 <= rows.count() <= 5
        rows.first.scroll_into_view_if_needed()
        until(page, "document.querySelector('#candidates-subtraction .strip img').naturalWidth > 300")
        rows.first.locator("button", has_text="Accept").click()
        until(page, "document.querySelector('#candidates-subtraction tbody tr').dataset.verdict === 'accepted'")
        page.reload()
        assert page.locator("#candidates-subtraction tr[data-verdict=accepted]").count() == 1
        assert violations(page, axe) == {}
        assert opened.wrong == []


def test_pictures_blink_and_tables_sort(window: Any, task: str) -> None:
    with window() as opened:
        page = opened.go(task)
        page.keyboard.press("b")
        until(page, "document.querySelector('hven-blink img').src.includes('mask.fits')")
        assert page.locator("[data-blink]").get_attribute("aria-pressed") == "true"
        page.keyboard.press("b")
        page.locator("#candidates-subtraction th button", has_text="Magnitude").click()
        assert page.locator("#candidates-subtraction th[aria-sort=ascending]").inner_text().startswith("Magnitude")
        assert opened.wrong == []


def test_a_mask_is_drawn_with_the_mouse_and_kept(window: Any, task: str, axe: str) -> None:
    with window() as opened:
        page = opened.go(task + "mask/")
        until(page, "document.querySelector('.mask-stage img').naturalWidth > 100")
        box = page.locator(".mask-stage").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        page.mouse.up()
        assert page.locator("[data-count]").inner_text() == "1"
        assert violations(page, axe) == {}
        page.locator("button", has_text="Keep the mask").click()
        page.wait_for_url(f"**{task}")
        page.goto(opened.url + task + "mask/")
        values = [int(page.locator(f"input[data-side={side}]").input_value()) for side in ("x1", "y1", "x2", "y2")]
        assert np.allclose(values, [100, 200, 200, 300], atol=3)
        page.locator("[data-clear]").click()
        page.locator("button", has_text="Keep the mask").click()
        page.wait_for_url(f"**{task}")
        assert opened.wrong == []


def test_the_pages_fit_a_phone_and_break_no_rule(window: Any, task: str, axe: str) -> None:
    with window(**PHONE) as opened:
        for path in (task, task + "mask/", "/light-curve/", "/light-curve/?at=150.1+2.2&r=60"):
            page = opened.go(path)
            page.wait_for_load_state("load")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
            assert violations(page, axe) == {}, path
        assert opened.wrong == []


def test_a_light_curve_is_drawn(window: Any, task: str, live_server_with_workers: Any, axe: str) -> None:
    server = live_server_with_workers
    request = urllib.request.Request(
        f"{server.url}/stdweb/api/tasks/?limit=1", headers={"Authorization": f"Token {server.api_key}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["count"] >= 1
    with window() as opened:
        page = opened.go(task)
        page.locator("#candidates-subtraction tbody th a").first.click()
        page.wait_for_load_state("load")
        assert page.locator(".light svg .mark").count() >= 1
        assert violations(page, axe) == {}
        assert opened.wrong == []
