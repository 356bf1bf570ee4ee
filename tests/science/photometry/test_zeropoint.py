"""The zero point's fit against truth: spatial terms, colour, errors on both sides, outliers, selection, doubts."""

from __future__ import annotations

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.photometry.solution import Calibrators
from hven.science.photometry.zeropoint import (
    FitSettings,
    calibrators_from,
    chance_of_no_relation,
    fit_zero_point,
)

ZP, COLOUR, SIZE, GAIN, SKY = 27.85, -0.08, 2048, 1.5, 120.0


def stars(
    count: int = 600, seed: int = 1, *, slope: float = 0.0, background: float = 0.0, nonlinear: float = 0.0,
    wrong: float = 0.0, catalogue_error: float = 1.0, least_snr: float = 5.0, extra: float = 0.0, shade: float = 0.0,
) -> Calibrators:  # fmt: skip
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SIZE, (2, count))
    rmag = np.log10(10**3.5 + rng.random(count) * (10**5.125 - 10**3.5)) / 0.25
    gr = np.clip(rng.normal(0.65, 0.35, count), -0.4, 1.8)
    zero = ZP + slope * (x - SIZE / 2) / (SIZE / 2) + shade * (y - SIZE / 2) / (SIZE / 2)
    plain = rmag - zero - COLOUR * gr
    flux = 10 ** (-0.4 * (plain - nonlinear * (plain + 10)))
    sigma = np.sqrt(SKY**2 + flux / GAIN)
    seen = flux + background + rng.normal(0, sigma)
    keep = seen > least_snr * sigma
    error = catalogue_error * np.clip(0.005 * 10 ** (0.25 * (rmag - 16)), 0.005, 0.12)
    r, g = rmag + rng.normal(0, error), rmag + gr + rng.normal(0, error)
    r = r + rng.normal(0, extra, count) if extra else r
    bad = rng.random(count) < wrong
    other = np.where(bad, rng.uniform(-3, 3, count), 0)
    r, g = r + other, g + other
    quoted = np.sqrt(SKY**2 + np.maximum(seen, 0) / GAIN)
    seen = np.where(keep, seen, 1)
    return calibrators_from(
        x=x, y=y, mag=-2.5 * np.log10(seen), magerr=1.0857 * quoted / seen, catalogue_mag=r, catalogue_err=error,
        first=g, first_err=error, second=r, second_err=error, band_in_colour=-1, usable=keep & (r < 20.5),
    )  # fmt: skip


def fit(found: Calibrators, **settings: object) -> object:
    return fit_zero_point(found, FitSettings(**settings), gain=GAIN, width=SIZE, height=SIZE, band="rmag")


def test_zero_point_and_colour_term_are_unbiased_and_their_errors_hold() -> None:
    found = [fit(stars(seed=seed)).zero_point for seed in range(30)]
    zero, term = np.array([z.zp for z in found]), np.array([z.colour_term for z in found])
    assert np.mean(zero) == pytest.approx(ZP, abs=0.0012)
    assert np.mean(term) == pytest.approx(COLOUR, abs=0.0012)
    assert np.std((zero - ZP) / [z.zp_err for z in found]) == pytest.approx(1.0, abs=0.35)
    assert np.std((term - COLOUR) / [z.colour_term_err for z in found]) == pytest.approx(1.0, abs=0.35)


def test_errors_of_the_catalogues_colours_do_not_flatten_the_colour_term() -> None:
    terms = [fit(stars(seed=seed, catalogue_error=2.5)).zero_point.colour_term for seed in range(30)]
    assert np.mean(terms) == pytest.approx(COLOUR, abs=0.004)


def test_faint_stars_that_noise_made_brighter_do_not_pull_the_zero_point() -> None:
    faint = [fit(stars(seed=seed, least_snr=5), brightest=19.0, spatial_order=0).zero_point.zp for seed in range(30)]
    assert np.mean(faint) == pytest.approx(ZP, abs=0.006)


def test_wrong_matches_are_rejected() -> None:
    found = fit(stars(wrong=0.3))
    assert found.zero_point.zp == pytest.approx(ZP, abs=0.008)
    assert np.abs(found.residual[found.used]).max() < 1


def test_a_single_odd_colour_does_not_turn_the_slope() -> None:
    found = stars()
    colour = found.colour.copy()
    colour[np.argmin(found.catalogue_mag)] = 8.0
    odd = Calibrators(*(colour if n == "colour" else getattr(found, n) for n in found.__slots__))
    assert fit(odd).zero_point.colour_term == pytest.approx(COLOUR, abs=0.01)


