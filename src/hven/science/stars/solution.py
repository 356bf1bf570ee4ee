"""What the solver is told and what it answers."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.wcs import Wcs


@dataclass(frozen=True, slots=True)
class SourceList:
    """Detected sources, brightest first; arrays of one length n."""

    x: NDArray[np.float64]  # (n,), 0-based pixels
    y: NDArray[np.float64]
    flux: NDArray[np.float64]  # ADU above the background
    background: NDArray[np.float64]  # ADU per pixel
    snr: NDArray[np.float64]  # of the matched filter
    width: int  # of the frame, pixels
    height: int
    fwhm_px: float | None = None  # of the typical star

    def __len__(self) -> int:
        return int(self.x.size)


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before solving; every bound is optional, and none is trusted without a verified match."""

    scale_low: float | None = None  # arcseconds per pixel
    scale_high: float | None = None
    ra: float | None = None  # ICRS degrees; 0 is a position like any other
    dec: float | None = None
    radius: float | None = None  # degrees
    parity: int | None = None  # sign of det(CD): +1 or -1
    wcs: Wcs | None = None  # a full earlier projection: the header's, or the same camera's last solution
    positional_error_px: float | None = None
    source: str = "user"  # user, header or camera: who said so


@dataclass(frozen=True, slots=True)
class Matches:
    """Stars of the frame paired with reference stars; arrays of one length n."""

    x: NDArray[np.float64]  # (n,), 0-based pixels, measured
    y: NDArray[np.float64]
    source: NDArray[np.int64]  # index into the SourceList
    ra: NDArray[np.float64]  # ICRS degrees of the reference star at the frame's epoch
    dec: NDArray[np.float64]
    mag: NDArray[np.float64]  # of the reference catalogue
    catalogue: NDArray[np.str_]  # "gaia" or "tycho2" or the index's name
    x_reference: NDArray[np.float64]  # where the projection puts the reference star
    y_reference: NDArray[np.float64]
    weight: NDArray[np.float64]  # 0..1, the probability that the pair is right

    def __len__(self) -> int:
        return int(self.x.size)


@dataclass(frozen=True, slots=True)
class Solution:
    """A verified place in the sky."""

    wcs: Wcs
    matches: Matches
    log_odds: float  # natural logarithm, for the match against chance
    rms_arcsec: float  # of the residuals, both axes together
    rung: str  # which step of the ladder found it, in words
    reference_ra: NDArray[np.float64]  # all reference stars in the field, ICRS degrees at the epoch
    reference_dec: NDArray[np.float64]
    reference_mag: NDArray[np.float64]
    catalogue: str  # the reference catalogue, in words
    epoch: float | None = None  # Julian year to which proper motions were applied; None: not applied


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung that was tried."""

    rung: str
    outcome: str  # a sentence
    seconds: float


@dataclass(frozen=True, slots=True)
class SolveResult:
    """The end of the ladder: a solution, or a reason why there is none."""

    solution: Solution | None
    sources: SourceList
    reason: str = ""  # a sentence for people where there is no solution
    attempts: tuple[Attempt, ...] = field(default_factory=tuple)
    seconds: float = 0.0
