"""The stretch that an address names."""

from __future__ import annotations

import math
from typing import Any

from hven.errors import Invalid
from hven.science.frames.stretch import Stretch


def stretch_of(query: Any) -> Stretch:
    """Read ``stretch``, ``low``, ``high`` and ``invert``; what is missing is found from the data.

    Raises
    ------
    Invalid
        One of them makes no sense.
    """
    return Stretch(
        query.get("stretch") or "asinh",
        _limit(query, "low"),
        _limit(query, "high"),
        query.get("invert", "") in {"1", "true"},
    )


def _limit(query: Any, name: str) -> float | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid(f"{name} is a number, in the unit of the pixels.")
    return value
