"""The pages in headless Chromium, on a real server with its workers: from upload to solved, and all on the way."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from .browsing import PHONE, Opened, until, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PAGES = (
    "/frames/",
    "/frames/?look=table",
    "/frames/?look=grid",
    "/frames/?look=map",
    "/gallery/",
    "/data/",
    "/files/",
    "/packages/",
    "/nights/",
    "/sites/",
    "/telescopes/",
    "/upload/",
    "/queue/",
    "/solver/",
    "/keys/",
    "/password/",
    "/nowhere",
)


def show(opened: Opened, frame: str, query: str = "") -> Any:
    page = opened.go(frame + query)
    page.wait_for_selector("hven-viewer[data-ready=overlays]", timeout=30_000)
    page.wait_for_selector("hven-viewer[data-open=yes]")
    until(page, "document.querySelector('hven-viewer').image?.getFullyLoaded()")
    return page


def pixels(page: Any, selector: str | None = None) -> np.ndarray:
    shot = page.locator(selector).screenshot() if selector else page.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def on(page: Any) -> set[str]:
    return set(page.eval_on_selector_all(".toggles input:checked", "boxes => boxes.map(box => box.value)"))


def test_an_uploaded_frame_is_solved_and_shown_with_its_overlays(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame)
        assert page.locator("#panel .state").first.inner_text() == "solved"
        assert "05h36m" in page.locator(".centre").inner_text()
        assert page.title().startswith("wide.fits")
        picture = pixels(page, "#sky-view canvas")
        assert picture.std() > 5, "the picture is blank"
        assert on(page) == {"objects", "grid"}
        for name in ("detected", "stars", "objects", "grid"):
            said = int(page.locator(f'[data-count="{name}"]').inner_text())
            drawn = page.locator(f"#over .layer.{name} > *").count()
            assert said >= drawn > 0, name
        assert page.locator("#over .names.objects text:not(.off)", has_text="Alnilam").count() == 1


def test_overlays_lie_on_the_stars(window, frame) -> None:
    """The brightest reference star's square is centred on a peak of the picture."""
    with window() as opened:
        page = show(opened, frame, "?o=stars")
        place = page.evaluate(
            """() => { const viewer = document.querySelector('hven-viewer');
                 const stars = viewer.overlays.marks.filter(m => m.layer === 'stars');
                 const star = stars.sort((a, b) => a.about.mag - b.about.mag)[3];
                 viewer.osd.viewport.zoomTo(viewer.image.imageToViewportZoom(8), null, true);
                 viewer.osd.viewport.panTo(viewer.image.imageToViewportCoordinates(star.x, star.y), true); }"""
        )
        assert place is None
        until(page, "document.querySelector('hven-viewer').image.getFullyLoaded()")
        page.wait_for_timeout(300)
        page.keyboard.press("o")
        box = page.locator("#sky-view").bounding_box()
        view = pixels(page, "#sky-view")[..., 0]
        middle_y, middle_x = int(box["height"] / 2), int(box["width"] / 2)
        near = view[middle_y - 40 : middle_y + 40, middle_x - 40 : middle_x + 40]
        rows, columns = np.nonzero(near >= near.max() - 5)
        assert abs(rows.mean() - 40) < 10, "8 screen pixels are one of the picture"
        assert abs(columns.mean() - 40) < 10


LENS = {
    "CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "CRVAL1": 40.0, "CRVAL2": 52.0, "CRPIX1": 410.0, "CRPIX2": 290.0,
    "CD1_1": -0.2, "CD1_2": 0.03, "CD2_1": 0.03, "CD2_2": 0.2, "PV2_0": 0.0, "PV2_1": 1.0, "PV2_3": -0.04,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["flat", "fisheye"])
def test_the_projection_in_the_browser_is_that_of_the_server(window, frame, kind) -> None:
    from hven.science.sky.wcs import Wcs

    generator = np.random.default_rng(3)
    cards = LENS if kind == "fisheye" else {
        "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 359.9, "CRVAL2": 78.0, "CRPIX1": 400.5,
        "CRPIX2": 300.5, "CD1_1": -0.004, "CD1_2": 0.001, "CD2_1": 0.001, "CD2_2": 0.004, "A_ORDER": 3, "B_ORDER": 3,
        "A_2_0": 2e-6, "A_1_1": -1e-6, "A_3_0": 4e-9, "B_0_2": 3e-6, "B_2_1": -5e-9, "B_0_3": 2e-9,
    }  # fmt: skip
    wcs = Wcs.from_cards(cards, 800, 600)
    points = generator.uniform((0, 0), (800, 600), (50, 2)).tolist()
    with window() as opened:
        page = opened.go("/upload/")
        found = page.evaluate(
            """async ([cards, points]) => {
                 const { Wcs } = await import('/static/web/wcs.js');
                 const wcs = new Wcs(cards);
                 const both = (sky) => [...sky, ...wcs.toPixel(...sky)];
                 return points.map(([x, y]) => both(wcs.toSky(x, y))); }""",
            [cards, points],
        )
    found, points = np.array(found), np.array(points)
    ra, dec = wcs.to_sky(points[:, 0], points[:, 1])
    assert np.abs((found[:, 0] - ra + 180) % 360 - 180).max() < 1e-9
    assert np.abs(found[:, 1] - dec).max() < 1e-9
    assert np.abs(found[:, 2:] - points).max() < 1e-4


