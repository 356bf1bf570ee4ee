"""Finding what runs left behind, and what is made of it when somebody asks."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from django.conf import settings

from hven.archive.models import DataFile
from hven.errors import NotFound
from hven.imaging.models import ReductionFile, Run, Solution
from hven.imaging.services.limits import frame_limits
from hven.storage import services as storage


def product_or_none(run: Run, path: str) -> ReductionFile | None:
    """Return a product of a run by its path; whoever asks has checked that it may be seen."""
    return run.files.select_related("blob").filter(path=path).first()


def find_product(run: Run, path: str) -> ReductionFile:
    """Return a product of a run by its path.

    Raises
    ------
    NotFound
        The run left none, with a sentence saying why.
    """
    found = product_or_none(run, path)
    if found is None:
        if not run.ended:
            raise NotFound(f"This run is {run.state.value}; its files come with its end.")
        raise NotFound(f"This run left no {path}. {run.why}".strip())
    return found


def solved_frame(run: Run) -> Path:
    """Write the run's frame with its projection as a temporary FITS file, which the caller removes.

    It is made when asked for: keeping it would double the disk that every frame takes.

    Raises
    ------
    NotFound
        The run has no solution, or its input was no picture.
    """
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - astropy, wanted by few requests
    from hven.science.stars.tables import write_solved_frame  # noqa: PLC0415 - the same

    data_file, solution = _solved_picture(run)
    with storage.local(data_file.blob) as path:
        frame = read_frame(path, limits=frame_limits(), plane=run.config.get("plane") or None)
    folder: Path = settings.HVEN_FOLDERS.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="solved-", suffix=".fits", dir=folder, delete=False) as file:
        target = Path(file.name)
    try:
        write_solved_frame(target, frame, solution.wcs)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def solved_header(run: Run) -> bytes:
    """Return the frame's own header with the projection in it, as a FITS file without data.

    Raises
    ------
    NotFound
        The run has no solution, or its input was no picture.
    """
    from hven.science.frames.frame import Card  # noqa: PLC0415 - as above
    from hven.science.stars.tables import write_solved_header  # noqa: PLC0415 - as above

    data_file, solution = _solved_picture(run)
    cards = [Card(str(keyword), value, str(comment)) for keyword, value, comment in data_file.cards]
    content = io.BytesIO()
    write_solved_header(content, cards, solution.wcs, picture_format=data_file.format)
    return content.getvalue()


def placed_sources(run: Run) -> bytes:
    """Return the table of detected sources with their places in the sky (RA, DEC) as FITS.

    Raises
    ------
    NotFound
        The run left no table, or has no solution.
    """
    from hven.science.stars.tables import with_places  # noqa: PLC0415 - as above

    table = find_product(run, "axy.fits")
    solution = getattr(run, "solution", None)
    if solution is None:
        raise NotFound(f"This run has no solution to place its sources by. {run.why}".strip())
    with storage.open_blob(table.blob) as stream:
        return with_places(stream, solution.wcs)


def residuals(run: Run, most: int = 400) -> list[tuple[float, float, float, float]]:
    """Return how far a run's matched sources lie from their stars: (x, y, dx, dy) in 0-based pixels, source less star.

    At most so many, evenly taken from the brightest to the faintest; none where the run left no table of them.
    """
    from astropy.io import fits  # noqa: PLC0415 - wanted by few requests

    table = product_or_none(run, "corr.fits")
    if table is None:
        return []
    with storage.open_blob(table.blob) as stream, fits.open(stream, memmap=False) as hdus:
        matched = hdus[1].data
        x, y = matched["field_x"].astype(float), matched["field_y"].astype(float)
        dx, dy = x - matched["index_x"], y - matched["index_y"]
    step = max(1, -(-len(x) // most))
    rows = zip(x[::step] - 1, y[::step] - 1, dx[::step], dy[::step], strict=True)
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in rows]


def _solved_picture(run: Run) -> tuple[DataFile, Solution]:
    data_file = run.reduction.data_file
    solution = getattr(run, "solution", None)
    if solution is None or data_file is None:
        raise NotFound(f"This run has no solution to write into a file. {run.why}".strip())
    if data_file.format in {"", "list"}:
        raise NotFound("What was handed over was a list of sources: there is no picture to write.")
    return data_file, solution
