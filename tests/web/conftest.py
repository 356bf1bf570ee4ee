"""A solved frame made of records, and a browser."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from .browsing import Opened

CHROMIUM = Path("/usr/bin/chromium")


def picture_bytes(kind: str = "fits") -> bytes:
    """A small picture of a few stars: 96 wide, 64 high, with a bright pixel at (10, 20) of the file."""
    data = np.random.default_rng(1).normal(1000, 10, (64, 96)).astype(np.float32)
    data[20, 10] = 4321.0
    buffer = io.BytesIO()
    if kind == "fits":
        from astropy.io import fits

        header = fits.Header({"OBJECT": "Uraniborg", "SITELAT": 55.9, "BUNIT": "electron"})
        fits.PrimaryHDU(data, header).writeto(buffer)
    else:
        from PIL import Image

        exif = Image.Exif()
        exif[0x8825] = {1: "N", 2: (55.0, 54.0, 26.0)}
        exif[0x010F] = "a maker"
        Image.fromarray(np.clip(data / 20, 0, 255).astype(np.uint8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@dataclass(frozen=True)
class Made:
    """A frame in the database."""

    reduction: Any
    run: Any

    @property
    def path(self) -> str:
        return f"/frames/{self.reduction.uuid}/"


CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 84.0, "CRVAL2": -1.5, "CRPIX1": 48.5, "CRPIX2": 32.5,
    "CD1_1": -0.005, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.005,
}  # fmt: skip
OVERLAYS = {"source_count": 1, "sources": [[10, 20, 9.0]], "stars": [], "objects": [], "grid": []}


@pytest.fixture
def make_frame(db: None) -> Callable[..., Made]:
    """Make a frame that a run has solved, without the work of solving it."""
    from django.utils import timezone

    from hven.accounts.actor import Actor
    from hven.archive import services as archive
    from hven.imaging import services as imaging
    from hven.imaging.models import ReductionFile, RunState, Solution, StepRun
    from hven.imaging.services.runs import Request
    from hven.jobs.models import Job, State
    from hven.science.frames.read import read_frame
    from hven.storage import services as storage

    def make(
        owner: Any, kind: str = "fits", visibility: str = "private", outcome: str = "done", **request: Any
    ) -> Made:
        content = picture_bytes(kind)
        wanted = Request(origin="web", visibility=visibility, **{"name": f"stjerneborg.{kind}", **request})
        submission = imaging.submit_file(Actor.of(owner), storage.put(content), wanted)
        reduction = submission.reductions.get()
        run = reduction.runs.get()
        archive.note_header(reduction.data_file, read_frame(io.BytesIO(content)))
        if outcome == "queued":
            return Made(reduction, run)
        now = timezone.now()
        Job.objects.filter(pk=run.job_id).update(state=State.DONE, finished=now)
        run.outcome, run.started, run.finished = RunState(outcome), now, now
        run.reason = "" if outcome == "done" else "Too few stars: 3 were detected."
        run.save()
        products = {
            "overlays.json": (json.dumps(OVERLAYS).encode(), "application/json"),
            "axy.fits": (b"axy", "application/fits"),
            "thumbnail.jpg": (b"\xff\xd8thumb", "image/jpeg"),
        }
        if outcome == "done":
            products["wcs.fits"] = (b"wcs", "application/fits")
            StepRun.objects.create(
                run=run,
                position=0,
                key="solve",
                state="done",
                log="42 sources",
                started=now,
                finished=now,
                results={"sources": 42, "seconds": 0.2, "attempts": []},
            )
            Solution.objects.create(
                run=run,
                ra=84.0,
                dec=-1.5,
                scale_arcsec=18.0,
                orientation_deg=20.0,
                parity=-1,
                width=96,
                height=64,
                radius_deg=0.29,
                stars_matched=33,
                rms_arcsec=1.2,
                log_odds=200.0,
                rung="header",
                seconds=0.2,
                catalogue="Gaia",
                wcs_cards=CARDS,
            )
        for path, (body, media) in products.items():
            ReductionFile.objects.create(
                reduction=reduction, run=run, path=path, blob=storage.put(body), media_type=media
            )
        run.refresh_from_db()
        return Made(reduction, run)

    return make


@pytest.fixture
def anyone(db: None) -> Any:
    """Django's test client with nobody signed in."""
    from django.test import Client

    return Client()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium that resolves no name but the loopback's."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium, which is not installed")
    from playwright.sync_api import sync_playwright

    # Closed with the module: the running loop of Playwright would keep Django's models from the tests after these.
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )  # fmt: skip
        yield found
        found.close()


@pytest.fixture(scope="module")
def signed_in(browser: Any, live_server_with_workers: Any) -> Any:
    """The cookies of somebody who signed in by the form."""
    live = live_server_with_workers
    with browser.new_context() as context:
        opened = Opened(context, live.url)
        page = opened.go("/queue/")
        page.fill("[name=username]", live.user)
        page.fill("[name=password]", live.password)
        page.click("main button.main")
        page.wait_for_url("**/queue/")
        assert opened.wrong == []
        return context.storage_state()


@pytest.fixture
def window(browser: Any, live_server_with_workers: Any, signed_in: Any) -> Any:
    """Open windows; at their end nothing may have gone wrong in any."""

    @contextmanager
    def make(**options: Any) -> Iterator[Opened]:
        options.setdefault("viewport", {"width": 1400, "height": 900})
        with browser.new_context(storage_state=signed_in, **options) as context:
            opened = Opened(context, live_server_with_workers.url)
            yield opened
            # A page that is missing is told to the console by the browser itself.
            assert [text for text in opened.wrong if "status of 404" not in text] == []

    return make


@pytest.fixture(scope="module")
def frame(browser: Any, wide_frame: Path, live_server_with_workers: Any, signed_in: Any) -> str:
    """The path of a frame that was uploaded on the upload page and solved by the workers."""
    with browser.new_context(storage_state=signed_in) as context:
        opened = Opened(context, live_server_with_workers.url)
        page = opened.go("/upload/")
        page.set_input_files("#files", str(wide_frame))
        page.wait_for_selector("#sent .state.solved", timeout=120_000)
        path = urlsplit(page.get_attribute("#sent a", "href")).path
        assert opened.wrong == []
        return path