def test_what_is_under_the_cursor_is_said(window, frame, wide_frame) -> None:
    from astropy.io import fits

    with window() as opened:
        page = show(opened, frame, "?v=400,300,4&o=")
        page.hover("#sky-view")
        until(page, "/[0-9]/.test(document.querySelector('[data-read=value]').textContent)")
        said = page.locator("#readout").inner_text()
        x, y = map(int, re.search(r"x (\d+) y (\d+)", said).groups())
        data = fits.getdata(wide_frame)
        assert float(re.search(r"([\d.]+) ADU", said)[1]) == pytest.approx(float(data[y - 1, x - 1]), rel=1e-5)
        assert re.search(r"\d\dh\d\dm[\d.]+s [+−]\d\d°", said)
        page.keyboard.press("d")
        assert re.search(r"\d+\.\d{5}° [+−]\d+\.\d{5}°", page.locator("#readout").inner_text())
        assert "°" in page.locator(".centre").inner_text()
        assert "h" not in page.locator(".centre").inner_text()


def test_brightness_is_changed_and_kept_in_the_address(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame, "?o=")
        before = pixels(page, "#sky-view canvas")
        page.select_option("#stretch [name=kind]", "linear")
        page.wait_for_selector("hven-viewer[data-stretch*='stretch=linear']")
        assert np.abs(pixels(page, "#sky-view canvas") - before).mean() > 2
        page.keyboard.press("Escape")
        page.check("#stretch [name=invert]")
        page.wait_for_selector("hven-viewer[data-stretch*='invert=1']")
        assert pixels(page, "#sky-view canvas").mean() > before.mean()
        page.locator("#stretch [name=high]").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("hven-viewer[data-stretch*='high=']")
        said = parse_qs(urlsplit(page.url).query)["s"][0].split(",")
        assert (said[0], said[1], said[3]) == ("linear", "", "i")
        page.reload()
        page.wait_for_selector("hven-viewer[data-open=yes]")
        assert page.input_value("#stretch [name=kind]") == "linear"
        assert page.is_checked("#stretch [name=invert]")
        assert page.evaluate("document.querySelector('hven-viewer').stretch.high") == float(said[2])


def test_a_link_shows_what_its_sender_saw(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame)
        page.keyboard.press("+")
        page.keyboard.press("4")
        until(page, "location.search.includes('v=') && location.search.includes('o=objects')")
        page.wait_for_timeout(600)
        sent = parse_qs(urlsplit(page.url).query)
        page = show(opened, frame, f"?{urlsplit(page.url).query}")
        assert on(page) == {"objects"}
        zoom = page.evaluate("document.querySelector('hven-viewer').zoom")
        assert zoom == pytest.approx(float(sent["v"][0].split(",")[2]), rel=1e-2)


def test_list_and_picture_highlight_each_other(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame)
        row = page.locator("[data-object]", has_text="Alnilam").first
        row.click()
        assert "Alnilam" in page.locator("#pinned").inner_text()
        assert "on" in row.get_attribute("class").split()
        assert "on" in page.locator("#over .ring").get_attribute("class").split()
        page.keyboard.press("Escape")
        assert page.locator("#pinned").is_hidden()
        page.wait_for_timeout(600)
        place = page.evaluate(
            """index => { const viewer = document.querySelector('hven-viewer');
                 const mark = viewer.overlays.object(index);
                 const box = document.querySelector('#sky-view').getBoundingClientRect();
                 return [box.left + viewer.corner.x + mark.x * viewer.zoom,
                         box.top + viewer.corner.y + mark.y * viewer.zoom]; }""",
            int(row.get_attribute("data-object")),
        )
        page.mouse.move(*place)
        assert "on" in row.get_attribute("class").split()
        page.mouse.click(*place)
        page.mouse.move(10, 10)
        assert "Alnilam" in page.locator("#pinned").inner_text()


