"""File names from outside: kept as people know them, without what could harm."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator

from hven.accounts.text import UNWANTED, kept_text

LONGEST = 200  # characters
_ENDING = re.compile(r"\.[^.]{1,20}(\.(gz|bz2|fz|xz|zst))?$", re.IGNORECASE)  # .fits.gz counts as one


def safe_name(name: str, fallback: str = "") -> str:
    """Return the last part of a name, normalised and cut to length, its ending kept.

    Folders (of either slash), control characters and leading dots go; a name that leaves nothing becomes `fallback`.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8", "replace"))
    # An embedded NUL ends a name for much software; what follows it is not part of the name.
    name = name.split("\0", 1)[0].replace("\\", "/").rsplit("/", 1)[-1]
    name = UNWANTED.sub("", name).strip().lstrip(". ").strip()
    if len(name) > LONGEST:
        stem, dot, ending = name.rpartition(".")
        keep = LONGEST - len(ending) - 1
        name = f"{stem[:keep]}.{ending}" if dot and 0 < len(ending) <= 20 else name[:LONGEST]
    return name.strip() or fallback


def numbered(name: str, *, is_file: bool = False) -> Iterator[str]:
    """Yield a name, and then the same with numbers, of a file before its ending: a.fits, a (2).fits."""
    yield name
    found = _ENDING.search(name, 1) if is_file else None
    stem = name[: found.start()] if found else name
    yield from (f"{stem} ({number}){name[len(stem) :]}" for number in itertools.count(2))


__all__ = ["LONGEST", "kept_text", "numbered", "safe_name"]
