"""Subtraction against what was drawn into the frames."""

from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.candidates import Search, find
from hven.science.changes.planes import Difference, Plane
from hven.science.changes.star_images import Flat
from hven.science.changes.subtract import Options, subtract, subtract_from

from .scenes import SCALE, Scene, grid, masked, scene


def found(pair: Scene, difference: Difference) -> tuple[int, int]:
    """Return how many new sources are found, and how many others."""
    table = find(difference, Search(radius_px=3.6, sn=6.0, gain=1.5)).table
    distance = np.hypot(np.subtract.outer(pair.x, table["x"]), np.subtract.outer(pair.y, table["y"]))
    return int((distance.min(axis=1) < 2).sum()), int((distance.min(axis=0) > 2.5).sum())


def test_new_sources_are_found_and_nothing_else(pair: Scene, difference: Difference) -> None:
    assert found(pair, difference) == (8, 0)
    assert difference.kernel_norm == pytest.approx(0.25, rel=0.01)
    assert difference.smoothing_px == 0
    assert difference.fwhm_px > difference.template_fwhm_px


def test_the_noise_map_and_the_significance_are_honest(difference: Difference) -> None:
    scaled = difference.scaled[~difference.mask]
    assert 1.4826 * np.median(np.abs(scaled)) == pytest.approx(1.0, abs=0.03)
    assert 1.4826 * np.median(np.abs(difference.significance)) == pytest.approx(1.0, abs=0.05)
    assert np.percentile(difference.significance, 0.01) > -5


@pytest.mark.parametrize(
    "options",
    [
        {"fwhm": 2.6, "template_fwhm": 3.5},
        {"fwhm": 3.0, "template_fwhm": 3.0},
        {"shift": 0.35},
        {"template_grid": grid(900, SCALE / 1.4, 40.0)},
    ],
    ids=["template less sharp", "equal seeing", "projection off", "other grid"],
)
def test_harder_pairs_subtract_as_well(options: dict) -> None:
    pair = scene(3, **options)
    difference = subtract_from(pair.frame, pair.template)
    seen, others = found(pair, difference)
    assert seen >= 7 and others <= 1
    scaled = difference.scaled[~difference.mask]
    assert 1.4826 * np.median(np.abs(scaled)) == pytest.approx(1.0, abs=0.1)


def test_the_frame_itself_as_template_gives_no_candidate(pair: Scene) -> None:
    difference = subtract_from(pair.frame, pair.frame)
    assert difference.identical and not difference.diff.any()
    assert len(find(difference, Search(radius_px=3.6)).table) == 0


def test_a_copy_in_another_scale_gives_no_candidate(pair: Scene) -> None:
    copy = replace(pair.frame, data=3 * pair.frame.data + 100)
    difference = subtract_from(pair.frame, copy)
    assert len(find(difference, Search(radius_px=3.6)).table) == 0


def test_masked_regions_have_no_difference_and_do_no_harm() -> None:
    pair = scene(4)
    mask = np.zeros((480, 480), bool)
    mask[:, 200:260] = True
    mask[100:130] = True
    difference = subtract_from(masked(pair.frame, mask), pair.template)
    assert difference.mask[mask].all() and not difference.diff[mask].any()
    free = ~mask[np.rint(pair.y).astype(int), np.rint(pair.x).astype(int)]
    seen, others = found(pair, difference)
    assert seen >= free.sum() - 1 and others == 0


def test_saturated_cores_are_masked_and_give_no_candidate() -> None:
    pair = scene(5)
    full = 5000.0
    frame = replace(pair.frame, data=np.minimum(pair.frame.data, full), saturation=full)
    difference = subtract_from(frame, pair.template)
    assert difference.mask[frame.data >= full].all()
    assert found(pair, difference)[1] == 0


def test_a_frame_alone_in_the_sky_is_refused(pair: Scene) -> None:
    away = replace(grid(), crval=(170.0, -20.0))
    with pytest.raises(Invalid, match="does not overlap"):
        subtract_from(pair.frame, replace(pair.template, wcs=away))
    with pytest.raises(Invalid, match="projection"):
        subtract_from(pair.frame, replace(pair.template, wcs=None))


def test_bad_input_is_answered_by_a_sentence(pair: Scene) -> None:
    with pytest.raises(Invalid, match="gain of the frame is 0"):
        subtract_from(replace(pair.frame, gain=0.0), pair.template)
    with pytest.raises(Invalid, match="gain of the template"):
        subtract_from(pair.frame, replace(pair.template, gain=float("nan")))
    with pytest.raises(Invalid, match="cover every pixel"):
        subtract(replace(pair.frame, mask=np.ones((480, 480), bool)), pair.template)
    with pytest.raises(Invalid, match="differ in size"):
        subtract(pair.frame, Plane(np.ones((480, 400))))
    with pytest.raises(Invalid, match="64 by 64"):
        subtract(Plane(np.ones((20, 20))), Plane(np.ones((20, 20))))
    flat = np.random.default_rng(1).normal(100, 5, (480, 480)).astype(np.float32)
    with pytest.raises(Invalid, match="stars"):
        subtract(Plane(flat), Plane(flat + 1))


def test_a_template_of_other_stars_is_refused(pair: Scene) -> None:
    flat = np.full((480, 480), 900.0, np.float32)
    for data in (pair.template.data[::-1, ::-1].copy(), flat, -pair.template.data):
        with pytest.raises(Invalid, match="not those of the frame"):
            subtract_from(pair.frame, replace(pair.template, data=data))


def test_pixels_that_are_no_numbers_are_masked(pair: Scene) -> None:
    data = pair.frame.data.copy()
    data[::9, ::11] = np.inf
    data[100, 100:110] = np.nan
    difference = subtract_from(replace(pair.frame, data=data), pair.template)
    assert difference.mask[~np.isfinite(data)].all()
    assert np.isfinite(difference.diff).all() and np.isfinite(difference.significance).all()


def test_a_fixed_order_is_kept(pair: Scene) -> None:
    difference = subtract_from(pair.frame, pair.template, options=Options(order=1, flux_order=0))
    assert difference.kernel.order == 1


def test_another_programs_difference_is_weighed_by_the_same_noise(pair: Scene, difference: Difference) -> None:
    def external(frame: Flat, template: Flat, fwhm_px: float) -> tuple[np.ndarray, np.ndarray]:
        assert 2 < fwhm_px < 5
        matched = difference.kernel.convolve(template.data)
        return frame.data - matched, matched

    other = subtract_from(pair.frame, pair.template, options=Options(external=external))
    assert other.significance == pytest.approx(difference.significance, abs=0.02)
    assert found(pair, other) == (8, 0)
