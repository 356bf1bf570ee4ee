"""File names from outside: kept as people know them, without what could harm."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200  # characters
# Control characters, ends of lines, and those that turn the direction of what follows (photo-fdp.exe).
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def kept_text(text: str) -> str:
    """Return text as databases keep it: without NUL and halves of characters, which JSON and headers may hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def safe_name(name: str, fallback: str = "") -> str:
    """Return the last part of a name, normalised and cut to length, its ending kept.

    Folders (of either slash), control characters and leading dots go; a name that leaves nothing becomes `fallback`.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8", "replace"))
    # An embedded NUL ends a name for much software; what follows it is not part of the name.
    name = name.split("\0", 1)[0].replace("\\", "/").rsplit("/", 1)[-1]
    name = _UNWANTED.sub("", name).strip().lstrip(". ").strip()
    if len(name) > LONGEST:
        stem, dot, ending = name.rpartition(".")
        keep = LONGEST - len(ending) - 1
        name = f"{stem[:keep]}.{ending}" if dot and 0 < len(ending) <= 20 else name[:LONGEST]
    return name.strip() or fallback
