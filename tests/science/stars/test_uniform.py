"""Orders of source lists."""

import numpy as np

from hven.science.stars.uniform import uniform_order, without_crowding


def test_every_cells_brightest_comes_before_any_cells_second() -> None:
    x = np.array([10.0, 11, 12, 90, 91, 10])
    y = np.array([10.0, 11, 12, 10, 11, 90])
    order = uniform_order(x, y, 100, 100, cells=2)
    assert order.tolist() == [0, 3, 5, 1, 4, 2]


def test_an_order_is_a_permutation_even_off_the_frame() -> None:
    x, y = np.random.default_rng(0).uniform(-50, 150, (2, 500))
    assert sorted(uniform_order(x, y, 100, 100)) == list(range(500))
    assert uniform_order(np.zeros(0), np.zeros(0), 100, 100).size == 0


def test_of_crowded_sources_the_brightest_stays() -> None:
    x, y = np.array([0.0, 2, 4, 50]), np.zeros(4)
    assert without_crowding(x, y, 3.0).tolist() == [True, False, True, True]
