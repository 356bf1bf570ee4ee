"""Evidence: high for the truth, none for chance, and bought agreement does not count."""

import numpy as np
import pytest

from hven.science.stars.verify import weigh


def sky(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(seed).uniform(0, 1000, (2, n)))


def test_the_truth_is_accepted_and_its_pairs_are_right() -> None:
    x, y = sky()
    rng = np.random.default_rng(1)
    found = weigh(x + rng.normal(0, 1, 60), y + rng.normal(0, 1, 60), x, y, width=1000, height=1000, sigma_px=1.2)
    assert found.accepted
    assert found.log_odds > 200
    assert np.mean(found.source == found.reference) > 0.95


@pytest.mark.parametrize("n", [5, 20, 100, 800])
def test_chance_is_not(n: int) -> None:
    for seed in range(40):
        found = weigh(*sky(n, seed), *sky(n, 1000 + seed), width=1000, height=1000, sigma_px=1.5)
        assert not found.accepted
        assert found.log_odds < 10


def test_the_stars_that_a_fit_is_free_to_match_count_for_nothing() -> None:
    x, y = sky(30)
    other = sky(30, 9)
    mixed = [np.concatenate([a[:4], b[4:]]) for a, b in zip((x, y), other, strict=True)]
    assert not weigh(x, y, *mixed, width=1000, height=1000, sigma_px=1.0).accepted


def test_a_reference_star_explains_one_source_only() -> None:
    x, y = np.full(20, 500.0), np.full(20, 500.0)
    found = weigh(x, y, np.array([500.0]), np.array([500.0]), width=1000, height=1000, sigma_px=1.0)
    assert found.matched == 1
    assert not found.accepted


def test_a_frame_deeper_than_the_catalogue_is_not_held_against_it() -> None:
    x, y = sky(1000)
    found = weigh(x, y, x[:40], y[:40], width=1000, height=1000, sigma_px=1.0)
    assert found.accepted


def test_nothing_gives_nothing() -> None:
    none = np.zeros(0)
    assert weigh(none, none, none, none, width=10, height=10, sigma_px=1.0).log_odds == 0
    lost = np.array([np.nan, -50.0])
    assert weigh(*sky(5), lost, lost, width=1000, height=1000, sigma_px=1.0).matched == 0