def test_the_keyboard_reaches_everything(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame)
        page.keyboard.press("o")
        assert on(page) == set()
        page.keyboard.press("o")
        assert on(page) == {"objects", "grid"}
        page.keyboard.press("1")
        assert on(page) == {"detected", "objects", "grid"}
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        assert page.locator("#rerun").get_attribute("open") is not None
        assert page.evaluate("document.activeElement.name") == "scale_low"
        page.keyboard.press("o")  # typed into the field, not done
        assert on(page) == {"detected", "objects", "grid"}
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"
        page.evaluate("document.activeElement.blur()")
        for letter, path in (
            ("q", "/queue/"),
            ("s", "/solver/"),
            ("k", "/keys/"),
            ("u", "/upload/"),
            ("f", "/frames/"),
        ):
            page.keyboard.press("g")
            page.keyboard.press(letter)
            page.wait_for_url(f"**{path}")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.matches('[data-row]')")
        page.keyboard.press("Enter")
        page.wait_for_url("**/frames/*-*/**")


def test_the_theme_is_remembered(window) -> None:
    with window() as opened:
        page = opened.go("/frames/")
        seen = []
        for _ in range(3):
            page.keyboard.press("t")
            seen.append(page.evaluate("document.documentElement.dataset.theme"))
        assert seen == ["day", "red", "night"]
        page.click("#theme")
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "day"


def test_the_red_theme_shows_nothing_but_red(window, frame) -> None:
    with window() as opened:
        page = opened.go("/frames/")
        page.evaluate("localStorage.setItem('hven-theme', 'red')")
        for path in (*PAGES, frame):
            opened.go(path)
            if path == frame:
                show(opened, frame, "?o=detected,stars,objects,grid")
                page.click("[data-object='0']")
            page.wait_for_timeout(300)
            picture = pixels(page)
            assert picture[..., 1:].max() <= 5, f"{path} shows green or blue"
            assert picture[..., 0].max() > 200, path


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_no_page_is_wider_than_its_window(window, frame, width) -> None:
    with window(viewport={"width": width, "height": 800}) as opened:
        for path in (*PAGES, frame):
            page = opened.go(path)
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            rail = page.locator(".rail").bounding_box()
            if width < 700:
                assert rail["y"] + rail["height"] == pytest.approx(800), "the rail is a bar at the bottom"


def test_a_phone_shows_picture_and_figures(window, frame) -> None:
    with window(**PHONE) as opened:
        page = show(opened, frame)
        assert page.locator("hven-viewer").bounding_box()["height"] > 270
        assert page.locator(".centre").is_visible()
        page.locator("#sky-view").tap()
        assert "x " in page.locator("#readout").inner_text()


@pytest.mark.parametrize("theme", ["night", "day", "red"])
def test_every_page_is_accessible(window, frame, checkout, theme) -> None:
    axe = (checkout / "node_modules/axe-core/axe.min.js").read_text()
    with window() as opened:
        page = opened.go("/frames/")
        page.evaluate(f"localStorage.setItem('hven-theme', '{theme}')")
        found = {}
        for path in (*PAGES, frame):
            opened.go(path)
            if path == frame:
                show(opened, frame)
            page.eval_on_selector_all("details:not(.menu)", "all => all.forEach(one => { one.open = true; })")
            page.wait_for_timeout(200)
            found |= {f"{path} {name}": where for name, where in violations(page, axe).items()}
        page.keyboard.press("?")
        found |= violations(page, axe)
        assert found == {}


def test_signing_in_is_accessible(browser, live_server_with_workers, checkout) -> None:
    axe = (checkout / "node_modules/axe-core/axe.min.js").read_text()
    with browser.new_context() as context:
        opened = Opened(context, live_server_with_workers.url)
        assert violations(opened.go("/sign-in/"), axe) == {}
        opened.page.fill("[name=username]", "nobody")
        opened.page.fill("[name=password]", "at all")
        opened.page.click("main button.main")
        opened.page.wait_for_selector("[role=alert]")
        assert violations(opened.page, axe) == {}


