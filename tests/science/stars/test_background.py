"""The mesh: level and noise of the sky under stars, gaps and gradients, beside sep's."""

import numpy as np
import pytest
import sep

from hven.science.stars.background import clipped_statistics, estimate_background

from .conftest import Field


def test_level_and_noise_agree_with_sep_and_with_the_truth(field: Field) -> None:
    ours = estimate_background(field.data)
    theirs = sep.Background(field.data.astype(np.float32))
    assert ours.level.values.mean() == pytest.approx(theirs.globalback, abs=2.0)
    assert np.median(ours.noise.values) == pytest.approx(field.noise, rel=0.08)


def test_a_gradient_is_followed_to_the_edges() -> None:
    rows, columns = np.indices((500, 700))
    data = 1000 + 2.0 * columns + 0.5 * rows + np.random.default_rng(0).normal(0, 5, rows.shape)
    level = estimate_background(data).level.rows(0, 500)
    inner = np.abs(level - (1000 + 2.0 * columns + 0.5 * rows))[70:-70, 70:-70]
    assert inner.max() < 20
    assert level.shape == (500, 700)


def test_rows_and_positions_of_a_mesh_agree() -> None:
    rng = np.random.default_rng(3)
    mesh = estimate_background(rng.normal(100, 3, (400, 300)) + 10 * np.arange(300)).level
    x, y = np.array([0.0, 10.0, 155.0, 299.0]), np.array([0.0, 399.0, 200.0, 30.0])
    part = mesh.rows(0, 400)
    assert mesh.at(x, y) == pytest.approx(part[y.astype(int), x.astype(int)], abs=0.2)
    assert np.allclose(mesh.rows(100, 180), part[100:180])


def test_cells_without_sky_borrow_from_their_neighbours() -> None:
    data = np.random.default_rng(1).normal(50, 2, (400, 400)).astype(np.float32)
    data[100:250, 100:250] = np.nan
    level = estimate_background(data).level.rows(0, 400)
    assert np.all(np.abs(level - 50) < 3)


def test_stars_in_half_of_the_pixels_hardly_move_the_level() -> None:
    rng = np.random.default_rng(2)
    samples = rng.normal(100, 10, (50, 400)).astype(np.float32)
    samples[:, :80] += rng.exponential(300, (50, 80))
    mode, deviation = clipped_statistics(samples)
    assert mode.mean() == pytest.approx(100, abs=4)
    assert deviation.mean() == pytest.approx(10, rel=0.35)


def test_samples_that_are_mostly_missing_give_nothing() -> None:
    samples = np.full((3, 100), np.nan, np.float32)
    samples[1, :5] = 1
    mode, deviation = clipped_statistics(samples)
    assert np.isnan(mode).all() and np.isnan(deviation).all()
