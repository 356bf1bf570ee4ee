"""From what STDWeb's clients send to hven's words."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from hven.dialects.stdweb.wire import STEP_KEYS, STEP_NAMES
from hven.errors import Invalid
from hven.imaging.services.previews import Unreadable
from hven.science.frames.coloured import Look

_LONGEST_LITERAL = 100_000  # characters that are read as a Python literal


def read_config(value: Any) -> dict[str, Any]:
    """Return a configuration: an object, JSON text, or the text of a Python dictionary, as one printed client sends.

    Raises
    ------
    Invalid
        It is none of these, in the original's words.
    """
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise Invalid("config must be a JSON object")
    found = _parsed(value)
    if not isinstance(found, dict):
        raise Invalid("config must be a JSON object")
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) <= _LONGEST_LITERAL and text.lstrip().startswith("{"):
        try:
            found = ast.literal_eval(text)
            return json.loads(json.dumps(found, allow_nan=False))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            pass
    raise Invalid("Cannot parse config as JSON")


def steps(data: Mapping[str, Any]) -> list[str]:
    """Return hven's keys of the steps that a call names.

    Raises
    ------
    Invalid
        There are none, or one is unknown, in the original's words.
    """
    found: Any = data.getlist("steps") if isinstance(data, QueryDict) else data.get("steps")
    if isinstance(found, str):
        found = [found]
    if not found or not isinstance(found, list):
        raise Invalid("No steps provided")
    keys = []
    for name in found:
        if not isinstance(name, str) or name in STEP_NAMES:
            raise Invalid(f"Invalid step: {str(name)[:60]}")
        keys.append(STEP_KEYS.get(name, name))
    return keys


def look(query: Mapping[str, str]) -> tuple[Look, int]:
    """Return how a preview is wanted, and the number of the plane.

    Raises
    ------
    ValidationError
        A number is none: ``{"width": "Invalid numeric value"}``.
    Unreadable
        The plane's number is out of all range.
    """
    plane = int(number(query, "ext", -1))
    if abs(plane) > 100_000:
        raise Unreadable("Cannot read FITS data from file")
    return Look(
        width=int(number(query, "width", 800)),
        cmap=query.get("cmap", "Blues_r"),
        stretch=query.get("stretch", "linear").lower(),
        low=number(query, "qmin", 0.5),
        high=number(query, "qmax", 99.5),
        smooth_px=number(query, "r0", 0.0),
        form=form(query),
        quality=int(number(query, "quality", 80)),
    ), plane


def number(query: Mapping[str, str], name: str, default: float) -> float:
    """Return a number of the query."""
    text = query.get(name)
    if text is None or text == "":
        return default
    try:
        found = float(text)
        if abs(found) < 1e9:
            return found
    except ValueError:
        pass
    raise ValidationError({name: "Invalid numeric value"})


def form(query: Mapping[str, str]) -> str:
    """Return the format of a picture."""
    wanted = query.get("format", "jpeg").lower()
    wanted = {"jpg": "jpeg"}.get(wanted, wanted)
    if wanted not in {"jpeg", "png"}:
        raise Invalid("The format is jpeg or png.")
    return wanted
