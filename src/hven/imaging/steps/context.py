"""What a step is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hven.imaging.steps.registry import step
from hven.science.frames.frame import Frame
from hven.science.stars.solution import Hints, SolveResult, SourceList


def _tell_nobody(_fraction: float, _message: str) -> None:
    pass


def _go_on() -> bool:
    return False


@dataclass(slots=True)
class StepContext:
    """The input, the configuration, what earlier steps found, and how to speak while working.

    The input is a frame, or a bare list of sources. Steps of one run share it and the solver's answer in memory;
    what must outlive the run goes into results and products.
    """

    config: dict[str, Any]
    scratch: Path
    frame: Frame | None = None
    sources: SourceList | None = None
    key: str = ""  # of the step under way
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)  # results by step
    camera_hints: tuple[Hints, ...] = ()  # of earlier solutions of the same camera
    solved: SolveResult | None = None
    lines: list[str] = field(default_factory=list)
    tell: Callable[[float, str], None] = _tell_nobody
    cancelled: Callable[[], bool] = _go_on

    def begin(self, key: str) -> None:
        """Turn to the next step."""
        self.key = key
        self.lines = []

    def value(self, name: str) -> Any:
        """Return a configuration key's value, or its default; the step under way must have declared it."""
        for key in step(self.key).keys:
            if key.name == name:
                found = self.config.get(name)
                return key.default if found is None else found
        raise KeyError(f"the step {self.key} does not declare {name}")

    def log(self, line: str) -> None:
        """Add a sentence to the step's log."""
        self.lines.append(line)

    def path(self, name: str) -> Path:
        """Return where to write a product."""
        return self.scratch / name
