"""Previews: the right size, the right way up, coordinates that stay right."""

import io

import numpy as np
import pytest
from PIL import Image

from hven.errors import Invalid
from hven.science.frames.bin import binned, fitted, halved
from hven.science.frames.frame import Frame
from hven.science.frames.preview import picture, preview
from hven.science.frames.stretch import Stretch


@pytest.mark.parametrize("form", ["jpeg", "png"])
@pytest.mark.parametrize(("width", "height"), [(3000, 2000), (1999, 2999), (100, 80), (5000, 3), (1, 1)])
def test_the_longer_side_has_the_size_asked_for(width, height, form, rng):
    frame = Frame(rng.integers(0, 65535, (height, width), np.uint16))
    with Image.open(io.BytesIO(preview(frame, 512, form=form))) as image:
        assert image.format.lower() == form
        assert max(image.size) == min(512, max(width, height))
        assert image.size[0] / image.size[1] == pytest.approx(width / height, rel=0.01) or min(width, height) < 10


def _with_star(x: int, y: int, form: str, *, width: int = 600, height: int = 400) -> Frame:
    data = np.full((height, width), 100, np.uint16)
    data[y - 1 : y + 2, x - 1 : x + 2] = 60_000
    return Frame(data, format=form)


@pytest.mark.parametrize("form", ["fits", "png"])
@pytest.mark.parametrize("size", [600, 300, 217, 100])
def test_a_star_lies_where_the_placement_says(form, size):
    image, place = picture(_with_star(450, 60, form), size, Stretch("linear"))
    y, x = (np.average(axis, weights=image.astype(float) - image.min()) for axis in np.indices(image.shape))
    assert place.to_picture(450, 60) == pytest.approx((x, y), abs=0.6)
    assert (y > image.shape[0] / 2) == (form == "fits")  # low rows of FITS are at the bottom


def test_small_frames_are_enlarged_only_on_request():
    frame = _with_star(30, 20, "fits", width=60, height=40)
    assert picture(frame, 640)[0].shape == (40, 60)
    image, place = picture(frame, 640, enlarge=True)
    assert image.shape == (427, 640)
    assert place.scale == pytest.approx(10.67, abs=0.01)


def test_colours_are_kept_and_masked_pixels_are_black(rng):
    rgb = rng.integers(0, 255, (50, 60, 3), np.uint8)
    mask = np.zeros((50, 60), bool)
    mask[:10] = True
    image, _ = picture(Frame(rgb[..., 1].copy(), rgb=rgb, mask=mask, format="png"), 60)
    assert image.shape == (50, 60, 3)
    assert not image[:10].any()
    assert image[10:].any()


def test_the_colour_of_the_sky_is_taken_out_of_raw_frames_only(rng):
    rgb = np.add(rng.normal(0, 10, (200, 200, 3)), [1000, 2000, 3000]).astype(np.uint16)
    for form, grey in (("fits", True), ("tiff", False)):
        image, _ = picture(Frame(rgb[..., 1].copy(), rgb=rgb, format=form), 200)
        levels = np.median(image, axis=(0, 1))
        assert (np.ptp(levels) < 12) == grey


def test_nonsense_sizes_and_formats_are_refused():
    frame = _with_star(30, 20, "fits")
    for size in (0, -5, 10**6):
        with pytest.raises(Invalid):
            preview(frame, size)
    with pytest.raises(Invalid):
        preview(frame, form="bmp")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 6, 8])
def test_binning_is_the_mean_of_whole_pixels(factor, dtype, rng):
    data = rng.integers(0, 250, (50, 67)).astype(dtype)
    height, width = 50 // factor, 67 // factor
    expected = data[: height * factor, : width * factor].astype(float)
    expected = expected.reshape(height, factor, width, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(binned(data, factor), expected, atol=1e-3 if dtype is np.float32 else 1.51)


def test_halving_rounds_the_size_up_and_repeats_the_edge():
    got = halved(np.array([[1, 3, 5], [1, 3, 5], [9, 9, 9]], np.float32))
    np.testing.assert_allclose(got, [[2, 5], [9, 9]])


def test_fitting_leaves_small_planes_alone():
    data = np.zeros((30, 40), np.uint16)
    assert fitted(data, 100) is data
