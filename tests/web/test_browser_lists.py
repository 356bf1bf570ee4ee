"""Gallery, search, albums, links and comparisons in headless Chromium, as people use them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .browsing import PHONE, Opened, until, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
DAY = "localStorage.setItem('hven-theme', 'day')"


@pytest.fixture
def axe(checkout: Any) -> str:
    return (checkout / "node_modules/axe-core/axe.min.js").read_text()


def fits(page: Any) -> bool:
    """Whether nothing reaches over the side of the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def publish(opened: Opened, path: str) -> None:
    page = opened.go(path)
    page.locator("#owner > summary").click()
    if page.locator("#owner button[value=public]").count():
        page.click("#owner button[value=public]")


def test_visitors_look_at_the_gallery_and_follow_a_dot_of_its_map(
    browser,
    window,
    frame,
    live_server_with_workers,
    axe,
) -> None:
    with window() as owner:
        publish(owner, frame)
    for options in ({}, PHONE, {"viewport": {"width": 320, "height": 700}}):
        with browser.new_context(**options) as context:
            context.add_init_script(DAY if options else "0")
            opened = Opened(context, live_server_with_workers.url)
            page = opened.go("/gallery/")
            assert page.locator("li", has_text="wide.fits").count() >= 1
            until(page, "document.querySelector('.thumb img').naturalWidth > 0")
            assert violations(page, axe) == {}
            assert fits(page)
            page.locator(".dots a").first.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
            page.wait_for_url("**near=**")
            assert page.locator(".chip").count() == 1
            assert page.locator("li", has_text="wide.fits").count() >= 1
            assert opened.wrong == []


def test_a_click_on_the_map_searches_there(window, frame) -> None:
    with window() as opened:
        page = opened.go("/frames/?look=map")
        page.click(".skymap svg", position={"x": 40, "y": 10})
        page.wait_for_timeout(200)
        assert "near" not in page.url, "beside the oval there is no sky"
        box = page.locator(".skymap svg").bounding_box()
        unit = min(box["width"] / 1000, box["height"] / 504)
        middle = {"x": box["width"] / 2 + 100 * unit, "y": box["height"] / 2 - 30 * unit}
        page.click(".skymap svg", position=middle)
        page.wait_for_url("**near=**")
        from hven.science.sky.hammer import project

        ra, dec = map(float, parse_qs(urlsplit(page.url).query)["near"][0].split())
        x, y = project(ra, dec)
        assert (float(x) * 490, float(y) * 490) == pytest.approx((100, 30), abs=2)
        assert page.locator(".empty").count() == 1


def test_what_is_typed_is_found_and_marks_are_taken_away(window, frame, axe) -> None:
    with window() as opened:
        page = opened.go("/frames/?look=grid")
        page.fill("#filters [name=q]", "M42 r=12 OBJECT=nothing")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=**")
        assert page.locator(".empty h2").inner_text() == "No frame fits"
        assert violations(page, axe) == {}
        page.click(".chip:has-text('OBJECT')")
        page.wait_for_selector(".grid .tile")
        assert page.locator(".chip").all_inner_texts()[0].startswith("within 12° of M42")
        page.click(".narrow-by > summary")
        page.fill("[name=tag]", "Alnilam")
        page.click(".narrow-by .main")
        page.wait_for_url("**tag=Alnilam**")
        assert violations(page, axe) == {}
        assert fits(page)


