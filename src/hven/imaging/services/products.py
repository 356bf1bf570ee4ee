"""Finding what runs left behind, and what is made of it when somebody asks."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from hven.errors import NotFound
from hven.imaging.models import ReductionFile, Run
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

    data_file = run.reduction.data_file
    solution = getattr(run, "solution", None)
    if solution is None or data_file is None:
        raise NotFound(f"This run has no solution to write into a file. {run.why}".strip())
    if data_file.format in {"", "list"}:
        raise NotFound("What was handed over was a list of sources: there is no picture to write.")
    with storage.local(data_file.blob) as path:
        frame = read_frame(path, limits=frame_limits())
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
