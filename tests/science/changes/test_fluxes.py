"""Aperture sums on a difference: unbiased, with errors that hold, also where the frame was smoothed."""

from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.fluxes import Calibration, enclosed, limits, measure, noise_factor
from hven.science.changes.planes import Difference
from hven.science.changes.subtract import subtract_from

from .scenes import drawn, scene


@pytest.mark.parametrize(("fwhm", "template_fwhm"), [(3.2, 2.6), (2.6, 3.5)], ids=["plain", "smoothed"])
def test_fluxes_are_unbiased_and_errors_hold(fwhm: float, template_fwhm: float) -> None:
    pulls, ratios = [], []
    for seed in (11, 12, 13):
        pair = scene(seed, fwhm=fwhm, template_fwhm=template_fwhm, new=14)
        sums = measure(subtract_from(pair.frame, pair.template), pair.x, pair.y, 3.6, gain=1.5)
        star = drawn(61, [30.0], [30.0], [1.0], fwhm)
        inside = enclosed(star, 3.6)
        pulls.append((sums.flux - inside * pair.flux) / sums.error)
        ratios.append(sums.flux / (inside * pair.flux))
    pull, ratio = np.concatenate(pulls), np.concatenate(ratios)
    assert np.abs(pull.mean()) < 0.5
    assert pull.std() == pytest.approx(1.0, abs=0.35)
    assert np.average(ratio) == pytest.approx(1.0, abs=0.02)


def test_the_error_of_empty_sky_is_its_scatter() -> None:
    pair = scene(14, fwhm=2.6, template_fwhm=3.5, stars=60)
    difference = subtract_from(pair.frame, pair.template)
    assert difference.smoothing_px > 0 and noise_factor(difference, 4.0) > 1.3
    x, y = np.meshgrid(np.arange(20, 460, 12.0), np.arange(20, 460, 12.0))
    x, y = x.ravel(), y.ravel()
    away = np.hypot(x[:, None] - np.r_[pair.stars[:, 0], pair.x], y[:, None] - np.r_[pair.stars[:, 1], pair.y])
    empty = away.min(axis=1) > 15
    sums = measure(difference, x[empty], y[empty], 4.0)
    assert np.std(sums.flux / sums.error) == pytest.approx(1.0, abs=0.1)


def test_rings_take_off_a_local_level(difference: Difference) -> None:
    raised = replace(difference, diff=difference.diff + np.float32(5.0))
    x, y = np.array([60.0, 440.0]), np.array([60.0, 400.0])
    plain, ringed = measure(raised, x, y, 4.0), measure(raised, x, y, 4.0, ring_px=(12.0, 18.0))
    assert ringed.background == pytest.approx(5.0, abs=3.0)
    assert (plain.flux - ringed.flux) == pytest.approx(ringed.background * np.pi * 16, rel=0.02)
    assert (ringed.error > plain.error).all()


def test_places_off_the_frame_or_masked_have_no_flux(difference: Difference) -> None:
    mask = difference.mask.copy()
    mask[100:140, 100:140] = True
    covered = replace(difference, mask=mask)
    sums = measure(
        covered, np.array([-50.0, 120.0, np.nan, 300.0]), np.array([10.0, 120.0, 5.0, 300.0]), 4.0, ring_px=(6, 9)
    )
    assert np.isnan(sums.flux[:3]).all() and np.isfinite(sums.flux[3])
    assert sums.masked[:3].all() and sums.poor_ring[:3].all()


def test_limits_are_the_magnitudes_of_so_many_errors() -> None:
    found = limits(np.zeros(2), np.zeros(2), np.array([20.0, 200.0]), Calibration(28.0), sn=5.0)
    assert found == pytest.approx([23.0, 20.5])
    varying = Calibration(lambda x, _y: 28 + x / 100)
    assert varying.at(np.array([0.0, 100.0]), np.zeros(2)) == pytest.approx([28, 29])


def test_bad_apertures_are_refused(difference: Difference) -> None:
    for radius in (0.0, -1.0, np.nan):
        with pytest.raises(Invalid, match="radius"):
            measure(difference, np.zeros(1), np.zeros(1), radius)
    with pytest.raises(Invalid, match="ring"):
        measure(difference, np.zeros(1), np.zeros(1), 3.0, ring_px=(9.0, 4.0))
    assert measure(difference, np.zeros(0), np.zeros(0), 3.0).flux.size == 0
