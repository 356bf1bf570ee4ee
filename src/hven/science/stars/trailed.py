"""Frames on which every star is a trail: the mount stood still, or followed something else.

A filter for round stars takes a trail for a row of stars. Where the brightest sources are drawn out in one common
direction, the frame's connected areas are measured instead; the middle of a trail is where the star was in the
middle of the exposure.
"""

import numpy as np
from numpy.typing import NDArray

from hven.science.stars.background import estimate_background
from hven.science.stars.segment import Segments, segment
from hven.science.stars.solution import SourceList

Floats = NDArray[np.float64]
_LOOKED_AT = 60  # brightest sources
_HALF = 7  # pixels of a stamp
_DRAWN_OUT = 1.4  # ratio of the axes of a stamp's light that round and slightly drawn-out stars do not reach
_IN_LINE = 0.7  # mean length of the doubled directions' unit vectors
_FEWEST = 8
THRESHOLDS = (5.0, 2.0)  # deviations of the noise: few trails touch at the first, more are found at the second
_SAME_LENGTH = 0.05
_SAME_DIRECTION_DEG = 6.0


def are_trails(data: NDArray[np.generic], sources: SourceList) -> bool:
    """Say whether the frame's brightest sources are drawn out in one direction."""
    height, width = data.shape
    ratios, turns = [], []
    offset = np.arange(-_HALF, _HALF + 1)
    for x, y, level in zip(
        sources.x[:_LOOKED_AT], sources.y[:_LOOKED_AT], sources.background[:_LOOKED_AT], strict=True
    ):
        column, row = round(float(x)), round(float(y))
        if not (_HALF <= column < width - _HALF and _HALF <= row < height - _HALF):
            continue
        stamp = np.asarray(data[row - _HALF : row + _HALF + 1, column - _HALF : column + _HALF + 1], float) - level
        light = np.maximum(stamp - 0.2 * float(stamp[_HALF, _HALF]), 0.0)
        total = light.sum()
        if not total > 0:
            continue
        u, v = offset - (light.sum(0) @ offset) / total, offset - (light.sum(1) @ offset) / total
        uu, vv, uv = light.sum(0) @ u**2 / total, light.sum(1) @ v**2 / total, v @ light @ u / total
        root = np.hypot((uu - vv) / 2, uv)
        longer, shorter = (uu + vv) / 2 + root, max((uu + vv) / 2 - root, 1 / 12)
        ratios.append(np.sqrt(longer / shorter))
        turns.append(np.exp(1j * np.arctan2(2 * uv, uu - vv)))
    if len(ratios) < _FEWEST:
        return False
    return bool(np.median(ratios) > _DRAWN_OUT and abs(np.mean(turns)) > _IN_LINE)


def trail_middles(
    data: NDArray[np.generic],
    mask: NDArray[np.bool_] | None = None,
    *,
    threshold: float = THRESHOLDS[0],
    limit: int | None = None,
) -> SourceList | None:
    """Return the middles of a frame's trails as sources, brightest first; None where too few are alike.

    Trails that the frame's edge cuts are left out, and so is what has another direction or length than the rest.
    `fwhm_px` is the trails' width; `threshold` is in standard deviations of the noise.

    Raises
    ------
    Invalid
        As `segment`.

    """
    background = estimate_background(data, mask)
    found = segment(data, mask, threshold=threshold, least_area_px=8, background=background, deblend=False)
    keep = _alike(found, *data.shape)
    if np.count_nonzero(keep) < _FEWEST:
        return None
    which = np.flatnonzero(keep)[:limit]
    x, y, flux, area = found.x[which], found.y[which], found.flux[which], found.area_px[which]
    noise = background.noise.at(x, y) * np.sqrt(np.maximum(area, 1))
    height, width = data.shape
    return SourceList(
        x=x,
        y=y,
        flux=flux,
        background=background.level.at(x, y),
        snr=flux / np.maximum(noise, 1e-6),
        width=width,
        height=height,
        fwhm_px=float(2.355 * np.median(found.b_px[which])),
    )


def _alike(found: Segments, height: int, width: int) -> NDArray[np.bool_]:
    """Say which segments lie whole on the frame and share the direction and length of the brighter ones."""
    length = np.sqrt(12.0) * found.a_px  # of an evenly lit line whose deviation along it is a
    turn = np.exp(2j * np.radians(found.theta_deg))
    drawn_out = found.a_px > 2 * found.b_px
    head = np.flatnonzero(drawn_out)[:200]
    if head.size < _FEWEST:
        return np.zeros(len(found), np.bool_)
    direction = complex(np.mean(turn[head]))
    off_deg = np.abs(np.degrees(np.angle(turn * np.conj(direction)))) / 2
    alike: NDArray[np.bool_] = drawn_out & (off_deg < _SAME_DIRECTION_DEG)
    if not alike.any():
        return alike
    usual = float(np.median(length[np.flatnonzero(alike)[:200]]))
    alike &= np.abs(length / usual - 1) < _SAME_LENGTH
    along = np.angle(direction) / 2
    reach_x, reach_y = abs(0.5 * usual * np.cos(along)) + 2, abs(0.5 * usual * np.sin(along)) + 2
    inside = (found.x > reach_x) & (found.x < width - 1 - reach_x)
    return np.asarray(alike & inside & (found.y > reach_y) & (found.y < height - 1 - reach_y), np.bool_)
