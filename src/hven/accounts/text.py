"""Text from outside, as databases keep it and pages show it."""

from __future__ import annotations

import re

# Control characters, ends of lines, and those that turn the direction of what follows (photo-fdp.exe).
UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def kept_text(text: str) -> str:
    """Return text as databases keep it: without NUL and halves of characters, which JSON and headers may hold."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")


def kept_line(text: str) -> str:
    """Return text that stands in one line, such as a name: ends of lines become spaces, unwanted characters go."""
    return " ".join(UNWANTED.sub("", " ".join(kept_text(text).split())).split())
