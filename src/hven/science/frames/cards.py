"""Header cards of FITS, read leniently: nothing that stands in a header is lost or refused.

FITS standard 4.0, section 4; CONTINUE (section 4.2.1.2) and the HIERARCH convention of ESO.
"""

import re
from functools import lru_cache
from typing import Any

from hven.science.frames.frame import Card

CARD = 80
COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})
_INTEGER = re.compile(r"[+-]?\d+\Z")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?\Z")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def parse_cards(block: bytes) -> tuple[Card, ...]:
    """Return the cards of a header (bytes of whole 80-character cards, END excluded or not).

    A value that no rule of the standard covers is kept as its text; a card without the value indicator keeps
    its text as the comment. Blank cards are left out; COMMENT and HISTORY are kept in order.
    """
    text = block.decode("latin-1").replace("\x00", " ")
    cards: list[Card] = []
    more: list[tuple[str, str]] = []  # what CONTINUE adds to the last card; joined once, or long ones take for ever
    for start in range(0, len(text), CARD):
        line = text[start : start + CARD]
        keyword = line[:8].rstrip()
        if keyword == "END" and not line[8:].strip():
            break
        if not line.strip():
            continue
        if keyword == "CONTINUE" and cards and isinstance(cards[-1].value, str):
            value, comment = _value(line[8:])
            more.append(("" if value is None else str(value), comment))
            continue
        if more:
            cards[-1], more = _continued(cards[-1], more), []
        cards.append(_card(line))
    if more:
        cards[-1] = _continued(cards[-1], more)
    return tuple(cards)


@lru_cache(maxsize=10_000)  # most cards of a camera stand in all its frames
def _card(line: str) -> Card:
    keyword = line[:8].rstrip()
    if keyword in COMMENTARY:
        return Card(keyword, None, line[8:].rstrip())
    if keyword == "HIERARCH" and "=" in line:
        name, rest = line[8:].split("=", 1)
        return Card(" ".join(name.split()), *_value(rest))
    if line[8:9] == "=":
        return Card(keyword, *_value(line[9:]))
    return Card(keyword, None, line[8:].rstrip())


def _value(text: str) -> tuple[Any, str]:
    """Return the value and the comment of what stands after the `=`."""
    stripped = text.lstrip()
    if stripped.startswith("'"):
        match = _QUOTED.match(stripped)
        if match is None:  # the closing quote is missing
            return stripped[1:].rstrip(), ""
        rest = stripped[match.end() :]
        return match[1].replace("''", "'").rstrip(), rest.partition("/")[2].strip()
    value, _, comment = stripped.partition("/")
    return _plain_value(value.strip()), comment.strip()


def value_of(text: str) -> Any:
    """Return the value of a text that is nothing but a value, in the quotes of FITS or without any."""
    stripped = text.strip()
    if stripped.startswith("'"):
        match = _QUOTED.match(stripped)
        return stripped[1:].rstrip() if match is None else match[1].replace("''", "'").strip()
    return _plain_value(stripped) if len(stripped) < CARD else stripped


def _plain_value(text: str) -> Any:
    if not text:
        return None
    if text in {"T", "F"}:
        return text == "T"
    if _INTEGER.match(text):
        return int(text)
    if _REAL.match(text):
        return float(text.replace("D", "E").replace("d", "e"))
    return text


def _continued(card: Card, more: list[tuple[str, str]]) -> Card:
    values = [str(card.value), *(value for value, _ in more)]
    joined = "".join(value.removesuffix("&") for value in values[:-1]) + values[-1]
    return Card(card.keyword, joined, " ".join(part for part in (card.comment, *(c for _, c in more)) if part))


def as_mapping(cards: tuple[Card, ...]) -> dict[str, Any]:
    """Return keyword -> value; of a keyword that stands twice the first with a value wins."""
    mapping: dict[str, Any] = {}
    for card in cards:
        if card.keyword not in COMMENTARY and mapping.get(card.keyword) is None:
            mapping[card.keyword] = card.value
    return mapping
