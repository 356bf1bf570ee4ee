"""Is a match better than chance? The log-odds of a projection on all stars.

After Lang et al. (2010, AJ 139, 1782): each source of the frame, brightest first, is either a reference star
displaced by a Gaussian error or a distractor that may lie anywhere; by chance it would lie anywhere. The natural
logarithm of the ratio of the two likelihoods is summed, and the sum's highest value on the way down the list
counts, so that a frame that goes deeper than the catalogue is not held against it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
ACCEPTED = 21.0  # log-odds beyond what the projection's own freedom can buy: one in a thousand million
FREEDOM = 3  # matches whose agreement is taken as bought by the fit of a scaled rotation and the search for it
LEAST_MATCHES = 5
_DISTRACTORS = 0.4  # share of sources expected to be no reference star


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a projection explains a frame."""

    log_odds: float  # after the projection's freedom was paid for
    matched: int
    source: NDArray[np.intp]  # (matched,) indices into the sources
    reference: NDArray[np.intp]  # (matched,) indices into the reference stars
    weight: Floats  # (matched,) probability that the pair is right

    @property
    def accepted(self) -> bool:
        """True where chance can be excluded."""
        return self.log_odds > ACCEPTED and self.matched >= LEAST_MATCHES


def weigh(
    x: Floats,
    y: Floats,
    reference_x: Floats,
    reference_y: Floats,
    *,
    width: int,
    height: int,
    sigma_px: float,
    freedom: int = FREEDOM,
    area_px: float | None = None,
) -> Evidence:
    """Return the evidence for projected reference stars being a frame's sources.

    Parameters
    ----------
    x, y : (n,)
        Sources, the most telling (bright, spread evenly) first; 0-based pixels.
    reference_x, reference_y : (m,)
        Reference stars of about the same brightness, projected; those off the frame are left out.
    width, height : int
        Of the frame, pixels.
    sigma_px : float
        Expected error of a match along one axis.
    freedom : int
        So many of the matches count as bought by the fit.
    area_px : float, optional
        Of the part of the frame that shows the sky; by default all of it.

    """
    margin = 3 * sigma_px
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero(
            (reference_x > -margin)
            & (reference_x < width - 1 + margin)
            & (reference_y > -margin)
            & (reference_y < height - 1 + margin)
        )
    none = np.zeros(0, np.intp)
    if not inside.size or not x.size:
        return Evidence(0.0, 0, none, none, np.zeros(0))
    tree = cKDTree(np.column_stack([reference_x[inside], reference_y[inside]]))
    distance, nearest = tree.query(np.column_stack([x, y]), distance_upper_bound=5 * sigma_px)
    hit = np.isfinite(distance)
    # a reference star can explain one source only: the nearest
    order = np.argsort(distance, kind="stable")
    taken, first = np.unique(nearest[order], return_index=True)
    owner = np.zeros(x.size, np.bool_)
    owner[order[first[taken < inside.size]]] = True
    hit &= owner
    area = area_px or float(width) * float(height)
    density = area / (inside.size * 2 * np.pi * sigma_px**2)
    gain = np.zeros(x.size)
    gain[hit] = density * np.exp(-0.5 * (distance[hit] / sigma_px) ** 2)
    foreground = (1 - _DISTRACTORS) * gain
    steps = np.log(_DISTRACTORS + foreground)
    total = np.cumsum(steps)
    best = int(np.argmax(total))
    probability = foreground / (_DISTRACTORS + foreground)
    right = hit & (probability > 0.5)
    spent = np.sort(steps[: best + 1][right[: best + 1]])[::-1][:freedom].sum()
    sources = np.flatnonzero(right)
    return Evidence(
        log_odds=float(total[best] - spent),
        matched=int(np.count_nonzero(right[: best + 1])),
        source=sources,
        reference=inside[nearest[sources]],
        weight=probability[sources],
    )
