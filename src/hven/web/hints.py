"""The forms of hints and other keys, generated from what the steps declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hven.errors import Invalid
from hven.imaging.services.runs import SOLVE
from hven.imaging.steps.registry import Key, check_config, step

# What a person knows about a frame stands first; the rest is folded away.
COMMON = ("scale_low", "scale_high", "ra", "dec", "radius", "parity")


@dataclass(frozen=True, slots=True)
class Field:
    """One key as a form shows it."""

    key: Key
    value: str
    offered: tuple[tuple[str, str], ...] = ()  # values with words, where the file says what there is

    @property
    def label(self) -> str:
        """The key's name in words."""
        name = self.key.name
        return {"ra": "RA", "dec": "Dec"}.get(name, name.replace("_", " ").capitalize())

    @property
    def options(self) -> list[tuple[str, str]]:
        """Value and words of each choice; the first stands for "not set"."""
        if self.offered:
            known = any(value == self.value for value, _ in self.offered)
            other = [] if known or not self.value else [(self.value, self.value)]
            return [("", "usual (the first picture)"), *self.offered, *other]
        if self.key.type == "bool":
            usual = "yes" if self.key.default else "no"
            return [("", f"usual ({usual})"), ("true", "yes"), ("false", "no")]
        usual = "not known" if self.key.default is None else f"usual ({self.key.default})"
        return [("", usual), *((str(choice), f"{choice:+d}" if choice in {1, -1} else str(choice))
                               for choice in self.key.choices)]  # fmt: skip

    @property
    def placeholder(self) -> str:
        """What counts when the field stays empty."""
        return "" if self.key.default is None else f"{self.key.default:g}"


@dataclass(frozen=True, slots=True)
class Group:
    """The fields of one step."""

    title: str
    doc: str
    fields: tuple[Field, ...]


def common_fields(values: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the fields of what people know about a frame."""
    known = {key.name: key for key_ in SOLVE for key in step(key_).keys}
    return tuple(Field(known[name], _shown(values.get(name))) for name in COMMON)


def other_groups(
    values: Mapping[str, Any], steps: Sequence[str] = SOLVE, *, planes: Sequence[tuple[str, str]] = ()
) -> list[Group]:
    """Return the fields of all other keys, step by step; that of the plane offers what the file holds."""
    groups = []
    for declared in map(step, steps):
        fields = tuple(
            Field(key, _shown(values.get(key.name)), tuple(planes) if key.name == "plane" else ())
            for key in declared.keys
            if key.name not in COMMON
        )
        if fields:
            groups.append(Group(declared.title, declared.doc, fields))
    return groups


def read_config(posted: Mapping[str, Any], steps: Sequence[str] = SOLVE) -> dict[str, Any]:
    """Return the configuration that a form holds.

    Raises
    ------
    Invalid
        A value does not fit; the sentence names its key.
    """
    config: dict[str, Any] = {}
    for key in (key for key_ in steps for key in step(key_).keys):
        text = str(posted.get(key.name, "")).strip()
        if text:
            config[key.name] = {"true": True, "false": False}.get(text, text) if key.type == "bool" else text
    low, high = config.get("scale_low"), config.get("scale_high")
    checked = check_config(steps, config)
    if low and high and checked["scale_low"] > checked["scale_high"]:
        raise Invalid(f"scale_low ({checked['scale_low']:g}) is larger than scale_high ({checked['scale_high']:g}).")
    if ("ra" in checked) != ("dec" in checked):
        raise Invalid("ra and dec belong together: give both or none.")
    return checked


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
