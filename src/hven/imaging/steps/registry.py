"""The steps that runs are made of, each declared once: forms, checks and documents come from the declaration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hven.errors import Invalid

if TYPE_CHECKING:
    from hven.imaging.steps.context import StepContext

Type = Literal["float", "int", "bool", "text", "list", "object"]

_WORDS: dict[str, str] = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "text": "text",
    "list": "a list",
    "object": "an object of names and values",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key that a step reads; None as the default means "not set".

    Several steps may read one key: they declare the same object (see `hven.imaging.steps.shared`).
    """

    name: str
    type: Type
    doc: str  # one sentence
    unit: str = ""
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()

    def read(self, value: Any) -> Any:
        """Return the value in the key's type.

        Raises
        ------
        Invalid
            It is of another type or outside the limits; the sentence names the key.
        """
        if value is None or (value == "" and self.type != "text"):
            return None
        read = self._converted(value)
        if self.choices and read not in self.choices:
            raise Invalid(f"{self.name} is one of {', '.join(map(str, self.choices))}, not {_shown(value)}.")
        if self.type in {"float", "int"} and not self.choices:
            low = -math.inf if self.low is None else self.low
            high = math.inf if self.high is None else self.high
            if not low <= read <= high:
                raise Invalid(f"{self.name} lies between {low:g} and {high:g} {self.unit}".rstrip() + ".")
        return read

    def _converted(self, value: Any) -> Any:
        try:
            if self.type == "bool" and isinstance(value, bool):
                return value
            if self.type == "text" and isinstance(value, str):
                return value
            if self.type == "list" and isinstance(value, list):
                return value
            if self.type == "object" and isinstance(value, dict):
                return value
            if self.type == "float" and not isinstance(value, bool):
                number = float(value)
                if math.isfinite(number):
                    return number
            if self.type == "int" and not isinstance(value, bool) and float(value) == int(float(value)):
                return int(float(value))
        except (TypeError, ValueError, OverflowError):
            pass
        raise Invalid(f"{self.name} takes {_WORDS[self.type]}, not {_shown(value)}.")


@dataclass(frozen=True, slots=True)
class Product:
    """One file that a step wrote, to be kept."""

    path: str  # within the reduction
    file: Path  # in the run's scratch folder
    media_type: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found and wrote."""

    results: dict[str, Any] = field(default_factory=dict)  # JSON
    products: tuple[Product, ...] = ()
    no_solution: str = ""  # a sentence, where the frame has no place in the sky: later steps that need one do not run


@dataclass(frozen=True, slots=True)
class Step:
    """One named piece of processing."""

    key: str
    title: str
    doc: str  # what it does, a sentence or two
    function: Callable[[StepContext], Outcome]
    keys: tuple[Key, ...] = ()
    writes: tuple[str, ...] = ()  # paths of its products
    needs: tuple[str, ...] = ()  # steps whose results it reads
    sets: tuple[Key, ...] = ()  # what it finds and keeps in the reduction's configuration
    stem: str = ""  # of a step that works in the reduction's folder: names its log, and the stage while it runs
    keeps_log: bool = True  # as a file in that folder


_STEPS: dict[str, Step] = {}


def register(step: Step) -> Step:
    """Make a step known; its key must be new, and its configuration keys too unless they are the very same."""
    if step.key in _STEPS:
        raise ValueError(f"the step {step.key} is registered twice")
    taken = {key.name: key for other in _STEPS.values() for key in other.keys}
    double = {key.name for key in step.keys if taken.get(key.name, key) != key}
    if double:
        raise ValueError(f"{step.key} declares keys of other steps: {double}")
    _STEPS[step.key] = step
    return step


def steps() -> Mapping[str, Step]:
    """Return all steps by key."""
    return dict(_STEPS)


def step(key: str) -> Step:
    """Return one step; Invalid names those that exist."""
    try:
        return _STEPS[key]
    except KeyError:
        raise Invalid(f"There is no step {_shown(key)}; the steps are {', '.join(_STEPS)}.") from None


def staged_steps() -> tuple[str, ...]:
    """Return the keys of the steps that work in a reduction's folder."""
    return tuple(key for key, declared in _STEPS.items() if declared.stem)


def check_config(step_keys: Iterable[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that are set, typed and within their limits.

    Raises
    ------
    Invalid
        A step or a key is unknown, or a value does not fit; the sentence names it.
    """
    known = {key.name: key for step_key in step_keys for key in step(step_key).keys}
    unknown = [name for name in config if name not in known]
    if unknown:
        raise Invalid(f"No step of this run reads {_shown(unknown[0])}.")
    read = {name: known[name].read(value) for name, value in config.items()}
    return {name: value for name, value in read.items() if value is not None}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
