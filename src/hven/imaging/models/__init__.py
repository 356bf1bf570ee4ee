"""Reductions, runs, steps, files, solutions and presets."""

from hven.imaging.models.files import ReductionFile
from hven.imaging.models.preset import Preset, PresetFile
from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run, RunState, StepRun
from hven.imaging.models.solution import Solution

__all__ = ["Preset", "PresetFile", "Reduction", "ReductionFile", "Run", "RunState", "Solution", "StepRun"]
