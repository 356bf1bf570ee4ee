"""What of a header searches can ask for, and in which form values are compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

_MOST = 300  # of one file
_LONGEST_KEYWORD, _LONGEST_TEXT = 20, 70
_SHORT = 100  # characters
_SIMPLE = {int, float, bool}
# Text without a value, and the numbers by which a file is laid out or a projection written: nobody looks for those.
_LEFT_OUT = {"COMMENT", "HISTORY", "CONTINUE", "SIMPLE", "BITPIX", "EXTEND", "XTENSION", "PCOUNT", "GCOUNT", "END", ""}
_LEFT_OUT_BEGINNINGS = ("NAXIS", "TTYPE", "TFORM", "TUNIT", "A_", "B_", "AP_", "BP_")


def searchable(cards: Iterable[Sequence[Any]]) -> list[tuple[str, str]]:
    """Return (keyword, compared text) of the cards that can be searched for, each pair once.

    Parameters
    ----------
    cards
        As a data file keeps them: (keyword, value, comment).
    """
    found: dict[tuple[str, str], None] = {}
    for keyword, value, *_ in cards:
        pair = _known_pair(keyword, value) if to_remember(value, keyword) else _pair(keyword, value)
        if pair is not None:
            found[pair] = None
        if len(found) == _MOST:
            break
    return list(found)


def to_remember(value: Any, text: str) -> bool:
    """Say whether to remember what is made of a card's value and text: most cards stand in all frames of a camera.

    Not of long ones, for the memory, nor where the value is 0, which -0 equals.
    """
    kind = type(value)
    return bool(value) and len(text) <= _SHORT and (len(value) <= _SHORT if kind is str else kind in _SIMPLE)


def _pair(keyword: str, value: Any) -> tuple[str, str] | None:
    name = str(keyword).strip().upper()
    if is_left_out(name) or len(name) > _LONGEST_KEYWORD:
        return None
    text = compared(value)
    return (name, text) if text else None


_known_pair = lru_cache(maxsize=10_000, typed=True)(_pair)  # typed: 1, 1.0 and T are equal


@lru_cache(maxsize=5_000)  # the same few words stand in each frame of a camera
def is_left_out(keyword: str) -> bool:
    """Say whether nobody looks for what stands under a keyword: how a file is laid out, and free text."""
    name = keyword.strip().upper()
    return name in _LEFT_OUT or name.startswith(_LEFT_OUT_BEGINNINGS)


def compared(value: Any) -> str:
    """Return a value as it is compared: numbers in one form, text in small letters and cut to length."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return _number(float(value))
    text = "" if value is None else " ".join(str(value).strip().strip("'").casefold().split())
    try:
        return _number(float(text)) if "_" not in text else text[:_LONGEST_TEXT]
    except ValueError:
        return text[:_LONGEST_TEXT]


def _number(value: float) -> str:
    return f"{value:.10g}" if math.isfinite(value) else str(value)
