"""Pictures of a run that are made when somebody asks: one at a time, the small ones kept as its products."""

from __future__ import annotations

import fcntl
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction

from hven.errors import NotFound, Unavailable
from hven.imaging.models import Reduction, ReductionFile, Run, Solution
from hven.imaging.services.limits import frame_limits
from hven.imaging.services.products import find_product, product_or_none
from hven.storage import services as storage

if TYPE_CHECKING:
    from hven.science.frames.frame import Frame

DISPLAY = 640  # pixels of the longer side
_WAIT_S = 60.0  # for others' pictures, before a caller is told to come again
_IN_LINE = threading.BoundedSemaphore(8)  # of a process: its other threads stay free for what is no picture
_COME_AGAIN = "Many pictures are being made just now; ask again in a minute."
_MOST_BLANK = 8192 * 8192  # pixels of the empty picture that stands in for the frame of a list
_SOURCES = {"display": 600, "full": 100_000}  # drawn
MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
# What there is: its product's name where the small one is kept, and whether it takes a solution.
_KINDS = {
    "annotated": ("annotated.jpg", True),
    "grid": ("grid.jpg", True),
    "red-green": ("red-green.png", True),
    "extraction": ("extraction.png", False),
    "plain": ("preview.jpg", False),
}


def picture(run: Run, kind: str, *, full: bool) -> tuple[bytes, str]:
    """Return an encoded picture of a run's frame and its media type; whoever asks has checked that it may be seen.

    Parameters
    ----------
    run
        One that has ended.
    kind
        ``annotated`` (named objects and grid), ``grid``, ``red-green`` (sources and reference stars), ``extraction``
        (sources) or ``plain``.
    full
        As large as the frame; else 640 pixels along the longer side.

    Raises
    ------
    NotFound
        There is no such picture of this run; the sentence says why.
    Unavailable
        Others' pictures take all the time just now.
    """
    name, solved = _KINDS[kind]
    media_type = MEDIA_TYPES[Path(name).suffix]
    if not run.ended:
        raise NotFound(f"This run is {run.state.value}; its pictures come with its end.")
    if solved:
        _need_solution(run)
    kept = None if full else product_or_none(run, name)
    if kept is None:
        with one_picture():
            kept = None if full else product_or_none(run, name)  # somebody else made it meanwhile
            if kept is None:
                content = _render(run, kind, full=full)
                if not full:
                    _keep(run, name, media_type, content)
                return content, media_type
    with storage.open_blob(kept.blob) as stream:
        return stream.read(), media_type


def thumbnail(reduction: Reduction) -> ReductionFile:
    """Return the small picture of a frame, from the newest run that made one; NotFound where none did."""
    found = reduction.files.select_related("blob").filter(path="thumbnail.jpg").order_by("-id").first()
    if found is None:
        raise NotFound("There is no picture of this frame, or none yet.")
    return found


def _render(run: Run, kind: str, *, full: bool) -> bytes:
    from hven.science.frames import overlay  # noqa: PLC0415 - OpenCV, wanted by few requests
    from hven.science.frames.preview import MAX_SIDE, preview  # noqa: PLC0415 - the same
    from hven.science.frames.stretch import Stretch  # noqa: PLC0415 - the same

    frame = _frame(run)
    stretch = Stretch(run.config.get("stretch") or "asinh")
    size = min(max(frame.width, frame.height), MAX_SIDE) if full else DISPLAY
    if kind == "plain":
        return preview(frame, size, stretch)
    if kind in {"annotated", "grid"}:
        from hven.science.frames.grid import grid_lines  # noqa: PLC0415 - as above

        marks = [SimpleNamespace(**one) for one in _overlays(run)["objects"]] if kind == "annotated" else []
        return overlay.annotated(frame, marks, grid=grid_lines(run.solution.wcs), size=size, stretch=stretch)
    most = _SOURCES["full" if full else "display"]
    sources = np.array(_overlays(run)["sources"][:most], float).reshape(-1, 3)
    reference = _reference(run, most) if kind == "red-green" else None
    return overlay.detections(frame, (sources[:, 0], sources[:, 1]), reference, size=size, stretch=stretch, form="png")


def _frame(run: Run) -> Frame:
    """Read a run's frame again; a list of sources gets an empty one of its size."""
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    data_file = run.reduction.data_file
    if data_file is None or not data_file.format:
        raise NotFound(f"There is no picture of what was handed over. {run.why}".strip())
    if data_file.format == "list":
        return _blank(data_file.width or 0, data_file.height or 0)
    with storage.local(data_file.blob) as path:
        frame = read_frame(path, limits=frame_limits(), plane=run.config.get("plane") or None)
    return replace(frame, cards=())


