"""The mask says why each pixel is left out, and refuses what leaves nothing."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.masks import MaskBit, as_pixels, basic_mask, bridged, check_share, mark_pits, saturation_of
from hven.science.stars.background import estimate_background


def test_each_reason_has_its_bit() -> None:
    data = np.full((40, 40), 100.0, np.float32)
    data[1, 1], data[2, 2], data[3, 3] = np.nan, np.inf, 5000
    excluded = np.zeros((40, 40))
    excluded[4, 4], excluded[5, 5] = 1, np.nan
    missing = np.zeros((40, 40), bool)
    missing[6, 6] = True
    bits = basic_mask(data, missing=missing, excluded=excluded, saturation=5000.0)
    assert bits[1, 1] == bits[2, 2] == bits[6, 6] == MaskBit.MISSING
    assert bits[3, 3] == MaskBit.SATURATED
    assert bits[4, 4] == bits[5, 5] == MaskBit.EXCLUDED
    assert np.count_nonzero(bits) == 6


def test_masks_of_another_size_are_refused_with_both_sizes() -> None:
    with pytest.raises(Invalid, match=r"40 by 30 pixels large and the frame 40 by 40"):
        basic_mask(np.zeros((40, 40), np.float32), excluded=np.zeros((30, 40)))


def test_a_frame_that_is_nearly_all_masked_is_refused() -> None:
    bits = np.full((100, 100), MaskBit.EXCLUDED)
    bits[:4] = 0
    with pytest.raises(Invalid, match=r"96\.0 %"):
        check_share(bits)
    bits[:6] = 0
    assert check_share(bits) == pytest.approx(0.94)


def test_saturation_is_what_was_told_else_a_plateaus() -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(100, 5, (64, 64)).astype(np.float32)
    assert saturation_of(data) is None
    assert saturation_of(data, 3000.0) == 3000.0
    data[10:14, 10:14] = 5000
    assert saturation_of(data) == pytest.approx(5000, rel=0.01)


def test_pits_are_marked_and_noise_is_not() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(100, 5, (256, 256)).astype(np.float32)
    data[50, 60] = -100
    background = estimate_background(data)
    bits = np.zeros(data.shape, np.uint8)
    assert mark_pits(data - background.level.rows(0, 256), background, bits) == 1
    assert bits[50, 60] == MaskBit.PIT


def test_small_holes_are_bridged_by_their_surroundings_and_the_rest_stays() -> None:
    plane = np.fromfunction(lambda y, x: 2.0 * x + y, (64, 64)).astype(np.float32)
    bits = np.zeros(plane.shape, np.uint8)
    bits[20:23, 30] = MaskBit.COSMIC
    broken = plane.copy()
    broken[20:23, 30] = 1e6
    mended = bridged(broken, bits, MaskBit.COSMIC)
    assert mended[20:23, 30] == pytest.approx(plane[20:23, 30], abs=2.5)
    assert np.array_equal(mended[bits == 0], plane[bits == 0])


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((20, 20), complex), np.zeros((8, 8)), np.full((20, 20), "a")])
def test_what_is_no_frame_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(Invalid):
        as_pixels(bad)
