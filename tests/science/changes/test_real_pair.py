"""A real pair of frames, DECam's in the band i, with a supernova on a galaxy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hven.science.changes.candidates import Search, find
from hven.science.changes.planes import Plane
from hven.science.changes.subtract import subtract
from hven.science.frames.read import read_frame


@pytest.mark.shared
def test_the_supernova_is_found_and_the_stars_are_not(shared_data: Path) -> None:
    planes = []
    for name in ("sfft_DEC-OBS04a.mini.fits", "sfft_DEC-OBS18a.mini.fits"):
        frame = read_frame(shared_data / "images" / name)
        meaning = frame.meaning
        planes.append(Plane(frame.data, frame.mask, meaning.gain, None, meaning.saturation))
    difference = subtract(*planes)
    assert difference.smoothing_px == 0
    scaled = difference.scaled[~difference.mask]
    assert 1.4826 * np.median(np.abs(scaled)) == pytest.approx(1.0, abs=0.05)
    table = find(difference, Search(radius_px=5.0, gain=planes[0].gain)).table
    assert len(table) <= 3
    nearest = np.hypot(table["x"] - 128.6, table["y"] - 127.6)
    assert nearest.min() < 1.5
    assert table["snr"][int(nearest.argmin())] > 7
    # the other way round the supernova is dark, and no star comes out
    other = find(subtract(planes[1], planes[0]), Search(radius_px=5.0, gain=planes[1].gain)).table
    assert len(other) <= 1