def _blank(width: int, height: int) -> Frame:
    from hven.science.frames.frame import Frame  # noqa: PLC0415 - as above

    if not 0 < width * height <= _MOST_BLANK:
        raise NotFound("What was handed over is a list of sources without a frame of sensible size to draw them on.")
    return Frame(data=np.zeros((height, width), np.uint8))


def _overlays(run: Run) -> dict[str, Any]:
    with storage.open_blob(find_product(run, "overlays.json").blob) as stream:
        found: dict[str, Any] = json.load(stream)
    return found


def _reference(run: Run, most: int) -> tuple[Any, Any]:
    """Return where the projection puts the reference stars in the field, the brightest of them."""
    from astropy.io import fits  # noqa: PLC0415 - for this picture only

    with storage.open_blob(find_product(run, "rdls.fits").blob) as stream, fits.open(stream, memmap=False) as hdus:
        stars = hdus[1].data
        brightest = stars["MAG"].argsort()[:most]
        ra, dec = stars["RA"][brightest].astype(float), stars["DEC"][brightest].astype(float)
    x, y = run.solution.wcs.to_pixel(ra, dec)
    return x, y


def _keep(run: Run, name: str, media_type: str, content: bytes) -> None:
    try:
        blob = storage.put(content)
        with transaction.atomic():
            ReductionFile.objects.get_or_create(
                run=run, path=name, defaults={"reduction_id": run.reduction_id, "blob": blob, "media_type": media_type}
            )
    except (IntegrityError, Unavailable):
        pass  # the run was deleted meanwhile, or the disk is nearly full: the caller gets the picture all the same


@contextmanager
def one_picture() -> Iterator[None]:
    """One picture at a time for all threads and processes: a frame in memory may take gigabytes.

    Raises
    ------
    Unavailable
        The turn did not come in time, or many wait already.
    """
    if not _IN_LINE.acquire(blocking=False):
        raise Unavailable(_COME_AGAIN)
    try:
        with _only_one():
            yield
    finally:
        _IN_LINE.release()


@contextmanager
def _only_one() -> Iterator[None]:
    folder: Path = settings.HVEN_FOLDERS.data / "cache"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    end = time.monotonic() + _WAIT_S
    with (folder / ".pictures").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Unavailable(_COME_AGAIN) from None
                time.sleep(0.05)
        yield


def sky_overlay(run: Run) -> bytes:
    """Return a KMZ archive for sky viewers: the frame's outline, and its picture where it has one.

    Raises
    ------
    NotFound
        The run has no solution.
    """
    from hven.science.sky.kml import sky_overlay as document  # noqa: PLC0415 - for this file only

    _need_solution(run)
    data_file = run.reduction.data_file
    kept = product_or_none(run, "preview.jpg")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        below = data_file is None or data_file.format in {"fits", "xisf"}
        name = "preview.jpg" if kept is not None else ""
        archive.writestr("doc.kml", document(run.solution.wcs, run.reduction.name, name, first_row_below=below))
        if kept is not None:
            with storage.open_blob(kept.blob) as stream:
                archive.writestr(name, stream.read())
    return content.getvalue()


def sky_map(solution: Solution, zoom: int) -> bytes:
    """Return a PNG map of the sky with a solution's field marked.

    Raises
    ------
    Invalid
        There is no such zoom.
    """
    from hven.science.catalogues.bright import bright_stars  # noqa: PLC0415 - for this picture only
    from hven.science.catalogues.constellations import constellation_figures  # noqa: PLC0415 - the same
    from hven.science.frames.locator import Sky, locator  # noqa: PLC0415 - the same

    names = settings.HVEN_ASSETS / "d3-celestial" / "data"
    stars, figures = bright_stars(names), constellation_figures(names)
    labels = []
    for number, short in enumerate(figures.short):
        middle = figures.vector[figures.owner == number].mean(axis=0)
        labels.append((short, middle / (middle @ middle) ** 0.5))
    return locator(solution.wcs, Sky(stars.vector, stars.v_mag, figures.vector, labels), zoom)


def _need_solution(run: Run) -> None:
    if not hasattr(run, "solution"):
        raise NotFound(f"This run has no solution to show. {run.why}".strip())
