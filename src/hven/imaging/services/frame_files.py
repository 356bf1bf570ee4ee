"""Frames of files that lie on this machine or hold several planes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from hven.imaging.services.limits import frame_limits
from hven.storage import services as storage
from hven.storage.models import Blob


def one_plane(path: Path, number: int) -> Blob:
    """Store one plane of a file as a plain FITS file.

    Parameters
    ----------
    number
        Of the FITS HDU, counted from 0; a negative one counts from the last.

    Raises
    ------
    Invalid, TooLarge
        There is no such plane, or it cannot be read.
    """
    from hven.science.frames.mend import write_plane  # noqa: PLC0415 - astropy, wanted by few requests
    from hven.science.frames.read import planes, read_frame  # noqa: PLC0415 - the same

    if number < 0:
        number += len(planes(path, limits=frame_limits()))
    frame = read_frame(path, limits=frame_limits(), plane=str(number))
    scratch: Path = settings.HVEN_FOLDERS.scratch
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="plane-", dir=scratch) as name:
        target = Path(name) / "plane.fits"
        write_plane(frame, target)
        return storage.put_file(target)
