"""The rung of a known neighbourhood: scale and place are told, only shift, rotation and perhaps parity are not.

Triangles of sources are compared with triangles of the reference stars around the place (after Groth 1986, AJ 91,
1244), and matches vote for the similarity that they imply. No index file is needed, and a field may be narrower
than any index covers, as long as some reference stars are in it.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.science.sky.wcs import Wcs
from hven.science.stars.fit import standard
from hven.science.stars.search import Depth, Search
from hven.science.stars.solution import Hints, Solution

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_SOURCES = 28
_REFERENCES = 26  # for every frame's area of sky
_MOST_REFERENCES = 70
_TOLERANCE = 0.012  # of the ratios of a triangle's sides
_WIDEST_NEIGHBOURHOOD = 4.0  # radii of the frame
_PROPOSALS = 6
_STAGES = (0.3, 1.2)  # radii of the frame, before the whole neighbourhood
_MOST_RATIO = 1.6  # of the bounds of the scale


def try_neighbourhood(search: Search, depth: Depth, hint: Hints) -> Solution | None:
    """Match triangles around a hinted place; None where the hint does not narrow the sky down enough."""
    if hint.ra is None or hint.dec is None or hint.scale_low is None or hint.scale_high is None:
        return None
    if hint.scale_high > _MOST_RATIO * hint.scale_low:
        return None
    scale = float(np.sqrt(hint.scale_low * hint.scale_high)) / 3600
    half_diagonal = 0.5 * scale * float(np.hypot(search.width, search.height))
    reach = min(hint.radius if hint.radius is not None else 2.0, _WIDEST_NEIGHBOURHOOD * half_diagonal)
    x, y, _ = search.to_match(depth, _SOURCES, 3)
    if x.size < 4 or half_diagonal > 20:
        return None
    search.tell("Matching triangles around the hinted place")
    # most pointings are nearly right, and the nearer the place, the fewer the stars that have no part in it
    radii = [share * half_diagonal for share in _STAGES if share * half_diagonal < reach]
    for radius in (*radii, reach):
        found = _try_radius(search, depth, hint, (x, y), radius=radius, half_diagonal=half_diagonal)
        if found is not None:
            return found
    return None


def _try_radius(
    search: Search,
    depth: Depth,
    hint: Hints,
    places: tuple[Floats, Floats],
    *,
    radius: float,
    half_diagonal: float,
) -> Solution | None:
    """Match the stars within a radius, degrees, of the hinted place and the half frame beyond."""
    x, y = places
    if hint.ra is None or hint.dec is None or hint.scale_low is None or hint.scale_high is None:
        return None
    share = (1 + radius / half_diagonal) ** 2
    rows = search.data.reference.cone(
        hint.ra,
        hint.dec,
        min(radius + 0.85 * half_diagonal, 60.0),
        epoch=search.epoch,
        limit=int(min(_REFERENCES * share, _MOST_REFERENCES)),
    )
    if len(rows) < 4:
        return None
    crval = hint.ra % 360.0, hint.dec
    xi, eta = standard(rows.ra, rows.dec, crval)
    size = max(search.width, search.height)
    proposals = _proposals(
        x - (search.width - 1) / 2,
        y - (search.height - 1) / 2,
        xi,
        eta,
        low=hint.scale_low / 3600 / 1.02,
        high=hint.scale_high / 3600 * 1.02,
        longest_px=1.5 * size,
        parity=search.parity,
    )
    for cd, shift in proposals:
        search.check()
        rough = _about(search, crval, cd, shift)
        found = search.consider(
            rough,
            "triangles around the hinted place",
            tolerance_px=max(0.006 * size, 4.0),
            hint=hint,
            depth=depth,
        )
        if found is not None:
            return found
    return None


def _about(
    search: Search,
    crval: tuple[float, float],
    cd: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> Wcs:
    """Return the proposal as a projection whose reference stays where the triangles were projected about."""
    offset = np.linalg.solve(cd, -shift)
    crpix = ((search.width - 1) / 2 + float(offset[0]), (search.height - 1) / 2 + float(offset[1]))
    rows = (float(cd[0, 0]), float(cd[0, 1])), (float(cd[1, 0]), float(cd[1, 1]))
    return Wcs(crval, crpix, rows, search.width, search.height)


def _triangles(x: Floats, y: Floats, shortest: float, longest: float) -> tuple[Indices, Floats, Floats]:
    """Return triangles' corners (opposite the longest, middle, shortest side), side ratios and longest sides."""
    corners = np.array(list(itertools.combinations(range(x.size), 3)), np.intp)
    if not corners.size:
        return corners.reshape(0, 3), np.zeros((0, 2)), np.zeros(0)
    a, b, c = corners.T
    sides = np.stack(
        [np.hypot(x[b] - x[c], y[b] - y[c]), np.hypot(x[a] - x[c], y[a] - y[c]), np.hypot(x[a] - x[b], y[a] - y[b])],
        axis=1,
    )
    order = np.argsort(-sides, axis=1)
    sides = np.take_along_axis(sides, order, axis=1)
    corners = np.take_along_axis(corners, order, axis=1)
    # nearly equal sides swap their corners, small and long triangles are badly measured
    good = (sides[:, 0] > shortest) & (sides[:, 0] < longest) & (sides[:, 2] > 0.15 * sides[:, 0])
    good &= (sides[:, 0] > 1.03 * sides[:, 1]) & (sides[:, 1] > 1.03 * sides[:, 2])
    ratios = sides[good, 1:] / sides[good, :1]
    return corners[good], ratios, sides[good, 0]


