"""Reductions, runs, steps, files, solutions, presets and verdicts."""

from hven.imaging.models.files import ReductionFile
from hven.imaging.models.preset import Preset, PresetFile
from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run, RunState, StepRun
from hven.imaging.models.solution import Solution
from hven.imaging.models.verdict import Verdict

__all__ = ["Preset", "PresetFile", "Reduction", "ReductionFile", "Run", "RunState", "Solution", "StepRun", "Verdict"]
