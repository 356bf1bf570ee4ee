"""What a step is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.accounts.actor import ANYONE, Actor
from hven.imaging.steps.registry import step
from hven.science.frames.frame import Frame
from hven.science.sky.wcs import Wcs
from hven.science.stars.solution import Hints, SolveResult, SourceList

if TYPE_CHECKING:
    from hven.imaging.steps.workspace import Workspace


def _tell_nobody(_fraction: float, _message: str) -> None:
    pass


def _go_on() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame's place in the sky as a step that works in a folder found it."""

    wcs: Wcs
    stars: int  # that it was compared with
    rms_arcsec: float
    catalogue: str  # in words
    how: str  # in words


@dataclass(slots=True)
class StepContext:
    """The input, the configuration, what earlier steps found, and how to speak while working.

    The input is a frame, or a bare list of sources; a step with a stem works in a reduction's folder instead, `files`,
    and what it finds for later steps and people it sets in the reduction's configuration. Steps of one run share it,
    the solver's answer and `memo` in memory; what must outlive the run goes into results and products.
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
    workspace: Workspace | None = None
    actor: Actor = ANYONE  # who asked for the run: other records are read as by them
    placed: Placed | None = None  # by the step under way
    changes: dict[str, Any] = field(default_factory=dict)  # keys that the step under way has set
    memo: dict[str, Any] = field(default_factory=dict)  # what later steps of the run would else compute again
    on_line: Callable[[str], None] | None = None  # told each line as it comes
    tell: Callable[[float, str], None] = _tell_nobody
    cancelled: Callable[[], bool] = _go_on

    def begin(self, key: str) -> None:
        """Turn to the next step."""
        self.key = key
        self.lines = []
        self.changes = {}
        self.placed = None

    def value(self, name: str) -> Any:
        """Return a configuration key's value in its type, or its default; the step under way must have declared it.

        Raises
        ------
        Invalid
            The value is of another type or out of bounds: a reduction's configuration is kept as it was sent.
        """
        for key in step(self.key).keys:
            if key.name == name:
                found = key.read(self.config.get(name))
                return key.default if found is None else found
        raise KeyError(f"the step {self.key} does not declare {name}")

    def log(self, line: str) -> None:
        """Add a sentence to the step's log."""
        self.lines.append(line)
        if self.on_line is not None:
            self.on_line(line)

    def set(self, name: str, value: Any) -> None:
        """Keep a value (JSON) under a key of the reduction's configuration, for later steps and for people."""
        self.config[name] = self.changes[name] = value

    @property
    def files(self) -> Workspace:
        """The reduction's folder, for steps that work in one."""
        if self.workspace is None:
            raise ValueError(f"the step {self.key} has no folder to work in")
        return self.workspace

    def path(self, name: str) -> Path:
        """Return where to write a product."""
        return self.scratch / name