def test_frames_are_selected_by_the_keyboard_and_moved_to_an_album(window, frame, axe) -> None:
    with window() as opened:
        page = opened.go("/data/")
        if not page.locator("details.make[open]").count():
            page.click("details.make > summary")
        page.fill("[name=name]", "Wide fields")
        page.fill("[name=about]", "Of the whole hunter.")
        page.click("text=Make the dataset")
        page.wait_for_url(re.compile(r"/data/[0-9a-f-]{36}/"))
        album = urlsplit(page.url).path.replace("/data/", "/albums/")
        assert page.locator(".empty").count() == 1
        page = opened.go("/frames/?look=grid&q=wide.fits")
        assert page.locator("#with-selected").is_hidden()
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.locator("#picked").inner_text() == "1"
        assert violations(page, axe) == {}
        page.select_option("#with-selected [name=album]", label="Wide fields")
        page.click("button[value=move]")
        page.wait_for_selector(".note.success")
        page = opened.go(album)
        assert page.locator(".tile", has_text="wide.fits").count() == 1
        page.click("details.manage > summary")
        for theme in ("night", "day"):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            assert violations(page, axe) == {}
        assert violations(opened.go("/data/"), axe) == {}


def test_a_link_opens_a_private_frame_to_a_visitor_until_it_is_taken_back(
    browser,
    window,
    frame,
    live_server_with_workers,
    axe,
) -> None:
    with window() as opened:
        page = opened.go(frame)
        page.click("#owner > summary")
        if page.locator("#owner button[value=private]").count():
            page.click("#owner button[value=private]")
            page.click("#owner > summary")
        page.click("#owner >> text=Make a link")
        link = page.locator("#made-link").inner_text()
        assert violations(page, axe) == {}
        with browser.new_context() as context:
            visitor = Opened(context, live_server_with_workers.url)
            guest = visitor.go(urlsplit(link).path)
            guest.wait_for_selector("hven-viewer[data-open=yes]")
            assert urlsplit(guest.url).path == frame
            assert guest.locator("#owner").count() == 0
            assert visitor.wrong == []
            page = opened.go(frame)
            page.click("#owner > summary")
            page.click("#owner >> text=Take back")
            page.click("dialog[open] .danger")
            page.wait_for_selector(".note.success")
            guest.reload()
            assert "Nothing here" in guest.inner_text("main")


def test_words_are_added_and_removed_beside_the_name(window, frame, axe) -> None:
    for options in ({}, PHONE):
        with window(**options) as opened:
            page = opened.go(frame)
            page.fill("#new-tag", "hunter")
            page.keyboard.press("Enter")
            page.wait_for_selector(".tag:has-text('hunter')")
            assert violations(page, axe) == {}
            assert fits(page)
            page.click("[aria-label='Remove the tag hunter']")
            page.wait_for_selector(".tag:has-text('hunter')", state="detached")


def test_two_runs_are_compared_with_a_line_and_by_blinking(window, frame, axe) -> None:
    with window() as opened:
        page = opened.go(frame)
        page.click("#rerun > summary")
        page.click("#rerun .main")
        page.wait_for_url("**?run=*")
        page.wait_for_selector("#panel .solution", timeout=60_000)
        page.click("#runs > summary")
        page.click(".compare-with >> nth=0")
        page.wait_for_selector("#swipe")
        assert "These agree to" in page.inner_text(".verdict-words")
        before = float(page.get_attribute("#swipe-line", "x1"))
        page.locator("#swipe-at").focus()
        page.keyboard.press("Home")
        assert float(page.get_attribute("#swipe-line", "x1")) == 0 < before
        page.click("#blink")
        until(page, "document.querySelector('#swipe-b').getAttribute('visibility') === 'hidden'")
        page.click("#blink")
        assert page.get_attribute("#blink", "aria-pressed") == "false"
        assert page.locator(".residuals path").count() == 3
        for theme in ("night", "day"):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            assert violations(page, axe) == {}
        page.set_viewport_size({"width": 320, "height": 700})
        assert fits(page)


def test_deleting_asks_on_a_page_of_its_own(window, frame, axe) -> None:
    with window() as opened:
        page = opened.go(frame)
        page.click(".handy .away")
        page.wait_for_url("**/delete/")
        assert "This cannot be undone" in page.inner_text("main")
        assert violations(page, axe) == {}
        page.click("text=Keep it")
        page.wait_for_url(f"**{frame}")
