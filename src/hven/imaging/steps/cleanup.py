"""The step that empties a reduction's folder but for the frame."""

from __future__ import annotations

from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome, Step, register
from hven.imaging.steps.workspace import IMAGE

ORIGINAL = "image.orig.fits"
KEPT = frozenset({IMAGE, ORIGINAL, "fringe_model.fits"})


def run(context: StepContext) -> Outcome:
    """Take away all files but the frame, its copy from before changes, and the fringe model."""
    gone = [path for path in context.files.names() if path not in KEPT]
    context.files.remove(*gone)
    context.log(f"{len(gone)} files taken away.")
    return Outcome({"removed": len(gone)})


register(
    Step(
        key="cleanup",
        title="Clean up",
        doc="Empties the reduction's folder but for the frame; the configuration stays.",
        function=run,
        stem="cleanup",
        keeps_log=False,
    )
)
