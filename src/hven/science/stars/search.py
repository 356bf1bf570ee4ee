"""What all rungs of the solving ladder share: the frame's source lists, the limits, and the court of appeal.

A rung proposes projections; `Search.consider` alone accepts one, after weighing it on all stars.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hven.science.frames.frame import Frame
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.data import SolverData
from hven.science.stars.detect import binned, detect, unbinned
from hven.science.stars.fit import MOST_ORDER
from hven.science.stars.refine import References, examine, references_around, refine
from hven.science.stars.solution import Attempt, Hints, Solution, SourceList
from hven.science.stars.uniform import matching_list

Floats = NDArray[np.float64]
Progress = Callable[[float, str], None]
_SMALLEST_BINNED = 300  # pixels of the shorter side under which binning helps nothing


class Stopped(Exception):
    """The time is used up, or the caller does not want the answer any more."""


class Depth(Enum):
    """Which list of sources to match."""

    FULL = "all pixels"
    BINNED = "pixels binned by two"


@dataclass
class Search:
    """One frame's search for its place."""

    sources: SourceList
    frame: Frame | None
    data: SolverData
    epoch: float | None
    time_limit: float
    parity: int | None = None
    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    attempts: list[Attempt] = field(default_factory=list)
    started: float = field(default_factory=time.thread_time)
    considered: int = 0
    most_order: int = MOST_ORDER
    _binned: SourceList | None = None
    _lists: dict[tuple[Depth, int, int], tuple[Floats, Floats, Floats]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Of the frame, pixels."""
        return self.sources.width

    @property
    def height(self) -> int:
        """Of the frame, pixels."""
        return self.sources.height

    @property
    def seconds(self) -> float:
        """CPU seconds used so far."""
        return time.thread_time() - self.started

    @property
    def is_cancelled(self) -> bool:
        """True where the caller does not want the answer any more."""
        return self.cancelled is not None and self.cancelled()

    def check(self) -> None:
        """Raise Stopped where the search must end."""
        if self.is_cancelled:
            raise Stopped("The search was cancelled.")
        if self.seconds > self.time_limit:
            raise Stopped(f"No match was found within the time limit of {self.time_limit:g} s.")

    def tell(self, sentence: str) -> None:
        """Report what is being tried."""
        if self.progress is not None:
            self.progress(min(self.seconds / max(self.time_limit, 1e-3), 1.0), sentence)

    def note(self, rung: str, outcome: str, since: float) -> None:
        """Keep a record of a rung that was tried."""
        self.attempts.append(Attempt(rung, outcome, self.seconds - since))

    def depths(self) -> tuple[Depth, ...]:
        """Return the lists there are, the more promising first.

        A compressed picture shows nebula knots and artefacts as sources, of which binning leaves few.
        """
        if self.frame is None or min(self.width, self.height) < _SMALLEST_BINNED:
            return (Depth.FULL,)
        if self.frame.data.dtype == np.uint8:
            return Depth.BINNED, Depth.FULL
        return Depth.FULL, Depth.BINNED

    def list_of(self, depth: Depth) -> SourceList:
        """Return the sources of one depth, in pixels of the whole frame."""
        if depth is Depth.FULL or self.frame is None:
            return self.sources
        if self._binned is None:
            small, mask = binned(self.frame.data, self.frame.mask, 2)
            self._binned = unbinned(detect(small, mask, limit=1500), 2, self.width, self.height)
        return self._binned

    def to_match(self, depth: Depth, limit: int, cells: int = 0) -> tuple[Floats, Floats, Floats]:
        """Return x, y and flux of the sources to match, best first."""
        key = (depth, limit, cells)
        if key not in self._lists:
            self._lists[key] = matching_list(self.list_of(depth), limit, cells)
        return self._lists[key]

    def consider(
        self,
        rough: Wcs,
        rung: str,
        *,
        tolerance_px: float,
        hint: Hints | None = None,
        listed: References | None = None,
        depth: Depth = Depth.FULL,
    ) -> Solution | None:
        """Weigh a proposal on all stars; return the refined solution if chance can be excluded."""
        self.considered += 1
        if not self.is_allowed(rough, hint):
            return None
        references = references_around(self.data.reference, rough, self.epoch)
        inside = int(np.count_nonzero(rough.linear().contains(references.ra, references.dec)))
        if listed is not None and len(listed) > 2 * inside:
            references = listed
        for sources in dict.fromkeys((depth, Depth.FULL)):
            chosen = self.list_of(sources)
            checked = examine(rough, chosen, references, tolerance_px=tolerance_px)
            if checked is None or not checked[1].accepted:
                continue
            wcs, evidence = checked
            if not self.is_allowed(wcs, hint):
                return None
            solution = refine(
                wcs, self.sources, references, evidence, rung, epoch=self.epoch, most_order=self.most_order
            )
            if solution is None and chosen is not self.sources:
                solution = refine(wcs, chosen, references, evidence, rung, epoch=self.epoch, most_order=self.most_order)
                if solution is not None:
                    self.sources = replace(chosen)
            if solution is not None:
                return solution
        return None

    def is_allowed(self, wcs: Wcs, hint: Hints | None) -> bool:
        """Say whether a proposal keeps what is binding: the user's parity, and the bounds being tried."""
        if self.parity is not None and wcs.parity != self.parity:
            return False
        if hint is None:
            return True
        scale = wcs.scale_arcsec
        if hint.scale_low is not None and scale < 0.98 * hint.scale_low:
            return False
        if hint.scale_high is not None and scale > 1.02 * hint.scale_high:
            return False
        if hint.ra is not None and hint.dec is not None and hint.radius is not None:
            ra, dec = wcs.centre
            return bool(separation(ra, dec, hint.ra, hint.dec) < hint.radius + wcs.radius_deg)
        return True
