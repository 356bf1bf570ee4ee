"""A night from an empty server to its page, in headless Chromium: site, telescope, upload, timeline, files, package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import hven_command

from .browsing import PHONE, Opened, until, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def axe(checkout: Path) -> str:
    """The checks of axe-core."""
    return (checkout / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def night(
    browser: Any, signed_in: Any, live_server_with_workers: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A simulated night, uploaded to a telescope that was made on the pages; paths of what came of it."""
    server, folder = live_server_with_workers, tmp_path_factory.mktemp("night") / "files"
    hven_command(
        server.data, "simulate", "night", str(folder), "--size", "96x64", "--stars", "random", "--lights", "1",
        "--bias", "2", "--darks", "2", "--flats", "1",
    )  # fmt: skip
    with browser.new_context(storage_state=signed_in) as context:
        opened = Opened(context, server.url)
        page = opened.go("/sites/")
        page.evaluate("document.querySelector('details.make').open = true")
        page.fill("[name=name]", "Teide")
        page.fill("[name=longitude]", "16 30 42 W")
        page.fill("[name=latitude]", "28.3003")
        page.fill("[name=height]", "2390")
        page.click("text=Make the site")
        page.wait_for_url(re.compile(r"/sites/[0-9a-f-]{36}/"))
        site = urlsplit(page.url).path
        page.click("text=New telescope here")
        page.fill("[name=name]", "Quadrant")
        page.click("text=Make the telescope")
        page.wait_for_url(re.compile(r"/telescopes/[0-9a-f-]{36}/"))
        telescope = urlsplit(page.url).path
        uuid = telescope.split("/")[2]
        hven_command(
            server.data, "upload", str(folder), "--server", server.url, "--key", server.api_key,
            "--dataset", "Spring nights", "--telescope", uuid,
        )  # fmt: skip
        lights = len(list((folder / "light").rglob("*.fits")))
        for _ in range(300):
            page = opened.go(f"/nights/?telescope={uuid}")
            cells = page.locator("tbody tr td.number").all_inner_texts()
            if cells and cells[0] == str(lights) and cells[2] == "7":
                break
            page.wait_for_timeout(200)
        else:
            pytest.fail(f"the night was not filed: {cells}")
        page.click("tbody a")
        page.wait_for_url(re.compile(r"/nights/[0-9a-f-]{36}/"))
        found = {"site": site, "telescope": telescope, "night": urlsplit(page.url).path}
        page = opened.go(telescope)
        page.click("text=Spring nights")
        page.wait_for_url(re.compile(r"/data/[0-9a-f-]{36}/"))
        found["dataset"] = urlsplit(page.url).path
        assert opened.wrong == []
        return found


def every_picture_is_there(page: Any) -> None:
    page.evaluate("for (const each of document.images) each.loading = 'eager'")
    until(page, "[...document.images].every(each => each.complete && each.naturalWidth > 0)")


def test_the_night_shows_targets_twilights_and_pictures(window: Any, night: dict[str, str], axe: str) -> None:
    with window() as opened:
        page = opened.go(night["night"])
        assert page.locator("h1").inner_text() == "Night of 2026-03-15"
        lanes = page.locator("#timeline ~ .lane").all_inner_texts()
        assert len(lanes) >= 3 + 5  # targets, and bias, dark, flats
        assert page.locator("#timeline ~ .lane .bar").count() >= 8
        assert page.locator(".band.dark").count() > 0
        assert page.locator(".part .tile").count() > 8
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        every_picture_is_there(page)
        for theme in ("night", "day", "red"):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            assert violations(page, axe) == {}, theme
        page.fill("[name=about]", "Clear until two")
        page.click(".card button:has-text('Save')")
        until(page, "document.querySelector('.note.success')")
        assert page.input_value("[name=about]") == "Clear until two"


def test_a_file_is_looked_into_from_its_dataset(window: Any, night: dict[str, str], axe: str) -> None:
    with window() as opened:
        page = opened.go(night["dataset"])
        every_picture_is_there(page)
        assert violations(page, axe) == {}
        page.fill("#filters [name=q]", 'IMAGETYP="Dark Frame"')
        page.press("#filters [name=q]", "Enter")
        until(page, "document.querySelectorAll('.chip').length == 1")
        assert page.locator(".count").inner_text() == "2 files"
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/files/[0-9a-f-]{36}/"))
        every_picture_is_there(page)
        assert page.locator(".meaning").inner_text().count("Dark Frame") == 1
        page.fill("[data-filter]", "exptime")
        assert page.locator(".cards tr:visible").count() == 1
        assert violations(page, axe) == {}


def test_the_sky_of_a_site_answers_for_a_target(window: Any, night: dict[str, str], axe: str) -> None:
    with window() as opened:
        page = opened.go(night["site"])
        page.fill(".tonight [name=at]", "M13")
        page.fill(".tonight [name=night]", "2026-05-15")
        page.click(".tonight button")
        until(page, "document.querySelector('.line-target')")
        assert "M13 is clear of the horizon" in page.locator(".lead").inner_text()
        page.click("text=Name, place, horizon")
        page.fill("[name=horizon]", "0 30\n180 60\n")
        page.click("button:has-text('Save')")
        until(page, "document.querySelector('.horizon')")
        assert violations(page, axe) == {}
        assert violations(opened.go(f"{night['telescope']}?at=M13"), axe) == {}


def test_a_package_is_made_and_fetched(window: Any, night: dict[str, str], axe: str) -> None:
    with window() as opened:
        page = opened.go("/packages/")
        page.evaluate("document.querySelector('details.make').open = true")
        page.fill("[name=name]", "For Prague")
        page.check("label:has-text('Spring nights') input")
        page.click("text=Make the package")
        page.wait_for_url(re.compile(r"/packages/[0-9a-f-]{36}/"))
        assert violations(page, axe) == {}
        with page.expect_download() as download:
            page.click("text=Download all")
        assert download.value.suggested_filename == "For Prague.zip"


@pytest.mark.parametrize("width", [320, 390])
def test_the_pages_fit_a_phone(window: Any, night: dict[str, str], axe: str, width: int) -> None:
    with window(**{**PHONE, "viewport": {"width": width, "height": 844}}) as opened:
        for path in (night["night"], night["dataset"], f"{night['dataset']}?look=grid", f"{night['site']}?at=M13",
                     night["telescope"], "/nights/", "/data/", "/files/", "/packages/", "/sites/"):  # fmt: skip
            page = opened.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert violations(page, axe) == {}, path
