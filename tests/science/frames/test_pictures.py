"""JPEG, PNG, TIFF and GIF: as stored, in every depth."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.read import read_frame


def read(content: bytes, **kwargs):
    return read_frame(io.BytesIO(content), **kwargs)


def by_opencv(array, suffix: str) -> bytes:
    return cv2.imencode(suffix, array[..., ::-1] if array.ndim == 3 else array)[1].tobytes()


@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF"])
def test_grey_pictures_of_8_bits_are_exact(form, rng, picture_bytes):
    data = rng.integers(0, 256, (21, 33), np.uint8)
    frame = read(picture_bytes(data, form))
    np.testing.assert_array_equal(frame.data, data)
    assert (frame.rgb, frame.mask, frame.top_down, frame.format) == (None, None, True, form.lower())


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_colours_of_8_bits_are_exact(form, rng, picture_bytes):
    data = rng.integers(0, 256, (21, 33, 3), np.uint8)
    frame = read(picture_bytes(data, form))
    np.testing.assert_array_equal(frame.rgb, data)
    np.testing.assert_allclose(frame.data, data @ [0.299, 0.587, 0.114], atol=1)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("colours", [1, 3])
def test_16_bits_are_kept(suffix, colours, rng):
    data = rng.integers(0, 65536, (21, 33, 3)[: 2 if colours == 1 else 3], np.uint16)
    frame = read(by_opencv(data, suffix))
    got = frame.data if colours == 1 else frame.rgb
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, data)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_tiff_of_32_bits_becomes_float32(dtype, rng, picture_bytes):
    data = rng.normal(0, 1e5, (21, 33)).astype(dtype)
    frame = read(picture_bytes(data, "TIFF"))
    assert frame.data.dtype == np.float32
    np.testing.assert_allclose(frame.data, data, rtol=1e-6)


def test_tiff_of_floating_colours_and_of_64_bits_are_read(rng):
    data = rng.normal(100, 10, (21, 33, 3)).astype(np.float32)
    np.testing.assert_allclose(read(by_opencv(data, ".tiff")).rgb, data, rtol=1e-6)
    deep = rng.normal(100, 10, (21, 33))
    np.testing.assert_allclose(read(by_opencv(deep, ".tiff")).data, deep, rtol=1e-6)


def test_a_tiff_that_only_announces_terabytes_of_floats_is_refused():
    tags = [(256, 4, 900_000), (257, 4, 900_000), (258, 3, 64), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, 900_000), (279, 4, 100), (339, 3, 3)]  # fmt: skip
    body = b"II*\x00" + struct.pack("<IH", 8, len(tags))
    body += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4)
    with pytest.raises(Invalid):
        read(body + bytes(200))


def test_nan_in_a_tiff_is_masked(rng, picture_bytes):
    data = rng.normal(100, 1, (21, 33)).astype(np.float32)
    data[2, 3] = np.nan
    frame = read(picture_bytes(data, "TIFF"))
    assert np.argwhere(frame.mask).tolist() == [[2, 3]]
    assert np.isfinite(frame.data).all()


def test_big_endian_tiff_of_16_bits_is_read():
    data = (np.arange(12).reshape(3, 4) * 5000).astype(">u2")
    tags = [(256, 3, 1, 4), (257, 3, 1, 3), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 122),
            (277, 3, 1, 1), (278, 3, 1, 3), (279, 4, 1, 24)]  # fmt: skip
    body = b"MM\x00*" + struct.pack(">IH", 8, len(tags))
    for tag, kind, count, value in tags:
        body += struct.pack(">HHI", tag, kind, count) + (
            struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value)
        )
    body += struct.pack(">I", 0)
    frame = read(body.ljust(122, b"\0") + data.tobytes())
    np.testing.assert_array_equal(frame.data, data)
    assert frame.data.dtype.isnative


def test_a_jpeg_with_equal_colours_is_grey(rng, picture_bytes):
    grey = np.repeat(rng.integers(0, 256, (24, 40, 1), np.uint8), 3, axis=2)
    frame = read(picture_bytes(grey, "JPEG", quality=95, subsampling=0))
    assert frame.rgb is None


def test_transparent_pixels_have_no_value(rng, picture_bytes):
    data = rng.integers(1, 256, (21, 33, 4), np.uint8)
    data[..., 3] = 255
    data[4, 5, 3] = 0
    frame = read(picture_bytes(data, "PNG"))
    assert np.argwhere(frame.mask).tolist() == [[4, 5]]
    np.testing.assert_array_equal(frame.rgb, data[..., :3])


def test_the_first_page_is_taken_and_others_can_be_asked_for(rng):
    pages = rng.integers(0, 256, (3, 21, 33), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pages[0]).save(out, "TIFF", save_all=True, append_images=[Image.fromarray(p) for p in pages[1:]])
    first = read(out.getvalue())
    np.testing.assert_array_equal(first.data, pages[0])
    assert "3 pages" in first.notes[0]
    np.testing.assert_array_equal(read(out.getvalue(), plane=2).data, pages[2])
    for wrong in (3, "x", -1):
        with pytest.raises(Invalid, match="no page"):
            read(out.getvalue(), plane=wrong)


def test_a_picture_is_not_turned_by_its_orientation_tag(rng, picture_bytes):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = rng.integers(0, 256, (21, 33), np.uint8)
    for form in ("JPEG", "PNG"):
        frame = read(picture_bytes(data, form, exif=exif))
        assert (frame.width, frame.height) == (33, 21)
        assert "orientation 6" in frame.notes[0]


def _png(width: int, height: int, idat: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (20_000, 20_000), (12_500, 12_500)])
def test_a_png_of_gigapixels_in_a_few_bytes_is_refused(width, height):
    with pytest.raises(TooLarge, match="pixels"):
        read(_png(width, height, zlib.compress(bytes(1000))))


def test_the_limit_of_pixels_is_the_callers(rng, picture_bytes):
    content = picture_bytes(rng.integers(0, 255, (100, 101), np.uint8), "JPEG")
    assert read(content, limits=Limits(max_pixels=10_100)).width == 101
    with pytest.raises(TooLarge, match="101 x 100"):
        read(content, limits=Limits(max_pixels=10_099))


@pytest.mark.parametrize("length", [2**31 - 1, 100_000])
def test_a_deep_png_whose_chunk_lies_about_its_length_is_refused(length, rng):
    content = bytearray(by_opencv(rng.integers(0, 65536, (21, 33, 3), np.uint16), ".png"))
    at = content.index(b"IDAT") - 4
    content[at : at + 4] = struct.pack(">I", length)
    with pytest.raises(Invalid):
        read(bytes(content))


def test_a_cut_deep_png_says_that_part_is_missing(rng):
    content = by_opencv(rng.integers(0, 65536, (50, 60, 3), np.uint16), ".png")
    with pytest.raises(Invalid, match="cut short"):
        read(content[: len(content) // 2])


def test_a_cut_jpeg_says_that_part_is_missing(rng, picture_bytes):
    content = picture_bytes(rng.integers(0, 255, (200, 300), np.uint8), "JPEG")
    with pytest.raises(Invalid, match="cut short"):
        read(content[: len(content) // 2])
