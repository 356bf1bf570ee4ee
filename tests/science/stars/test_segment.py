"""Segmentation: shapes of what is there."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.stars.segment import segment

from .conftest import Field


def test_an_elongated_source_has_its_axes_and_angle() -> None:
    rows, columns = np.indices((200, 200)).astype(float)
    angle = np.radians(30)
    along = (columns - 100) * np.cos(angle) + (rows - 100) * np.sin(angle)
    across = -(columns - 100) * np.sin(angle) + (rows - 100) * np.cos(angle)
    data = 5000 * np.exp(-0.5 * ((along / 12) ** 2 + (across / 4) ** 2))
    data += np.random.default_rng(1).normal(300, 5, data.shape)
    found = segment(data)
    assert np.hypot(found.x[0] - 100, found.y[0] - 100) < 0.3
    assert found.a_px[0] / found.b_px[0] == pytest.approx(3, rel=0.15)
    assert found.theta_deg[0] == pytest.approx(30, abs=2)


def test_sources_come_brightest_first_and_the_frame_stays_as_it_is(field: Field) -> None:
    data = field.data.astype(np.float32)
    before = data.copy()
    found = segment(data)
    assert len(found) > 50
    assert np.all(np.diff(found.flux) <= 0)
    assert np.array_equal(before, data)


@pytest.mark.parametrize("data", [np.full((50, 50), np.nan), np.zeros((50, 50)), np.full((50, 50), 7, np.uint8)])
def test_frames_without_sources_have_none(data: np.ndarray) -> None:
    assert len(segment(data)) == 0


def test_a_cube_is_refused() -> None:
    with pytest.raises(Invalid):
        segment(np.zeros((2, 3, 4)))
