"""Tiles cover a frame once."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.planes import Plane
from hven.science.changes.tiles import cropped, tiles

from .scenes import grid


@pytest.mark.parametrize(
    ("width", "height", "side"), [(2048, 2048, None), (9576, 6388, None), (1000, 700, 300), (480, 480, 480)]
)
def test_cores_cover_every_pixel_once(width: int, height: int, side: int | None) -> None:
    seen = np.zeros((height, width), np.uint8)
    for tile in tiles(width, height, side_px=side):
        seen[tile.core_in_frame] += 1
        part = np.zeros((height, width), bool)[tile.box]
        assert part[tile.core_in_tile].shape == seen[tile.core_in_frame].shape
        assert part.size < 30_000_000
    assert (seen == 1).all()


def test_a_small_frame_is_one_tile_and_each_place_has_one() -> None:
    (whole,) = tiles(2048, 2048)
    assert (whole.x0, whole.y0, whole.x1, whole.y1) == (0, 0, 2048, 2048)
    places = np.random.default_rng(1).uniform(-0.5, 999.4, (50, 2))
    for x, y in places:
        assert sum(tile.holds(x, y) for tile in tiles(1000, 1000, side_px=300)) == 1


def test_a_tile_keeps_its_place_in_the_sky() -> None:
    tile = list(tiles(480, 480, side_px=240, overlap_px=20))[3]
    data = np.arange(480 * 480).reshape(480, 480)
    part = cropped(Plane(data, data % 7 == 0, 1.5, grid()), tile)
    assert part.data[0, 0] == data[tile.y0, tile.x0] and part.mask is not None and part.mask.shape == part.data.shape
    assert part.wcs is not None
    assert part.wcs.to_sky(3.0, 4.0) == pytest.approx(grid().to_sky(3.0 + tile.x0, 4.0 + tile.y0))


def test_tiles_that_are_all_overlap_are_refused() -> None:
    for side, overlap in ((50, 10), (100, 50), (200, -1)):
        with pytest.raises(Invalid, match="64 pixels"):
            list(tiles(1000, 1000, side_px=side, overlap_px=overlap))
