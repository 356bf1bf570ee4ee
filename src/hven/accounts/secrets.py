"""Secrets and their digests."""

from __future__ import annotations

import hashlib
import re
import secrets

_FORM = re.compile(r"[0-9a-f]{40}")


def new_secret() -> str:
    """Return 40 lower-case hexadecimal digits (160 bits): some clients send a key without any URL encoding."""
    return secrets.token_hex(20)


def well_formed(secret: object) -> bool:
    """Say whether this can be a secret of ours at all."""
    return isinstance(secret, str) and _FORM.fullmatch(secret) is not None


def digest(text: str) -> str:
    """Return the sha256 of a secret, 64 hexadecimal digits. It needs no salt and no stretching: it has 160 bits."""
    return hashlib.sha256(text.encode()).hexdigest()
