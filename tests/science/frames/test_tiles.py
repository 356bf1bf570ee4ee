"""The pyramid: tiles fit together, values are the file's."""

import io

import numpy as np
import pytest
from PIL import Image

from hven.errors import Invalid, NotFound
from hven.science.frames.frame import Frame
from hven.science.frames.stretch import Stretch
from hven.science.frames.tiles import build_pyramid, open_pyramid

LINEAR = Stretch("linear", 0, 255)


def opened(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def whole(pyramid, level: int, stretch: Stretch = LINEAR) -> np.ndarray:
    across, down = pyramid.tiles_of(level)
    rows = [
        np.concatenate([opened(pyramid.render(level, x, y, stretch, form="png")) for x in range(across)], axis=1)
        for y in range(down)
    ]
    return np.concatenate(rows)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 64), (300, 201), (1, 1), (1000, 3)])
@pytest.mark.parametrize("form", ["fits", "png"])
def test_tiles_of_every_level_fit_together(width, height, form, tmp_path, rng):
    data = rng.integers(0, 256, (height, width), np.uint8)
    pyramid = build_pyramid(Frame(data, format=form), tmp_path / "p", tile=64)
    seen = data[::-1] if form == "fits" else data
    np.testing.assert_array_equal(whole(pyramid, pyramid.max_level), seen)
    assert max(pyramid.size_of(0)) <= 64
    for level in range(pyramid.levels):
        factor = 2 ** (pyramid.max_level - level)
        image = whole(pyramid, level)
        assert image.shape == (-(-height // factor), -(-width // factor))
        inner = height // factor, width // factor
        mean = seen[: inner[0] * factor, : inner[1] * factor].astype(float)
        mean = mean.reshape(inner[0], factor, inner[1], factor).mean(axis=(1, 3))
        if mean.size:
            np.testing.assert_allclose(image[: inner[0], : inner[1]], mean, atol=2)


@pytest.mark.parametrize("form", ["fits", "png"])
def test_values_are_those_of_the_file(form, tmp_path, rng):
    data = rng.integers(0, 65535, (90, 130), np.uint16)
    build_pyramid(Frame(data, format=form), tmp_path, tile=64)
    pyramid = open_pyramid(tmp_path)
    for x, y in ((0, 0), (129, 89), (17, 60)):
        assert pyramid.value_at(x, y) == data[y, x]
    for x, y in ((-1, 0), (130, 0), (0, 90)):
        with pytest.raises(NotFound):
            pyramid.value_at(x, y)


def test_masked_pixels_have_no_value_and_are_black(tmp_path, rng):
    data = rng.normal(1000, 10, (100, 100)).astype(np.float32)
    mask = np.zeros(data.shape, bool)
    mask[:20] = True
    pyramid = build_pyramid(Frame(data, mask=mask), tmp_path, tile=128)
    assert pyramid.value_at(5, 5) is None
    assert pyramid.value_at(5, 50) == pytest.approx(data[50, 5])
    image = opened(pyramid.render(0, 0, 0, form="png"))
    assert not image[80:].any()  # FITS: low rows at the bottom
    assert image[:80].any()


def test_colours_are_rendered_and_read(tmp_path, rng):
    rgb = rng.integers(0, 256, (70, 80, 3), np.uint8)
    pyramid = build_pyramid(Frame(rgb[..., 0].copy(), rgb=rgb, format="jpeg"), tmp_path, tile=64)
    np.testing.assert_array_equal(whole(pyramid, pyramid.max_level), rgb)
    assert pyramid.value_at(3, 4) == tuple(rgb[4, 3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("kind", ["asinh", "linear", "log", "sqrt", "zscale"])
def test_all_tiles_of_a_level_share_their_limits(kind, dtype, tmp_path):
    ramp = np.tile(np.linspace(10, 240, 256), (128, 1)).astype(dtype)
    pyramid = build_pyramid(Frame(ramp, format="png"), tmp_path, tile=64)
    image = whole(pyramid, pyramid.max_level, Stretch(kind)).astype(int)
    assert (np.diff(image, axis=1) >= 0).all()
    inverted = whole(pyramid, pyramid.max_level, Stretch(kind, invert=True)).astype(int)
    np.testing.assert_array_equal(image + inverted, 255)


def test_tiles_that_do_not_exist_are_not_found(tmp_path):
    pyramid = build_pyramid(Frame(np.zeros((100, 100), np.uint8)), tmp_path, tile=64)
    for place in ((5, 0, 0), (-1, 0, 0), (1, 2, 0), (1, 0, -1)):
        with pytest.raises(NotFound):
            pyramid.render(*place)


def test_a_folder_without_a_whole_pyramid_is_none(tmp_path):
    for text in (None, "", "{}", '{"version": 0}', '{"version": 1, "numbers": []}', "[1]"):
        if text is not None:
            (tmp_path / "pyramid.json").write_text(text)
        with pytest.raises(NotFound):
            open_pyramid(tmp_path)
    pyramid = build_pyramid(Frame(np.zeros((100, 100), np.uint8)), tmp_path / "q", tile=64)
    (tmp_path / "q" / "level_1.npy").unlink()
    with pytest.raises(NotFound):
        pyramid.render(1, 0, 0)


def test_nonsense_tile_sizes_are_refused(tmp_path):
    with pytest.raises(Invalid):
        build_pyramid(Frame(np.zeros((9, 9), np.uint8)), tmp_path, tile=0)
