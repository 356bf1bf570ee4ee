"""Triangles of stars against known maps."""

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.align import align

RNG = np.random.default_rng(8)


@pytest.mark.parametrize(
    ("angle", "scale", "dx", "dy", "mirror"),
    [(0.0, 1.0, 12.0, -7.0, 1), (179.0, 1.0, 900.0, 950.0, 1), (33.0, 0.6, 40.0, 10.0, 1), (-80.0, 1.7, 5.0, 5.0, -1)],
)
def test_shift_turn_scale_and_mirror_are_found_among_other_stars(
    angle: float, scale: float, dx: float, dy: float, mirror: int
) -> None:
    x, y = RNG.uniform(0, 1000, (2, 120))
    c, s = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    u, v = c * x * mirror - s * y + dx, s * x * mirror + c * y + dy
    u, v = u + RNG.normal(0, 0.1, 120), v + RNG.normal(0, 0.1, 120)
    # a fifth is missing on the other, which has stars of its own and another order of brightness
    other = np.r_[np.c_[u, v][:96], RNG.uniform(-500, 1500, (30, 2))]
    order = np.argsort(np.r_[np.arange(96), RNG.uniform(0, 96, 30)] + RNG.normal(0, 4, 126))
    found = align(x, y, *other[order].T)
    p, q = found(x, y)
    assert np.hypot(p - u, q - v).max() < 0.6 and found.stars > 80


def test_other_fields_and_few_stars_are_refused() -> None:
    x, y, u, v = RNG.uniform(0, 1000, (4, 60))
    for a, b, c, d in ((x, y, u, v), (x[:2], y[:2], u, v), (x, y, u[:0], v[:0])):
        with pytest.raises(Invalid, match="cannot be matched"):
            align(a, b, c, d)


def test_the_map_of_pixels_follows_the_stars() -> None:
    x, y = RNG.uniform(0, 300, (2, 60))
    mapping = align(x, y, x + 3.25, y - 1.5).pixel_map(300, 200)
    u, v = mapping.rows(0, 200)
    assert u[50, 70] == pytest.approx(73.25, abs=0.01) and v[50, 70] == pytest.approx(48.5, abs=0.01)
