"""Cameras' raw files: what LibRaw gives is taken with honest pixels; what is damaged is refused."""

import io
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from tests.science.frames.writers import dng

from hven.errors import HvenError, Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.read import kind_of, planes, read_frame
from hven.science.frames.sniff import Kind


@pytest.fixture
def mosaic(rng):
    """A sky of unlike colours."""
    data = rng.normal(0, 8, (60, 80))
    for (down, right), level in {(0, 0): 700, (0, 1): 1500, (1, 0): 1500, (1, 1): 400}.items():
        data[down::2, right::2] += level
    return data.astype(np.uint16)


def read(content: bytes, **kwargs):
    return read_frame(io.BytesIO(content), **kwargs)


def test_the_light_of_a_raw_file_has_no_pattern_and_the_mosaic_is_kept(mosaic):
    frame = read(dng(mosaic))
    np.testing.assert_array_equal(frame.stored, mosaic)
    assert (frame.data.shape, frame.data.dtype, frame.format, frame.top_down) == ((60, 80), np.float32, "raw", True)
    sites = [np.median(frame.data[d::2, r::2]) for d in (0, 1) for r in (0, 1)]
    assert max(sites) - min(sites) < 4
    assert "mosaic of colours" in frame.notes[0]
    assert frame.rgb is None


def test_a_star_stays_where_it_is(rng):
    y, x = np.mgrid[0:60, 0:80]
    star = 20000 * np.exp(-((x - 40.3) ** 2 + (y - 29.6) ** 2) / (2 * 1.5**2))
    gains = np.array([[0.4, 1.0], [1.0, 0.7]])
    frame = read(dng((100 + star * np.tile(gains, (30, 40))).astype(np.uint16)))
    light = frame.data - np.median(frame.data)
    assert ((light * x).sum() / light.sum(), (light * y).sum() / light.sum()) == pytest.approx((40.3, 29.6), abs=0.02)


def test_what_exif_says_is_understood(mosaic):
    meaning = read(dng(mosaic)).meaning
    assert meaning.start == datetime(2024, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (meaning.exposure_s, meaning.focal_length_mm, meaning.camera) == (30.0, 200.0, "Sky 1")
    assert meaning.site_latitude == pytest.approx(51.5)


def test_a_raw_file_lists_one_image(mosaic):
    content = dng(mosaic)
    assert kind_of(io.BytesIO(content)) is Kind.RAW
    (plane,) = planes(io.BytesIO(content))
    assert (plane.index, plane.shape, plane.is_usable) == ("0", (60, 80), True)
    assert read(content, plane="0").data.shape == (60, 80)
    for wrong in ("1", "SCI", ":2"):
        with pytest.raises(Invalid, match="one image"):
            read(content, plane=wrong)


def test_its_size_is_checked_before_it_is_unpacked(mosaic):
    with pytest.raises(TooLarge, match="pixels"):
        read(dng(mosaic), limits=Limits(max_pixels=1000))


def test_damaged_raw_files_are_refused(mosaic, rng):
    content = dng(mosaic)
    for cut in (10, 100, 300, 700, len(content) // 2):
        with pytest.raises(HvenError):
            read(content[:cut])
    for head in (b"FUJIFILMCCD-RAW ", b"IIRO", b"IIU\0", b"\0MRM", b"\0\0\0\x18ftypcrx ", b"II*\0\x10\0\0\0CR\x02\0"):
        with pytest.raises(Invalid, match="raw file"):
            read(head + rng.bytes(5000))


def test_a_tiff_that_only_looks_like_a_cameras_is_read_as_a_picture(rng):
    data = rng.integers(0, 255, (30, 40), np.uint8)
    out = io.BytesIO()
    Image.fromarray(data).save(out, "TIFF", tiffinfo={254: 1, 271: "Scanner", 330: 8})
    frame = read(out.getvalue())
    assert frame.format == "tiff"
    np.testing.assert_array_equal(frame.data, data)


def test_libraw_is_loaded_only_when_it_is_needed(python):
    code = "import sys, hven.science.frames.read; sys.exit('rawpy' in sys.modules or 'lz4' in sys.modules)"
    assert subprocess.run([python, "-c", code], check=False).returncode == 0
