"""Reductions, runs, steps, files and solutions."""

from hven.imaging.models.files import ReductionFile
from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run, RunState, StepRun
from hven.imaging.models.solution import Solution

__all__ = ["Reduction", "ReductionFile", "Run", "RunState", "Solution", "StepRun"]
