"""The steps of a reduction as its page shows them: a card each, with state, form, log and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hven.errors import Invalid
from hven.imaging.models import Reduction, ReductionFile, Run, StepRun
from hven.imaging.services import folder
from hven.imaging.steps.registry import Key, Step, staged_steps, step

# What people set most stands first in a card; the rest is folded away.
FIRST: dict[str, tuple[str, ...]] = {
    "inspect": ("target", "filter", "gain", "saturation", "mask_cosmics"),
    "photometry": ("cat_name", "cat_limit", "sn", "use_color", "spatial_order", "refine_wcs", "blind_match_wcs"),
    "transients": ("simple_mag_diff", "simple_others", "simple_skybot"),
    "subtraction": ("template", "subtraction_mode", "subtraction_engine"),
    "stack": ("stack_filenames", "stack_method"),
}
# Which files a card shows as plots, and under what words.
PLOTS: dict[str, tuple[tuple[str, str], ...]] = {
    "photometry": (
        ("photometry.png", "Zero point by magnitude and colour"),
        ("photometry_zeropoint.png", "Zero point over the frame"),
        ("fwhm.png", "Width of stars over the frame"),
        ("limit_sn.png", "Limit"),
        ("photometry_residuals.png", "What the model leaves"),
        ("photometry_unmasked.png", "Zero point, with what was left out"),
        ("photometry_model.png", "Model of the zero point"),
        ("fwhm_mag.png", "Width and brightness"),
        ("prefilter.png", "Shapes"),
        ("objects.png", "Objects"),
        ("astrometry_dist.png", "Distances of matches"),
        ("limit_hist.png", "Magnitudes"),
    ),
    "subtraction": (("sub_template_fwhm_mag.png", "Width of the template's stars"),),
}
ORDER = ("inspect", "photometry", "transients", "subtraction", "stack", "cleanup")  # of the cards
CHAINS = ("inspect", "photometry", "transients", "subtraction")


@dataclass(frozen=True, slots=True)
class Field:
    """One key as a card's form shows it."""

    key: Key
    value: str

    @property
    def label(self) -> str:
        """The key's own name: it is the same in the API."""
        return self.key.name

    @property
    def options(self) -> list[tuple[str, str]]:
        """Value and words of each choice; the first stands for "not set"."""
        usual = "usual" if self.key.default is None else f"usual ({_shown(self.key.default)})"
        if self.key.type == "bool":
            return [("", usual), ("true", "yes"), ("false", "no")]
        return [("", usual), *((str(choice), str(choice)) for choice in self.key.choices)]

    @property
    def placeholder(self) -> str:
        """What counts when the field stays empty."""
        return "" if self.key.default is None else _shown(self.key.default)


@dataclass(slots=True)
class Card:
    """One step on the page."""

    declared: Step
    word: str = "not done yet"
    look: str = "cancelled"  # a class of states
    log: str = ""
    finished: datetime | None = None
    first: tuple[Field, ...] = ()
    more: tuple[Field, ...] = ()
    plots: list[tuple[ReductionFile, str]] = field(default_factory=list)
    files: list[ReductionFile] = field(default_factory=list)
    following: tuple[str, ...] = ()  # with this step, what "from here" runs


def cards(reduction: Reduction, run: Run | None, typed: Mapping[str, str] | None = None) -> list[Card]:
    """Return the cards of all steps; `typed` is what somebody filled in and could not be taken."""
    last: dict[str, StepRun] = {}
    for each in StepRun.objects.filter(run__reduction=reduction).order_by("run_id", "position"):
        last[each.key] = each
    rows = {row.path: row for row in folder.current(reduction)}
    active = run is not None and not run.ended
    done = {each.key for each in run.step_runs.all()} if active and run is not None else set()
    found = []
    for key in sorted(staged_steps(), key=lambda one: (ORDER.index(one) if one in ORDER else len(ORDER), one)):
        declared = step(key)
        card = Card(declared)
        before = last.get(key)
        if before is not None:
            card.word, card.look = ("done", "solved") if before.state == "done" else (str(before.state), "failed")
            card.log, card.finished = before.log, before.finished
        if active and run is not None and key in run.steps and key not in done:
            running = reduction.stage == declared.stem
            card.word, card.look = ("running", "running") if running else ("waiting", "queued")
        values = {**reduction.config, **(typed or {})}
        first = FIRST.get(key, ())
        known = {one.name: one for one in declared.keys}
        card.first = tuple(Field(known[name], _shown(values.get(name))) for name in first if name in known)
        card.more = tuple(Field(one, _shown(values.get(one.name))) for one in declared.keys if one.name not in first)
        card.plots = [(rows[path], words) for path, words in PLOTS.get(key, ()) if path in rows]
        names = set(declared.writes)
        shown = {path for path, _ in PLOTS.get(key, ())}
        card.files = [row for path, row in rows.items() if path in names and path not in shown]
        card.following = _following(key, last)
        found.append(card)
    return found


def _following(key: str, last: Mapping[str, StepRun]) -> tuple[str, ...]:
    """Return this step and those after it that were done before, or that usually come with it."""
    if key not in CHAINS:
        return (key,)
    later = CHAINS[CHAINS.index(key) + 1 :]
    return (key, *(one for one in later if one in last or (key == "inspect" and one == "photometry")))


def read_form(steps: Sequence[str], posted: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that a card's form changes; an emptied field becomes None, which is "not set".

    Raises
    ------
    Invalid
        A value does not fit; the sentence names its key.
    """
    found: dict[str, Any] = {}
    for key in {one.name: one for name in steps for one in step(name).keys}.values():
        if key.name not in posted:
            continue
        text = str(posted[key.name]).strip()
        if text == _shown(config.get(key.name)):
            continue
        found[key.name] = None if text == "" else key.read(_value(key, text))
    return found


def _value(key: Key, text: str) -> Any:
    if key.type == "bool":
        return {"true": True, "false": False}.get(text, text)
    if key.type in {"list", "object"}:
        if key.type == "list" and not text.startswith("["):
            return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Invalid(f"{key.name} is written as JSON.") from None
    return text


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value)
