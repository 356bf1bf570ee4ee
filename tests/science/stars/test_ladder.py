"""The ladder against the simulator's truth: right places, honoured hints, harmless lies, and reasons for failing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.simulate.exposure import simulate
from hven.science.simulate.spec import Spec
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.data import SolverData
from hven.science.stars.detect import detect
from hven.science.stars.ladder import epoch_of, solve
from hven.science.stars.solution import Hints, SolveResult, SourceList

WIDE = Spec(ra=84.0, dec=-1.5, width_deg=14.0, width=900, height=700, orientation_deg=33.0, hot_pixels=30, seed=3)


def frame_of(spec: Spec, data: SolverData) -> Frame:
    return Frame(simulate(spec, data.reference).data, meaning=Meaning(middle=spec.start))


def assert_right(result: SolveResult, spec: Spec) -> None:
    assert result.solution is not None, result.reason
    found, truth = result.solution.wcs, spec.wcs()
    x, y = found.to_pixel(*truth.centre)
    assert np.hypot(x - truth.centre_pixel[0], y - truth.centre_pixel[1]) < 0.2
    assert found.scale_arcsec == pytest.approx(truth.scale_arcsec, rel=2e-4)
    assert found.parity == truth.parity
    turn = (found.orientation_deg - truth.orientation_deg + 180) % 360 - 180
    assert abs(turn) < 0.02 / max(np.cos(np.radians(truth.crval[1])), 0.05)


def assert_wrong_nowhere(result: SolveResult, spec: Spec) -> None:
    if result.solution is not None:
        assert_right(result, spec)


@pytest.fixture(scope="module")
def wide(data: SolverData) -> Frame:
    return frame_of(WIDE, data)


@pytest.mark.parametrize("parity", [-1, 1])
@pytest.mark.parametrize(
    ("ra", "dec"), [(0.0, 0.0), (359.9, 40.0), (120.0, 89.9), (30.0, -89.7), (266.4, -29.0), (192.9, 27.1)]
)
def test_wide_fields_are_placed_blind_wherever_and_however_they_lie(
    data_alone: SolverData, ra: float, dec: float, parity: int
) -> None:
    spec = replace(WIDE, ra=ra, dec=dec, parity=parity, orientation_deg=float(ra + dec) % 360 - 180, seed=int(ra) + 2)
    result = solve(frame_of(spec, data_alone), (), data_alone)
    if abs(dec) < 89.5:
        assert_right(result, spec)
    else:  # the orientation has no meaning at a pole
        assert result.solution is not None
        assert separation(*result.solution.wcs.centre, *spec.wcs().centre) * 3600 < 0.2 * spec.scale_arcsec


@pytest.mark.tycho2
@pytest.mark.parametrize("width_deg", [0.9, 1.3, 2.0, 3.1, 4.6, 6.5])
@pytest.mark.parametrize("parity", [-1, 1])
def test_narrow_fields_are_placed_blind_with_index_files(data: SolverData, width_deg: float, parity: int) -> None:
    if not data.indexes:
        pytest.skip("no Tycho-2 index files are installed")
    spec = Spec(
        ra=100 * width_deg, dec=25 - 20 * width_deg / 2, width_deg=width_deg, width=1000, height=800, parity=parity,
        orientation_deg=-71.0, seed=int(10 * width_deg),
    )  # fmt: skip
    assert_right(solve(frame_of(spec, data), (), data), spec)


def test_distortion_is_fitted_where_the_stars_show_it_and_only_there(data: SolverData) -> None:
    bent = replace(WIDE, distortion=-0.01, seed=5)
    found = solve(frame_of(bent, data), (), data).solution
    assert found is not None
    assert found.wcs.sip_a is not None
    assert found.wcs.sip_ap is not None
    corner = bent.wcs().to_sky(np.array([0.0, 899.0]), np.array([0.0, 699.0]))
    x, y = found.wcs.to_pixel(*corner)
    assert np.hypot(x - [0, 899], y - [0, 699]).max() < 0.4
    few = solve(frame_of(replace(WIDE, limit_mag=6.5, seed=6), data), (), data).solution
    assert few is not None
    assert few.wcs.sip_a is None or few.wcs.sip_a.shape[0] - 1 <= 2


def test_a_solution_tells_its_matches_and_their_quality(data: SolverData, wide: Frame) -> None:
    result = solve(wide, (), data)
    solution = result.solution
    assert solution is not None
    assert solution.log_odds > 100
    assert solution.rms_arcsec < 0.5 * WIDE.scale_arcsec
    assert solution.epoch == pytest.approx(2026.16, abs=0.05)
    matches = solution.matches
    assert len(matches) > 30
    assert np.array_equal(result.sources.x[matches.source], matches.x)
    px, py = solution.wcs.to_pixel(matches.ra, matches.dec)
    assert px == pytest.approx(matches.x_reference)
    assert np.hypot(px - matches.x, py - matches.y).max() < 4
    assert np.all((matches.weight >= 0) & (matches.weight <= 1))
    assert len(np.unique(matches.source)) == len(matches)
    assert solution.wcs.crpix == pytest.approx(solution.wcs.centre_pixel)
    assert solution.reference_ra.size >= len(matches)


def test_the_same_frame_has_the_same_answer(data: SolverData, wide: Frame) -> None:
    one, two = solve(wide, (), data).solution, solve(wide, (), data).solution
    assert one is not None and two is not None
    assert one.wcs.crval == two.wcs.crval
    assert one.wcs.cd == two.wcs.cd


def test_a_list_of_sources_is_placed_like_its_frame(data: SolverData, wide: Frame) -> None:
    assert_right(solve(detect(wide.data), (), data), WIDE)


def test_right_bounds_are_used_and_named(data: SolverData, wide: Frame) -> None:
    scale = WIDE.scale_arcsec
    result = solve(wide, [Hints(scale_low=0.9 * scale, scale_high=1.1 * scale)], data)
    assert_right(result, WIDE)
    assert result.solution is not None and "the user's bounds" in result.solution.rung


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (0.0, 30.0), (45.0, 0.0)])
def test_a_hint_at_zero_is_a_hint(data_alone: SolverData, ra: float, dec: float) -> None:
    spec = replace(WIDE, ra=ra, dec=dec, seed=8)
    scale = spec.scale_arcsec
    hint = Hints(scale_low=0.95 * scale, scale_high=1.05 * scale, ra=ra, dec=dec, radius=3.0)
    result = solve(frame_of(spec, data_alone), [hint], data_alone)
    assert_right(result, spec)
    assert result.solution is not None and "bounds" in result.solution.rung
    elsewhere = replace(hint, ra=ra + 180.0 if dec == 0 else ra, dec=-dec if dec else dec)
    moved = solve(frame_of(spec, data_alone), [elsewhere], data_alone)
    assert_right(moved, spec)
    assert moved.solution is not None and "bounds" not in moved.solution.rung


@pytest.mark.parametrize(
    "hint",
    [
        Hints(scale_low=1.0, scale_high=2.0),
        Hints(ra=250.0, dec=60.0, radius=2.0),
        Hints(scale_low=50.0, scale_high=60.0, ra=84.0, dec=80.0, radius=5.0),
        Hints(wcs=replace(WIDE, ra=200.0, dec=50.0).wcs(), source="camera"),
        Hints(wcs=replace(WIDE, width_deg=3.0).wcs(), source="header"),
        Hints(wcs=Wcs((84.0, -1.5), (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)), 900, 700), source="header"),
    ],
)
def test_wrong_hints_do_no_harm(data_alone: SolverData, wide: Frame, hint: Hints) -> None:
    assert_right(solve(wide, [hint], data_alone), WIDE)


def test_a_parity_that_the_user_demands_is_binding(data_alone: SolverData, wide: Frame) -> None:
    assert_right(solve(wide, [Hints(parity=WIDE.parity)], data_alone), WIDE)
    mirrored = solve(wide, [Hints(parity=-WIDE.parity)], data_alone)
    assert mirrored.solution is None
    assert mirrored.reason


@pytest.mark.parametrize(
    "wcs",
    [
        WIDE.wcs(),
        replace(WIDE, ra=86.0, dec=-3.0).wcs(),
        WIDE.wcs().binned_to(2.0),
        replace(WIDE, width_deg=14.05, orientation_deg=33.2).wcs(),
    ],
)
def test_a_known_projection_is_enough(data_alone: SolverData, wide: Frame, wcs: Wcs) -> None:
    result = solve(wide, [Hints(wcs=wcs, source="camera")], data_alone)
    assert_right(result, WIDE)
    assert result.solution is not None and "the camera's projection" in result.solution.rung


def test_the_header_is_believed_only_after_a_match_and_only_where_wanted(data_alone: SolverData, wide: Frame) -> None:
    cards = tuple(Card(k, v) for k, v in WIDE.wcs().to_cards().items())
    told = replace(wide, cards=cards)
    result = solve(told, (), data_alone)
    assert_right(result, WIDE)
    assert result.solution is not None and "header" in result.solution.rung
    blind = solve(told, (), data_alone, use_header=False)
    assert blind.solution is not None and "header" not in blind.solution.rung
    lies = replace(wide, meaning=replace(wide.meaning, ra=10.0, dec=70.0, scale_arcsec=3.0))
    assert_right(solve(lies, (), data_alone), WIDE)


def test_near_a_known_place_narrow_fields_need_no_index(data: SolverData, data_alone: SolverData) -> None:
    spec = Spec(ra=150.0, dec=40.0, width_deg=1.6, width=1000, height=800, orientation_deg=140.0, seed=4)
    scale = spec.scale_arcsec
    hint = Hints(scale_low=0.9 * scale, scale_high=1.1 * scale, ra=149.8, dec=40.1, radius=1.0)
    result = solve(frame_of(spec, data), [hint], data_alone)
    assert_right(result, spec)
    assert result.solution is not None and "around the hinted place" in result.solution.rung


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hint", [None, Hints(wcs=WIDE.wcs(), source="camera"), Hints(scale_low=40, scale_high=70)])
def test_stars_at_random_are_no_place(data_alone: SolverData, seed: int, hint: Hints | None) -> None:
    rng = np.random.default_rng(seed)
    n = (30, 100, 300, 1500)[seed]
    order = np.sort(rng.pareto(1.0, n))[::-1] * 100
    x, y = rng.uniform(0, 900, n), rng.uniform(0, 700, n)
    sources = SourceList(x, y, order, np.zeros(n), order / 10, 900, 700, 2.5)
    result = solve(sources, [hint] if hint else [], data_alone, time_limit=5)
    assert result.solution is None
    assert result.reason.endswith(".")


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((200, 300), np.nan, np.float32),
        np.zeros((200, 300), np.uint8),
        np.full((200, 300), 65535, np.uint16),
        np.ones((1, 1), np.uint16),
        np.random.default_rng(1).normal(500, 10, (300, 300)).astype(np.float32),
    ],
)
def test_frames_without_stars_end_with_a_sentence(data_alone: SolverData, pixels: np.ndarray) -> None:
    result = solve(Frame(pixels), (), data_alone, time_limit=5)
    assert result.solution is None
    assert result.reason[0].isupper() and result.reason.endswith(".")


def test_three_stars_are_too_few(data_alone: SolverData) -> None:
    three = np.array([10.0, 50.0, 90.0])
    sources = SourceList(three, three[::-1], three[::-1], three, three, 100, 100)
    result = solve(sources, (), data_alone)
    assert result.solution is None
    assert "Only 3 stars" in result.reason


def test_a_search_can_be_cancelled_and_limited(data: SolverData) -> None:
    rng = np.random.default_rng(1)
    flux = np.linspace(1e4, 10, 200)
    sources = SourceList(*rng.uniform(0, 1000, (2, 200)), flux, flux, flux, 1000, 1000, 3.0)
    assert "cancelled" in solve(sources, (), data, cancelled=lambda: True).reason
    if not data.indexes:
        pytest.skip("without index files the search is over before its limit")
    limited = solve(sources, (), data, time_limit=0.2)
    assert limited.solution is None
    assert "time limit" in limited.reason


def test_progress_is_told_in_words(data_alone: SolverData, wide: Frame) -> None:
    told: list[tuple[float, str]] = []
    solve(wide, (), data_alone, progress=lambda fraction, words: told.append((fraction, words)))
    assert told
    assert all(0 <= fraction <= 1 and words for fraction, words in told)


def test_the_epoch_is_that_of_the_middle_of_the_exposure() -> None:
    frame = Frame(np.zeros((2, 2)), meaning=Meaning(middle=datetime(2000, 1, 1, 12, tzinfo=UTC)))
    assert epoch_of(frame) == pytest.approx(2000.0, abs=1e-9)
    assert epoch_of(Frame(np.zeros((2, 2)))) is None


DISTORTED = replace(WIDE, distortion=0.012, seed=9)


@pytest.mark.parametrize(("asked", "most"), [(0, 1), (1, 1), (2, 2), (None, 5)])
def test_the_order_of_distortion_stays_within_what_is_asked_for(
    data_alone: SolverData, asked: int | None, most: int
) -> None:
    result = solve(frame_of(DISTORTED, data_alone), (), data_alone, sip_order=asked)
    assert result.solution is not None, result.reason
    sip = result.solution.wcs.sip_a
    assert (1 if sip is None else sip.shape[0] - 1) <= most
    assert asked is not None or sip is not None


@pytest.mark.parametrize("choice", [{"bin_by": 2}, {"bin_by": 3}, {"bin_by": 1000}, {"segmentation": True}])
def test_other_ways_of_detection_place_the_frame_in_its_own_pixels(
    data_alone: SolverData, wide: Frame, choice: dict[str, Any]
) -> None:
    result = solve(wide, (), data_alone, **choice)
    assert result.solution is not None, result.reason
    x, y = result.solution.wcs.to_pixel(*WIDE.wcs().centre)
    centre = WIDE.wcs().centre_pixel
    assert np.hypot(x - centre[0], y - centre[1]) < 0.5


@pytest.mark.parametrize("fwhm", [0.5, 0.7, 1.0])
def test_bright_undersampled_stars_are_not_taken_for_hot_pixels(data_alone: SolverData, fwhm: float) -> None:
    spec = replace(WIDE, fwhm_px=fwhm, hot_pixels=100)
    frame = frame_of(spec, data_alone)
    exposure = simulate(spec, data_alone.reference)
    inside = (exposure.stars.x > 2) & (exposure.stars.x < 897) & (exposure.stars.y > 2) & (exposure.stars.y < 697)
    bright = exposure.stars.taken(np.flatnonzero(inside)[:40])
    sources = detect(frame.data)
    nearest = np.hypot(sources.x[:, None] - bright.x, sources.y[:, None] - bright.y).min(axis=0)
    assert np.count_nonzero(nearest < 1.0) >= 34
    assert_right(solve(frame, (), data_alone, time_limit=10), spec)
