"""Pairs of positions on the sky that lie close together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from hven.science.sky.sphere import unit_vectors

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def pairs_within(
    ra1: ArrayLike, dec1: ArrayLike, ra2: ArrayLike, dec2: ArrayLike, radius_deg: float
) -> tuple[Indices, Indices, Floats]:
    """Return all pairs of two lists (ICRS degrees) within a radius: index in either, and distance in degrees."""
    one, two = unit_vectors(np.ravel(ra1), np.ravel(dec1)), unit_vectors(np.ravel(ra2), np.ravel(dec2))
    none = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    first, second = np.flatnonzero(np.isfinite(one).all(axis=1)), np.flatnonzero(np.isfinite(two).all(axis=1))
    if not first.size or not second.size or not radius_deg > 0:
        return none
    chord = 2 * np.sin(np.radians(min(radius_deg, 180.0)) / 2)
    near = cKDTree(one[first]).query_ball_tree(cKDTree(two[second]), chord)
    i = np.repeat(first, [len(n) for n in near])
    j = second[np.array([k for n in near for k in n], np.int64)]
    gap = np.linalg.norm(one[i] - two[j], axis=1)
    return i.astype(np.int64), j.astype(np.int64), np.degrees(2 * np.arcsin(np.clip(gap / 2, 0, 1)))
