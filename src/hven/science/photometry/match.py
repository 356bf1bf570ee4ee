"""Pairing measured objects with catalogue stars, one to one, and leaving out those that blend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Indices of objects and catalogue stars at one place; arrays of one length n."""

    object: NDArray[np.intp]
    star: NDArray[np.intp]
    distance_px: Floats

    def __len__(self) -> int:
        return int(self.object.size)

    def chosen(self, which: NDArray[np.bool_]) -> "Pairs":
        """Return a selection."""
        return Pairs(self.object[which], self.star[which], self.distance_px[which])


def match_positions(x: Floats, y: Floats, star_x: Floats, star_y: Floats, radius_px: float) -> Pairs:
    """Return the pairs that are each other's nearest within a radius; positions in pixels, NaN ones never match."""
    none = np.zeros(0, np.intp)
    here = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    there = np.flatnonzero(np.isfinite(star_x) & np.isfinite(star_y))
    if not here.size or not there.size or not radius_px > 0:
        return Pairs(none, none, np.zeros(0))
    objects, stars = np.column_stack([x[here], y[here]]), np.column_stack([star_x[there], star_y[there]])
    distance, nearest = cKDTree(stars).query(objects, distance_upper_bound=radius_px)
    _, back = cKDTree(objects).query(stars, distance_upper_bound=radius_px)
    hit = np.flatnonzero(np.isfinite(distance))
    mutual = hit[back[nearest[hit]] == hit]
    return Pairs(here[mutual].astype(np.intp), there[nearest[mutual]].astype(np.intp), distance[mutual])


def is_alone(x: Floats, y: Floats, distance_px: float) -> NDArray[np.bool_]:
    """Say which positions (n,) have no other within a distance; NaN ones are alone."""
    alone = np.ones(x.size, np.bool_)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if known.size > 1 and distance_px > 0:
        pairs = cKDTree(np.column_stack([x[known], y[known]])).query_pairs(distance_px, output_type="ndarray")
        alone[known[np.unique(pairs)]] = False
    return alone
