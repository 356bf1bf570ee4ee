"""Looking values up in header cards: numbers, texts and angles, with a record of which card gave what."""

import math
import re
from collections.abc import Callable
from typing import Any

from hven.science.frames.cards import COMMENTARY
from hven.science.frames.frame import Card

Unit = Callable[[str, str], float | None]  # (keyword, comment) -> factor to hven's unit; None: not this quantity

_SEXAGESIMAL = re.compile(
    r"""\s*(?P<sign>[+-]?)\s*(?P<a>\d{1,3}(?:\.\d+)?)\s*(?:[:hHdD°]|\s)\s*
        (?P<b>\d{1,2}(?:\.\d+)?)\s*(?:(?:[:mM'\u2032]|\s)\s*(?P<c>\d{1,2}(?:\.\d*)?)?\s*[sS"\u2033]?)?\s*(?P<side>[NSEWnsew]?)\s*\Z""",
    re.VERBOSE,
)
_NUMBER = re.compile(
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)\s*(?:deg(?:rees)?|mm|um|s|m|°)?\s*([NSEWnsew]?)\s*\Z"
)
MAX_TEXT = 60  # characters of a number; patterns take the square of the length where blanks abound
_NOTHING = frozenset({"", "none", "null", "unknown", "n/a", "na", "nan", "undefined", "-"})


def sexagesimal(text: str) -> float | None:
    """Return "12:34:56.7", "12 34 56.7", "12h34m56.7s", "-00 30" in the unit of the first number."""
    match = _SEXAGESIMAL.match(text) if len(text) <= MAX_TEXT else None
    if match is None:
        return None
    minutes, seconds = float(match["b"]), float(match["c"] or 0.0)
    if minutes >= 60 or seconds > 60:
        return None
    size = float(match["a"]) + minutes / 60 + seconds / 3600
    return -size if match["sign"] == "-" or match["side"].upper() in {"S", "W"} else size


def number_of(value: Any) -> float | None:
    """Return a finite number, also one that was written as text, or None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = _NUMBER.match(value) if len(value) <= MAX_TEXT else None
        if match is None:
            return None
        size = float(match[1].replace("D", "E").replace("d", "e"))
        value = -size if match[2].upper() in {"S", "W"} and match[2] else size
    try:
        size = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if math.isfinite(size) else None


class Fields:
    """The cards of one frame by keyword; of a keyword that stands twice the first with a value counts."""

    def __init__(self, cards: tuple[Card, ...]) -> None:
        self.sources: dict[str, str] = {}
        self._cards: dict[str, Card] = {}
        for card in cards:
            if card.keyword in COMMENTARY or card.value is None:
                continue
            if card.keyword not in self._cards:
                self._cards[card.keyword] = card

    def value(self, key: str) -> Any:
        """Return the value as the header has it, None where it has none."""
        card = self._cards.get(key)
        return None if card is None else card.value

    def comment(self, key: str) -> str:
        """Return the comment in lower case."""
        card = self._cards.get(key)
        return "" if card is None else card.comment.lower()

    def peek(self, key: str) -> float | None:
        """Return a number without a record of its source."""
        return number_of(self.value(key))

    def number(
        self, name: str, keys: tuple[str, ...], low: float, high: float, unit: Unit | None = None
    ) -> float | None:
        """Return the first number within [low, high], in hven's unit."""
        for key in keys:
            size = self.peek(key)
            factor = unit(key, self.comment(key)) if unit else 1.0
            if size is not None and factor is not None and low <= size * factor <= high:
                self.sources[name] = key
                return size * factor
        return None

    def text(self, name: str, keys: tuple[str, ...]) -> str | None:
        """Return the first text that says something."""
        for key in keys:
            value = self.value(key)
            if value is None or isinstance(value, bool):
                continue
            text = " ".join(str(value).split())
            if text.lower() not in _NOTHING:
                self.sources[name] = key
                return text
        return None

    def angle(self, key: str, *, hours: bool = False) -> tuple[float | None, bool]:
        """Return an angle in degrees and whether its unit is certain.

        With `hours`, sexagesimal text and what the comment calls hours is multiplied by 15.
        """
        value = self.value(key)
        comment = self.comment(key)
        if isinstance(value, str):
            size = sexagesimal(value)
            if size is not None:
                in_degrees = "°" in value or "d" in value.lower() or re.search(r"\bdeg|\[deg|d:m:s|dms", comment)
                return (size * 15 if hours and not in_degrees else size), True
        size = number_of(value)
        if size is None:
            return None, False
        if hours and re.search(r"\bhours?\b|\bhrs?\b|\[h\]|h:m:s|hms", comment) and "deg" not in comment:
            return size * 15, True
        return size, bool(re.search(r"\bdeg", comment))
