"""Resampling against drawn truth."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.warp import Affine, pixel_map, warp

from .scenes import SCALE, drawn, grid


def test_the_same_grid_is_copied_to_the_bit() -> None:
    data = np.random.default_rng(1).normal(0, 1, (480, 480)).astype(np.float32)
    warped = warp(data, grid(), grid())
    assert np.array_equal(warped.data, data)
    assert warped.overlap == 1.0 and not warped.mask.any()


def test_whole_pixels_are_moved_and_what_is_uncovered_is_masked() -> None:
    data = np.random.default_rng(1).normal(0, 1, (480, 480)).astype(np.float32)
    warped = warp(data, grid(shift=3.0), grid())
    assert np.array_equal(warped.data[:-3, :-3], data[3:, 3:])
    assert warped.mask[-3:].all() and warped.mask[:, -3:].all() and not warped.mask[:-3, :-3].any()


@pytest.mark.parametrize(
    ("scale", "angle", "size"), [(1.0, 20.0, 700), (0.71, -65.0, 960), (0.4, 10.0, 1300), (1.5, 3, 480)]
)
def test_stars_keep_place_and_flux_on_another_grid(scale: float, angle: float, size: int) -> None:
    there, here = grid(size, SCALE * scale, angle), grid()
    x, y = np.random.default_rng(2).uniform(60, 420, (2, 25))
    u, v = there.to_pixel(*here.to_sky(x, y))
    image = drawn(size, u, v, np.full(25, 1e4), 3.4 / scale)
    warped = warp(image, there, here)
    inside = ~warped.mask
    assert inside.mean() > 0.7
    # pixels of another size integrate the profile over another area: compare light and centroid, not pixels
    truth = drawn(480, x, y, np.full(25, 1e4), 3.4)
    rows, columns = np.mgrid[:480, :480]
    for a, b in zip(x, y, strict=True):
        near = np.hypot(columns - a, rows - b) < 10
        assert warped.data[near].sum() == pytest.approx(truth[near].sum(), rel=0.01)
        light = warped.data[near] / warped.data[near].sum()
        expected = truth[near] / truth[near].sum()
        assert (light * columns[near]).sum() == pytest.approx((expected * columns[near]).sum(), abs=0.03)
        assert (light * rows[near]).sum() == pytest.approx((expected * rows[near]).sum(), abs=0.03)


def test_positions_between_opencvs_steps_are_made_good() -> None:
    there, here = grid(shift=0.26), grid()
    x, y = np.random.default_rng(3).uniform(30, 450, (2, 40))
    image = drawn(480, x + 0.26, y + 0.26, np.full(40, 1e5), 3.0)
    truth = drawn(480, x, y, np.full(40, 1e5), 3.0)
    warped = warp(image, there, here)
    # the kernel itself is good to half a per cent of a star of three pixels; rounding alone would cost another
    assert np.abs(warped.data - truth)[5:-5, 5:-5].max() < 0.008 * truth.max()


def test_the_map_is_exact_between_its_nodes() -> None:
    there, here = grid(700, SCALE * 0.7, 33.0), grid()
    x, y = pixel_map(here, there).rows(0, 480)
    rows, columns = np.mgrid[:480, :480]
    u, v = there.to_pixel(*here.to_sky(columns, rows))
    assert np.abs(x - u).max() < 2e-4 and np.abs(y - v).max() < 2e-4


def test_a_correction_moves_the_template() -> None:
    image = drawn(480, [200.0], [210.0], [1e4], 3.0)
    warped = warp(image, grid(), grid(), correction=Affine((2.0, -1.0)))
    row, column = np.unravel_index(warped.data.argmax(), warped.data.shape)
    assert (column, row) == (198, 211)


def test_masked_pixels_and_their_neighbours_have_no_value() -> None:
    data = np.ones((480, 480), np.float32)
    data[100, 120] = np.nan
    mask = np.zeros(data.shape, bool)
    mask[300:310, 300:310] = True
    warped = warp(data, grid(shift=0.4), grid(), mask=mask)
    assert warped.mask[100, 120] and warped.mask[301:309, 301:309].all()
    assert np.allclose(warped.data[~warped.mask], 1.0, atol=0.01)
    assert np.isfinite(warped.data).all()


def test_frames_of_another_sky_are_refused() -> None:
    from dataclasses import replace

    data = np.ones((480, 480), np.float32)
    for crval in ((151.9, 2.2), (330.1, -2.2)):
        with pytest.raises(Invalid, match="does not overlap"):
            warp(data, replace(grid(), crval=crval), grid())


def test_a_template_without_a_good_pixel_is_refused() -> None:
    with pytest.raises(Invalid, match="masked"):
        warp(np.full((480, 480), np.nan), grid(), grid())
    with pytest.raises(Invalid, match="size"):
        warp(np.ones((480, 480)), grid(), grid(), mask=np.zeros((3, 3), bool))
