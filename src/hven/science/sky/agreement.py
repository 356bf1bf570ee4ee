"""How far two projections of a frame agree, and how far two frames cover the same sky."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where the second projection puts the sky that the first sees at a grid of its pixels."""

    x: Points  # (n, n), pixels of the first frame, 0-based
    y: Points
    other_x: Points  # (n, n), pixels of the second; NaN where its projection does not reach
    other_y: Points
    overlap: float  # fraction of the first frame that lies on the second, 0 to 1
    centres_deg: float  # between the middles of the frames

    @property
    def off_px(self) -> Points:
        """How far apart the two pixels are, shape (n, n): means something for two solutions of one frame only."""
        return np.asarray(np.hypot(self.other_x - self.x, self.other_y - self.y))

    @property
    def max_px(self) -> float:
        """The largest of these; infinite where the second projection does not reach."""
        off = self.off_px
        return float(off.max()) if np.all(np.isfinite(off)) else float("inf")

    @property
    def rms_px(self) -> float:
        """Their root mean square; infinite where the second projection does not reach."""
        off = self.off_px
        return float(np.sqrt(np.mean(off**2))) if np.all(np.isfinite(off)) else float("inf")

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """The affine map from pixels of the second frame to those of the first, shape (2, 3); None where none fits.

        Fitted by least squares to the grid: exact for two pictures of the same small field, less so at wide ones.
        """
        seen = np.isfinite(self.other_x) & np.isfinite(self.other_y)
        if seen.sum() < 3:
            return None
        design = np.stack([self.other_x[seen], self.other_y[seen], np.ones(int(seen.sum()))], axis=1)
        found, _, rank, _ = np.linalg.lstsq(design, np.stack([self.x[seen], self.y[seen]], axis=1), rcond=None)
        return found.T if rank == 3 and np.all(np.isfinite(found)) else None


def agreement(first: Wcs, second: Wcs, points: int = 21) -> Agreement:
    """Compare two projections over a grid of points by points pixels that reaches the first frame's edges."""
    x, y = np.meshgrid(np.linspace(0, first.width - 1, points), np.linspace(0, first.height - 1, points))
    ra, dec = first.to_sky(x, y)
    other_x, other_y = second.to_pixel(ra, dec)
    return Agreement(
        x,
        y,
        other_x,
        other_y,
        overlap=float(np.mean(second.contains(ra, dec))),
        centres_deg=float(separation(*first.centre, *second.centre)),
    )
