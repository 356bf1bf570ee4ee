"""What a file holds is listed from its headers; what is listed can be asked for."""

import io
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hven.errors import Invalid, NotFound
from hven.science.frames.read import planes, read_frame
from hven.science.frames.selection import Selection, parse_selection


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        (None, Selection()),
        ("", Selection()),
        ("2", Selection("2")),
        (2, Selection("2")),
        ("sci", Selection("SCI")),
        (" SCI , 2 ", Selection("SCI", 2)),
        ("1:3", Selection("1", None, 3)),
        ("SCI,2:3", Selection("SCI", 2, 3)),
        (":3", Selection(None, None, 3)),
        ("my image", Selection("MY IMAGE")),
    ],
)
def test_a_choice_is_taken_apart(text, selection):
    assert parse_selection(text) == selection


@pytest.mark.parametrize("text", ["1:0", "1:x", "1:-1", "1:2:3", "1:9999999999", ":" * 1000])
def test_a_choice_that_means_nothing_is_refused(text):
    with pytest.raises(Invalid, match="no plane"):
        parse_selection(text)


@pytest.fixture
def many(rng, fits_bytes):
    """Return a FITS file of every kind of HDU."""
    sci = [rng.integers(0, 9999, (20, 30), np.uint16) for _ in range(2)]
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(sci[0], name="SCI", ver=1),
        fits.ImageHDU(rng.integers(0, 99, (4, 20, 30)).astype(np.int32), name="CUBE"),
        fits.ImageHDU(sci[1], name="SCI", ver=2),
        fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.zeros(3))], name="TAB"),
        fits.ImageHDU(np.zeros(100, np.float32)),
        fits.CompImageHDU(rng.normal(0, 9, (25, 35)).astype(np.float32), name="FZ", quantize_level=0),
        fits.ImageHDU(rng.integers(0, 255, (3, 20, 30), np.uint8), name="RGB"),
    ]
    return fits_bytes(hdus=hdus), sci, hdus


def test_every_hdu_is_listed_with_shape_type_and_kind(many):
    listed = planes(io.BytesIO(many[0]))
    assert [(p.index, p.name, p.shape, p.dtype, p.kind, p.is_usable) for p in listed] == [
        ("0", "", (), "", "empty", False),
        ("1", "SCI,1", (20, 30), "uint16", "image", True),
        ("2", "CUBE", (4, 20, 30), "int32", "cube", True),
        ("3", "SCI,2", (20, 30), "uint16", "image", True),
        ("4", "TAB", (), "", "table", False),
        ("5", "", (100,), "float32", "spectrum", False),
        ("6", "FZ", (25, 35), "float32", "image", True),
        ("7", "RGB", (3, 20, 30), "uint8", "colour", True),
    ]


def test_what_is_listed_can_be_asked_for(many):
    content, sci, hdus = many
    for plane in planes(io.BytesIO(content)):
        for choice in {plane.index, plane.name} - {""}:
            if plane.is_usable:
                assert read_frame(io.BytesIO(content), plane=choice).data.shape == plane.shape[-2:]
            else:
                with pytest.raises(Invalid, match="no image"):
                    read_frame(io.BytesIO(content), plane=choice)
    np.testing.assert_array_equal(read_frame(io.BytesIO(content), plane="sci,2").data, sci[1])
    np.testing.assert_array_equal(read_frame(io.BytesIO(content), plane="SCI").data, sci[0])
    np.testing.assert_array_equal(read_frame(io.BytesIO(content), plane="CUBE:3").data, hdus[2].data[2])
    with pytest.raises(Invalid, match="SCI,3"):
        read_frame(io.BytesIO(content), plane="SCI,3")


def test_pages_of_a_tiff_and_pictures_are_listed(rng, picture_bytes):
    pages = [Image.fromarray(rng.integers(0, 255, (20 + n, 30), np.uint8)) for n in range(3)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    listed = planes(io.BytesIO(out.getvalue()))
    assert [(p.index, p.shape, p.dtype, p.kind) for p in listed] == [
        (str(n), (20 + n, 30), "uint8", "image") for n in range(3)
    ]
    colours = rng.integers(0, 255, (20, 30, 3), np.uint8)
    for form in ("PNG", "JPEG", "GIF"):
        (only,) = planes(io.BytesIO(picture_bytes(colours, form)))
        assert (only.index, only.shape[:2], only.kind) == ("0", (20, 30), "colour")


def test_listing_reads_no_pixels(fits_bytes):
    content = fits_bytes(np.zeros((2000, 3000), np.float32))
    tracemalloc.start()
    planes(io.BytesIO(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


def test_what_is_no_image_has_no_planes(tmp_path):
    with pytest.raises(Invalid, match="text"):
        planes(io.BytesIO(b"dear all, here is the frame\n"))
    with pytest.raises(NotFound):
        planes(tmp_path / "nothing.fits")
