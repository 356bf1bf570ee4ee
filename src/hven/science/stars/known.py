"""The rung of what is known: a projection from the header or from the same camera's last frame."""

from dataclasses import replace

import numpy as np

from hven.science.sky.wcs import Wcs
from hven.science.stars.fisheye import consider_fisheye
from hven.science.stars.fit import recentred
from hven.science.stars.refine import references_around
from hven.science.stars.search import Depth, Search
from hven.science.stars.solution import Hints, Solution

_BRIGHT = 60
_SHIFTS = 3


def try_projection(search: Search, hint: Hints) -> Solution | None:
    """Check a known projection as it is, then moved to where the brightest stars suggest."""
    if hint.wcs is None or hint.wcs.determinant == 0:
        return None
    wcs = _fitted_to(hint.wcs, search.width, search.height)
    rung = f"the {hint.source}'s projection"
    size = max(search.width, search.height)
    if wcs.radial is not None:
        return consider_fisheye(search, wcs, rung=rung)
    found = search.consider(wcs, rung, tolerance_px=max(0.004 * size, 4.0))
    if found is not None:
        return found
    for moved in _shifted(search, wcs):
        search.check()
        found = search.consider(moved, f"{rung}, moved", tolerance_px=max(0.012 * size, 6.0))
        if found is not None:
            return found
    return None


def _fitted_to(wcs: Wcs, width: int, height: int) -> Wcs:
    """Return the projection for a frame of this size: another binning of the same field is recognised."""
    if (wcs.width, wcs.height) == (width, height):
        return wcs
    across, down = width / max(wcs.width, 1), height / max(wcs.height, 1)
    if abs(across / down - 1) < 0.02:
        wcs = wcs.binned_to(across)
    return replace(wcs, width=width, height=height)


def _shifted(search: Search, wcs: Wcs) -> list[Wcs]:
    """Return the projection moved by the offsets that most pairs of a source and a reference star share."""
    wcs = recentred(wcs)
    references = references_around(search.data.reference, wcs, search.epoch, limit=2 * _BRIGHT, reach=2.0)
    px, py = wcs.to_pixel(references.ra, references.dec)
    known = np.isfinite(px) & np.isfinite(py)
    x, y, _ = search.to_match(Depth.FULL, _BRIGHT)
    if not known.any() or not x.size:
        return []
    dx = (x[:, None] - px[None, known]).ravel()
    dy = (y[:, None] - py[None, known]).ravel()
    step = max(0.008 * max(search.width, search.height), 3.0)
    reach = int(np.ceil(0.75 * max(search.width, search.height) / step))
    i, j = np.round(dx / step).astype(int) + reach, np.round(dy / step).astype(int) + reach
    side = 2 * reach + 1
    inside = (i >= 0) & (i < side) & (j >= 0) & (j < side)
    votes = np.bincount(j[inside] * side + i[inside], minlength=side * side).reshape(side, side).astype(float)
    padded = np.pad(votes, 1)
    smooth = sum(padded[a : a + side, b : b + side] for a in range(3) for b in range(3))
    best = np.argsort(-smooth, axis=None)[: 9 * _SHIFTS]
    shifts: list[tuple[float, float]] = []
    for place in best:
        row, column = divmod(int(place), side)
        shift = ((column - reach) * step, (row - reach) * step)
        if all(np.hypot(shift[0] - s[0], shift[1] - s[1]) > 2.5 * step for s in shifts):
            shifts.append(shift)
        if len(shifts) == _SHIFTS:
            break
    return [Wcs(wcs.crval, (wcs.crpix[0] + dx, wcs.crpix[1] + dy), wcs.cd, wcs.width, wcs.height) for dx, dy in shifts]
