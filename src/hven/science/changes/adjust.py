"""Whether a small shift and a small change of brightness of the template explain a candidate.

A star that moved a little, or a kernel that is off a little, leaves a pair of a bright and a dark spot, or a spot on
top of a star. Such candidates are told from new sources by fitting, to the difference, the template's own light and
its two slopes, within limits, beside the star image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution

from hven.science.changes.fitting import fit_radius, squares
from hven.science.changes.planes import Difference

Floats = NDArray[np.float64]
MOST_SHIFT_PX = 1.0
MOST_SCALE = 1.3
_LEAST_P = 0.01
_SHARE = 1 / 3
_CLEAR = 12.0  # by how much chi2 must fall below the star image's where the change is one the frame's stars do not show
_USUAL = 3.0  # times what the frame's stars leave, up to which a change is expected
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Adjustments:
    """How the template would have to change; arrays of one length n."""

    shift_x_px: Floats
    shift_y_px: Floats
    scale: Floats
    chi2_before: Floats  # of the difference as it is
    chi2_after: Floats
    p_value: Floats  # of the adjusted difference
    explains: NDArray[np.bool_]  # the change explains the candidate better than a new source does

    def image(self, difference: Difference, number: int, column: int, row: int, half: int) -> Floats:
        """Return the difference (2 half + 1, 2 half + 1) that is left after adjusting candidate `number`."""
        place = np.array([column]), np.array([row])
        light = squares(difference.convolved, *place, half + 1)[0]
        light = np.nan_to_num(light)
        slope_x = 0.5 * (light[1:-1, 2:] - light[1:-1, :-2])
        slope_y = 0.5 * (light[2:, 1:-1] - light[:-2, 1:-1])
        scale = self.scale[number]
        change = (scale - 1) * light[1:-1, 1:-1] - scale * (
            self.shift_x_px[number] * slope_x + self.shift_y_px[number] * slope_y
        )
        return np.asarray(squares(difference.diff, *place, half)[0] - change, np.float64)


def adjust(difference: Difference, x: Floats, y: Floats, source_chi2: Floats) -> Adjustments:
    """Test candidates at 0-based positions (n,); `source_chi2` is what fitting the star image left of each.

    The fit is linear: difference = (s - 1) C - s (u dC/dx + v dC/dy), with C the template as it was subtracted.
    """
    n = x.size
    if not n:
        none = np.zeros(0)
        return Adjustments(none, none, none, none, none, none, np.zeros(0, np.bool_))
    half = fit_radius(difference.fwhm_px)
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    light = squares(difference.convolved, column, row, half + 1)
    data = squares(difference.diff, column, row, half)
    noise = squares(difference.noise, column, row, half)
    closed = squares(difference.mask, column, row, half)
    bad = ~np.isfinite(data) | (closed > 0) | ~(noise > 0)
    data[bad] = 0.0
    light = np.nan_to_num(light)
    weight = np.where(bad, 0.0, 1.0 / np.where(bad, 1.0, noise) ** 2)
    functions = np.stack(
        [
            light[:, 1:-1, 1:-1],
            -0.5 * (light[:, 1:-1, 2:] - light[:, 1:-1, :-2]),
            -0.5 * (light[:, 2:, 1:-1] - light[:, :-2, 1:-1]),
        ],
        axis=1,
    )
    weighted = functions * weight[:, None]
    matrix = np.einsum("nayx,nbyx->nab", weighted, functions)
    vector = np.einsum("nayx,nyx->na", weighted, data)
    before = (weight * data**2).sum(axis=(1, 2))
    size = np.sqrt(np.maximum(np.diagonal(matrix, axis1=1, axis2=2), 1e-30))
    scaled = matrix / size[:, :, None] / size[:, None, :] + 1e-6 * np.eye(3)
    found = np.linalg.solve(scaled, (vector / size)[:, :, None])[:, :, 0] / size
    scale = np.clip(1 + found[:, 0], 1 / MOST_SCALE, MOST_SCALE)
    shift = found[:, 1:] / scale[:, None]
    length = np.hypot(shift[:, 0], shift[:, 1])
    shift *= np.minimum(1.0, MOST_SHIFT_PX / np.maximum(length, 1e-9))[:, None]
    limited = np.stack([scale - 1, scale * shift[:, 0], scale * shift[:, 1]], axis=1)
    after = before - 2 * (limited * vector).sum(axis=1) + np.einsum("na,nab,nb->n", limited, matrix, limited)
    freedom = np.maximum(np.count_nonzero(~bad, axis=(1, 2)) - 3.0, 1.0)
    p_value = chi2_distribution.sf(after, freedom)
    position, share, _ = difference.star_error
    usual = (np.abs(scale - 1) <= _USUAL * max(share, 0.01)) & (length <= _USUAL * max(position, 0.02))
    better = after < source_chi2 - np.where(usual, 0.0, _CLEAR)
    explains = better & ((after < _SHARE * before) | (p_value > _LEAST_P))
    return Adjustments(shift[:, 0], shift[:, 1], scale, before, after, np.asarray(p_value), explains)