@pytest.mark.parametrize("template", ["set_up", "sign_up"])
@pytest.mark.parametrize("error", ["", "The two passwords differ; type the same one twice."])
def test_making_an_account_is_accessible(browser, live_server_with_workers, checkout, template, error) -> None:
    from django.contrib.auth.models import AnonymousUser
    from django.template.loader import render_to_string
    from django.test import RequestFactory

    axe = (checkout / "node_modules/axe-core/axe.min.js").read_text()
    # the server beside is set up and lets nobody sign up, so the page itself is made here
    request = RequestFactory().get("/sign-up/")
    request.user = AnonymousUser()
    made = render_to_string(f"web/{template}.html", {"error": error, "name": "tycho"}, request)
    with browser.new_context() as context:
        opened = Opened(context, live_server_with_workers.url)
        context.route("**/sign-up/", lambda route: route.fulfill(content_type="text/html", body=made))
        page = opened.go("/sign-up/")
        assert page.locator("main button.main").is_visible()
        assert violations(page, axe) == {}


def test_a_file_dropped_on_any_page_is_followed_over_pages_and_a_failure_stays(window) -> None:
    drop = """([name, text]) => { const data = new DataTransfer(); data.items.add(new File([text], name));
        const about = { dataTransfer: data, bubbles: true, cancelable: true };
        for (const type of ['dragenter', 'dragover', 'drop'])
            document.body.dispatchEvent(new DragEvent(type, about)); }"""
    with window() as opened:
        page = opened.go("/keys/")
        page.evaluate(drop, ["torn.fits", "SIMPLE  = torn"])
        page.wait_for_selector("#tray .upload-row a")
        opened.go("/queue/")
        page.wait_for_selector("#tray .state.failed", timeout=60_000)
        opened.go("/keys/")
        row = page.locator("#tray .upload-row", has_text="torn.fits")
        assert row.locator("small").inner_text().endswith(".")
        page.click("[aria-label='Dismiss torn.fits']")
        opened.go("/queue/")
        page.wait_for_selector("#queue")
        assert page.locator("#tray .upload-row", has_text="torn.fits").count() == 0
        assert page.locator("#queue tr", has_text="torn.fits").locator(".state.failed").count() >= 1


def test_a_frame_that_runs_again_becomes_solved_before_ones_eyes(window, frame) -> None:
    with window() as opened:
        page = show(opened, frame)
        page.keyboard.press("r")
        page.fill("#rerun [name=scale_low]", "10")
        page.fill("#rerun [name=scale_high]", "400")
        page.click("#rerun .main")
        page.wait_for_url("**?run=*")
        page.wait_for_selector("#panel .solution", timeout=60_000)
        page.wait_for_selector("hven-viewer[data-ready=overlays]")
        assert page.locator("#panel .state").first.inner_text() == "solved"
        assert page.input_value("#rerun [name=scale_high]") == "400"


def test_the_picture_comes_by_itself_to_a_page_that_was_opened_before_the_file_was_read(window, wide_frame) -> None:
    with window() as opened:
        page = opened.go("/upload/")
        page.set_input_files("#files", str(wide_frame))
        page.wait_for_selector("#sent a")
        opened.go(page.get_attribute("#sent a", "href"))
        page.wait_for_selector("hven-viewer[data-ready=overlays]", timeout=60_000)
        page.wait_for_selector("hven-viewer[data-open=yes]")
        assert page.locator("#waiting").is_hidden()
        assert page.locator("#panel .solution").count() == 1
        assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight"), "only the panel scrolls"


def test_a_question_comes_before_deleting(window, live_server_with_workers) -> None:
    with window() as opened:
        page = opened.go("/keys/")
        page.fill("[name=name]", "short-lived")
        page.click("form .button:has-text('Make the key')")
        page.click("[aria-label='Revoke short-lived']")
        page.click("dialog[open] >> text=Keep it")
        assert page.locator("td", has_text="short-lived").count() == 1
        page.click("[aria-label='Revoke short-lived']")
        page.click("dialog[open] .danger")
        page.wait_for_selector(".note.success")
        assert page.locator("td", has_text="short-lived").count() == 0


def test_pages_are_light(window, frame) -> None:
    """What a page weighs compressed, before the viewer, as the browser received it."""
    with window() as opened:
        sizes: dict[str, int] = {}
        client = opened.page.context.new_cdp_session(opened.page)
        client.send("Network.enable")
        urls: dict[str, str] = {}
        client.on("Network.responseReceived", lambda e: urls.__setitem__(e["requestId"], e["response"]["url"]))
        client.on("Network.loadingFinished", lambda e: sizes.__setitem__(e["requestId"], int(e["encodedDataLength"])))
        show(opened, frame)
        counted = {urls[key]: size for key, size in sizes.items() if key in urls and "/static/" in urls[key]}
        own = sum(size for url, size in counted.items() if "openseadragon" not in url)
        assert counted
        assert own < 150_000, json.dumps(counted, indent=1)
