"""What several commands need: Django, and a line of progress."""

from __future__ import annotations

import os
import sys


def set_up_django() -> None:
    """Make settings and records usable in this process."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
    django.setup()


def progress_line(fraction: float, message: str) -> None:
    """Show progress on standard error: one line that changes on a terminal, one line each elsewhere."""
    text = f"{100 * fraction:3.0f} % {message}"
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="" if fraction < 1 else "\n", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