def test_a_zero_point_that_changes_over_the_frame_is_followed() -> None:
    zero_point = fit(stars(count=1500, slope=0.05, shade=-0.03), spatial_order=1).zero_point
    assert zero_point.at(SIZE, SIZE / 2) - zero_point.at(0, SIZE / 2) == pytest.approx(0.10, abs=0.01)
    assert zero_point.at(SIZE / 2, SIZE) - zero_point.at(SIZE / 2, 0) == pytest.approx(-0.06, abs=0.01)
    assert zero_point.zp == pytest.approx(ZP, abs=0.005)
    assert zero_point.error_at(0, 0) > zero_point.error_at(SIZE / 2, SIZE / 2)


def test_a_forced_colour_term_stands() -> None:
    zero_point = fit(stars(), colour_term=-0.2).zero_point
    assert zero_point.colour_term == -0.2
    assert zero_point.colour_term_err == 0


def test_without_colour_there_is_no_colour_term() -> None:
    zero_point = fit(stars(), use_colour=False).zero_point
    assert zero_point.colour_term == 0
    assert zero_point.zp == pytest.approx(ZP + COLOUR * 0.65, abs=0.01)


def test_an_additive_flux_is_found_and_taken_off() -> None:
    found = stars(count=1500, background=200.0)
    plain, extended = fit(found).zero_point, fit(found, background_order=0).zero_point
    assert extended.background[0] == pytest.approx(-200, abs=40)
    mag = -2.5 * np.log10(2000 + 200)
    truth = ZP - 2.5 * np.log10(2000)
    assert abs(extended.calibrated(mag, 1000, 1000) - truth) < 0.03
    assert abs(extended.calibrated(mag, 1000, 1000) - truth) < abs(plain.calibrated(mag, 1000, 1000) - truth)


def test_a_slope_in_magnitude_is_found_and_taken_off() -> None:
    found = fit(stars(count=1500, nonlinear=0.01), nonlinear=True)
    zero_point = found.zero_point
    assert zero_point.nonlinearity == pytest.approx(0.01, abs=0.005)


def test_limits_of_magnitude_choose_the_calibrators() -> None:
    found = fit(stars(), brightest=16.0, faintest=18.0)
    assert 20 < found.zero_point.stars_used < 200


def test_scatter_beyond_the_errors_is_told_and_widens_the_error() -> None:
    quiet, noisy = fit(stars()).zero_point, fit(stars(extra=0.05)).zero_point
    assert quiet.intrinsic_mag < 0.01
    assert noisy.intrinsic_mag == pytest.approx(0.05, abs=0.015)
    assert noisy.zp_err > quiet.zp_err


def test_few_stars_lower_the_order_and_too_few_are_refused() -> None:
    zero_point = fit(stars(count=30, seed=5)).zero_point
    assert zero_point.spatial_order < 2
    assert any("order" in warning for warning in zero_point.warnings)
    assert fit(stars(count=8, seed=6), use_colour=False).zero_point.zp == pytest.approx(ZP - 0.05, abs=0.15)
    with pytest.raises(Invalid, match="are needed"):
        fit(stars(), brightest=25.0)


def test_implausible_fits_carry_a_sentence() -> None:
    found = stars()
    rng = np.random.default_rng(10)
    mixed = Calibrators(
        *(rng.permutation(getattr(found, n)) if n == "catalogue_mag" else getattr(found, n) for n in found.__slots__)
    )
    assert any("hardly go together" in warning for warning in fit(mixed).zero_point.warnings)
    assert fit(found).zero_point.warnings == ()


def test_the_chance_of_a_relation_agrees_with_scipys() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    one = rng.normal(size=30)
    two = one + rng.normal(0, 3, 30)
    theirs = spearmanr(one, two, alternative="greater").pvalue
    assert chance_of_no_relation(one, two) == pytest.approx(theirs, rel=1e-6)
    assert chance_of_no_relation(one, one) == 0
    assert chance_of_no_relation(one[:3], one[:3]) == 1
    assert chance_of_no_relation(np.ones(9), one[:9]) == 1


def test_a_catalogue_without_errors_or_colours_still_calibrates() -> None:
    found = stars()
    nothing = np.full(found.mag.size, np.nan)
    bare = calibrators_from(
        x=found.x, y=found.y, mag=found.mag, magerr=found.magerr, catalogue_mag=found.catalogue_mag,
        catalogue_err=nothing, first=None, first_err=None, second=None, second_err=None, band_in_colour=0,
        usable=found.usable,
    )  # fmt: skip
    zero_point = fit(bare).zero_point
    assert zero_point.colour_term == 0
    assert zero_point.zp == pytest.approx(ZP + COLOUR * 0.65, abs=0.02)