def _proposals(
    u: Floats,
    v: Floats,
    xi: Floats,
    eta: Floats,
    *,
    low: float,
    high: float,
    longest_px: float,
    parity: int | None,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return CD matrices and places of the frame's centre (degrees) that most triangles agree on."""
    shortest_px = 0.12 * longest_px
    ours, our_ratios, our_sizes = _triangles(u, v, shortest_px, longest_px)
    theirs, their_ratios, their_sizes = _triangles(xi, eta, shortest_px * low, longest_px * high)
    if not len(ours) or not len(theirs):
        return []
    near = cKDTree(our_ratios).query_ball_tree(cKDTree(their_ratios), _TOLERANCE)
    mine = np.repeat(np.arange(len(ours)), [len(n) for n in near])
    other = np.fromiter(itertools.chain.from_iterable(near), np.intp, count=mine.size)
    ratio = their_sizes[other] / our_sizes[mine]
    fits = (ratio > low) & (ratio < high)
    mine, other, ratio = mine[fits], other[fits], ratio[fits]
    if not mine.size:
        return []
    pixel = u + 1j * v
    sky = xi + 1j * eta
    p, s = pixel[ours[mine]], sky[theirs[other]]
    turn_p, turn_s = _turn(p), _turn(s)
    same = np.sign(turn_p) == np.sign(turn_s)
    votes: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = []
    for sign in (1, -1):
        if parity is not None and sign != parity:
            continue
        which = same if sign > 0 else ~same
        if not which.any():
            continue
        q = p[which] if sign > 0 else np.conj(p[which])
        t = s[which]
        q0, t0 = q.mean(axis=1), t.mean(axis=1)
        factor = np.sum((t - t0[:, None]) * np.conj(q - q0[:, None]), axis=1) / np.sum(
            np.abs(q - q0[:, None]) ** 2, axis=1
        )
        shift = t0 - factor * q0
        unit = 0.02 * longest_px * np.sqrt(low * high)
        key = np.column_stack(
            [
                np.round(np.angle(factor) / 0.03),
                np.round(np.log(np.abs(factor)) / 0.02),
                np.round(shift.real / unit),
                np.round(shift.imag / unit),
            ]
        )
        # half-steps of the cells blur the votes; a tree of near agreement counts them without edges
        tree = cKDTree(
            np.column_stack(
                [np.cos(np.angle(factor)) / 0.03, np.sin(np.angle(factor)) / 0.03,
                 np.log(np.abs(factor)) / 0.02, shift.real / unit, shift.imag / unit]
            )
        )  # fmt: skip
        _, first = np.unique(key, axis=0, return_index=True)
        heads = first[:4000]
        counts = np.array([len(n) for n in tree.query_ball_point(tree.data[heads], 1.0)])
        for k in np.argsort(-counts, kind="stable")[: 3 * _PROPOSALS]:
            members = tree.query_ball_point(tree.data[heads[k]], 1.0)
            f = factor[members].mean()
            centre = shift[members].mean()
            cd = np.array([[f.real, -sign * f.imag], [f.imag, sign * f.real]])
            votes.append((int(counts[k]), cd, np.array([centre.real, centre.imag])))
    votes.sort(key=lambda item: -item[0])
    kept: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for _, cd, centre in votes:
        unit = 0.04 * longest_px * np.sqrt(low * high)
        if all(np.hypot(*(centre - k[1])) > unit or not np.allclose(cd, k[0], atol=0.06 * low) for k in kept):
            kept.append((cd, centre))
        if len(kept) == _PROPOSALS:
            break
    return kept


def _turn(corners: NDArray[np.complex128]) -> Floats:
    """Return twice the signed area of triangles of complex corners, (n, 3)."""
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(one.real * two.imag - one.imag * two.real, np.float64)
