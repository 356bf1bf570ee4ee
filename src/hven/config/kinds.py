"""The types that settings have: how each is read from text and from TOML, and how it is shown."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of setting.

    ``parse`` reads text, ``accept`` reads a value of TOML; both raise ValueError with a reason. ``takes`` says in
    words what may be given.
    """

    takes: str
    parse: Callable[[str], Any]
    accept: Callable[[Any], Any]
    show: Callable[[Any], str]


def _scalar(takes: str, parse: Callable[[str], Any], show: Callable[[Any], str] = str) -> Kind:
    def accept(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"{value!r} is of another type")  # noqa: TRY004 - one kind of refusal for all
        return parse(str(value))

    return Kind(takes, parse, accept, show)


def _several(takes: str, one: Callable[[str], Any], separator: str) -> Kind:
    def parse(text: str) -> tuple[Any, ...]:
        return tuple(one(part.strip()) for part in text.split(separator) if part.strip())

    def accept(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            return parse(value)
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise ValueError(f"{value!r} is not a list of texts")
        return tuple(one(part) for part in value)

    return Kind(takes, parse, accept, lambda value: separator.join(map(str, value)))


def _switch(text: str) -> bool:
    word = text.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("it is neither")


def _accept_switch(value: Any) -> bool:
    return value if isinstance(value, bool) else _switch(str(value))


def _count(text: str) -> int:
    value = int(text.replace("_", ""))
    if value < 0:
        raise ValueError("it is negative")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError("it is not above zero")
    return value


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.lower())
    if match is None:
        raise ValueError("it is no number of bytes")
    return int(float(match[1]) * _UNITS[match[2]])


def _show_size(value: int) -> str:
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if value >= unit and value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value} bytes"


def _url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("it is no http or https address")
    return text.rstrip("/")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        dialect, equals, host = part.partition("=")
        if not equals or not dialect.strip() or not host.strip():
            raise ValueError(f"`{part}` is no dialect=host pair")
        pairs[host.strip().lower()] = dialect.strip().lower()
    return pairs


def _accept_pairs(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return _pairs(",".join(f"{dialect}={host}" for dialect, host in value.items()))
    if isinstance(value, str):
        return _pairs(value)
    raise ValueError(f"{value!r} is no table")


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("it contains a NUL")
    return Path(text)


def one_of(*words: str) -> Kind:
    """Return the kind that takes one of some words."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError("it is none of them")
        return text.lower()

    return _scalar("one of " + ", ".join(words), parse)


TEXT = _scalar("text", str)
COUNT = _scalar("a whole number from 0 up", _count)
SECONDS = _scalar("seconds", _seconds, lambda value: f"{value:g}")
SIZE = _scalar("a size such as 500 MB or 2 GiB", _size, _show_size)
URL = _scalar("an address such as https://hven.example", _url)
SWITCH = Kind("true or false", _switch, _accept_switch, lambda value: "true" if value else "false")
PATH = _scalar("a path", _path, lambda value: "" if value is None else str(value))
PATHS = _several("paths", _path, os.pathsep)
TEXTS = _several("names", str.lower, ",")
NETWORKS = _several("networks such as 10.0.0.0/8", _network, ",")
PAIRS = Kind(
    "dialect=host pairs",
    _pairs,
    _accept_pairs,
    lambda value: ",".join(f"{dialect}={host}" for host, dialect in value.items()),
)
