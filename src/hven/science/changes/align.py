"""Where one frame's stars lie on another's, without any projection: by triangles of stars.

The shape of a triangle survives shift, rotation and scale (Groth 1986, AJ 91, 1244; Valdes et al. 1995, PASP 107,
1119). Triangles of the brightest stars vote for pairs; a similarity through the best of them is verified on all stars
and refined to an affine map.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.changes.warp import PixelMap, pixel_nodes

Floats = NDArray[np.float64]
_BRIGHTEST = 28  # stars that make triangles
_TOLERANCE = 0.006  # of the triangles' side ratios
_NEAR_PX = 3.0
_FEWEST = 6  # stars that agree
_PAIRS_TRIED = 60


@dataclass(frozen=True, slots=True)
class AffineMap:
    """Positions on the other frame: x' = matrix x + offset."""

    matrix: tuple[tuple[float, float], tuple[float, float]]
    offset: tuple[float, float]
    stars: int  # that agree
    scatter_px: float  # per axis

    def __call__(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return positions (any shape) on the other frame."""
        (a, b), (c, d) = self.matrix
        return a * x + b * y + self.offset[0], c * x + d * y + self.offset[1]

    def pixel_map(self, width: int, height: int) -> PixelMap:
        """Return where the pixels of a grid lie on the other frame."""
        x, y = pixel_nodes(width, height)
        u, v = self(x, y)
        return PixelMap(u, v, width, height)


def align(x: Floats, y: Floats, other_x: Floats, other_y: Floats) -> AffineMap:
    """Find the map from one frame's stars (n,) to another's (m,), both brightest first, 0-based pixels.

    Raises
    ------
    Invalid
        No six stars agree.

    """
    one, two = np.column_stack([x, y]), np.column_stack([other_x, other_y])
    best: AffineMap | None = None
    if min(len(one), len(two)) >= 3:
        tree = cKDTree(two)
        for i, j in _proposals(one[:_BRIGHTEST], two[:_BRIGHTEST]):
            found = _verified(one, two, tree, i, j)
            if found is not None and (best is None or found.stars > best.stars):
                best = found
                if best.stars > 0.5 * min(len(one), len(two)):
                    break
    if best is None:
        raise Invalid("The stars of a frame cannot be matched with those of the first; is it of the same field?")
    return best


def _triangles(places: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the two side ratios and the corners (opposite the longest, middle and shortest side) of all triangles."""
    corners = np.array(list(combinations(range(len(places)), 3)), np.int64).reshape(-1, 3)
    a, b, c = (places[corners[:, k]] for k in range(3))
    sides = np.stack(
        [np.hypot(*(b - c).T), np.hypot(*(c - a).T), np.hypot(*(a - b).T)], axis=1
    )  # each opposite the corner of its number
    order = np.argsort(-sides, axis=1)
    sides = np.take_along_axis(sides, order, axis=1)
    corners = np.take_along_axis(corners, order, axis=1)
    longest = np.maximum(sides[:, 0], 1e-9)
    ratios = np.stack([sides[:, 1] / longest, sides[:, 2] / longest], axis=1)
    # nearly equal sides change places by noise, and flat ones tell nothing
    clear = (ratios[:, 0] < 0.97) & (ratios[:, 1] < 0.97 * ratios[:, 0]) & (ratios[:, 1] > 0.15) & (sides[:, 2] > 10)
    return ratios[clear], corners[clear]


def _proposals(one: Floats, two: Floats) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return triples of stars that may be the same, those with most votes first."""
    ratios_one, corners_one = _triangles(one)
    ratios_two, corners_two = _triangles(two)
    if not len(ratios_one) or not len(ratios_two):
        return []
    near = cKDTree(ratios_one).query_ball_tree(cKDTree(ratios_two), _TOLERANCE)
    i = np.repeat(np.arange(len(ratios_one)), [len(n) for n in near])
    j = np.array([k for n in near for k in n], np.int64)
    if not i.size:
        return []
    votes = np.zeros((len(one), len(two)))
    for corner in range(3):
        np.add.at(votes, (corners_one[i, corner], corners_two[j, corner]), 1.0)
    weight = sum(votes[corners_one[i, corner], corners_two[j, corner]] for corner in range(3))
    order = np.argsort(-np.asarray(weight), kind="stable")[:_PAIRS_TRIED]
    return [(corners_one[i[k]], corners_two[j[k]]) for k in order]


def _verified(one: Floats, two: Floats, tree: cKDTree, i: NDArray[np.int64], j: NDArray[np.int64]) -> AffineMap | None:
    """Carry a triple's map over to all stars; None where it does not hold."""
    coefficients = _fit(one[i], two[j])
    scatter = 0.0
    pairs = i, j
    for reach in (2 * _NEAR_PX, _NEAR_PX, _NEAR_PX, _NEAR_PX):
        predicted = np.column_stack([np.ones(len(one)), one]) @ coefficients
        distance, index = tree.query(predicted)
        _, first = np.unique(index, return_index=True)
        single = np.zeros(len(one), np.bool_)
        single[first] = True
        good = (distance < reach) & single
        if np.count_nonzero(good) < _FEWEST:
            return None
        pairs = np.flatnonzero(good), index[good]
        coefficients = _fit(one[pairs[0]], two[pairs[1]])
        off = np.hypot(*(np.column_stack([np.ones(len(pairs[0])), one[pairs[0]]]) @ coefficients - two[pairs[1]]).T)
        scatter = float(np.median(off)) / 1.1774
    # chance pairs of crowded frames are many too, but lie all over the circle
    if scatter > 0.3 * _NEAR_PX:
        return None
    determinant = abs(float(np.linalg.det(coefficients[1:])))
    if not 0.01 < determinant < 100:
        return None
    return AffineMap(
        (
            (float(coefficients[1, 0]), float(coefficients[2, 0])),
            (float(coefficients[1, 1]), float(coefficients[2, 1])),
        ),
        (float(coefficients[0, 0]), float(coefficients[0, 1])),
        len(pairs[0]),
        scatter,
    )


def _fit(one: Floats, two: Floats) -> Floats:
    """Return the coefficients (3, 2) of an affine map."""
    return np.asarray(np.linalg.lstsq(np.column_stack([np.ones(len(one)), one]), two, rcond=None)[0], np.float64)
