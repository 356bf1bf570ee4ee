"""The steps: importing this registers those of imaging."""

from hven.imaging.steps import (
    annotate,
    cleanup,
    inspect,
    photometry,
    render,
    solve,
    stack,
    subtraction,
    transients,
)

__all__ = [
    "annotate", "cleanup", "inspect", "photometry", "render", "solve", "stack", "subtraction", "transients",
]  # fmt: skip
