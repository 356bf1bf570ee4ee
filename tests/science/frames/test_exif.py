"""Tags of pictures become cards, and cards a meaning."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hven.science.frames.read import read_frame

GREY = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)


def with_exif(exif: Image.Exif, form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, form, exif=exif)
    return out.getvalue()


def a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera 5\x00"
    exif.get_ifd(0x8769).update(
        {
            0x9003: "2021:08:12 23:59:30",
            0x9011: "+02:00",
            0x829A: 25.0,
            0x920A: 200.0,
            0xA405: 300,
            0x927C: b"\x00" * 50,
        }
    )
    exif.get_ifd(0x8825).update({1: "N", 2: (55.0, 54.0, 26.0), 3: "W", 4: (12.0, 41.0, 47.0)})
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_cameras_tags_are_understood(form):
    frame = read_frame(io.BytesIO(with_exif(a_camera(), form)))
    found = frame.meaning
    assert found.start == datetime(2021, 8, 12, 21, 59, 30, tzinfo=UTC)
    assert (found.exposure_s, found.focal_length_mm, found.camera) == (25, 200, "Camera 5")
    assert (found.site_latitude, found.site_longitude) == pytest.approx((55.9072, -12.6964), abs=1e-3)
    assert "MakerNote" not in {card.keyword for card in frame.cards}


def test_text_chunks_of_a_png_are_cards():
    info = PngInfo()
    info.add_text("EXPTIME", "12.5")
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "PNG", pnginfo=info)
    assert read_frame(io.BytesIO(out.getvalue())).meaning.exposure_s == 12.5


def test_broken_tags_do_not_keep_the_picture_from_being_read():
    content = bytearray(with_exif(a_camera()))
    at = content.index(b"Exif\x00\x00") + 6
    for start in range(at + 4, at + 120, 3):
        broken = content.copy()
        broken[start : start + 3] = b"\xff\xff\xff"
        assert read_frame(io.BytesIO(bytes(broken))).width == 60


def test_of_a_moving_picture_the_first_is_taken():
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_frame(io.BytesIO(out.getvalue())).data, GREY)
    np.testing.assert_array_equal(read_frame(io.BytesIO(out.getvalue()), plane=1).data, GREY[::-1])
