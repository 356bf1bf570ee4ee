"""The step that makes pictures, and the overlays that viewers draw."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Key, Outcome, Product, Step, register

if TYPE_CHECKING:
    from hven.science.frames.grid import Grid
    from hven.science.frames.stretch import Stretch

JPEG = "image/jpeg"
_MOST_SOURCES = 3000  # drawn in a viewer: more would hide the picture
_MOST_CIRCLES = 600  # drawn on a picture of 640 pixels


def run(context: StepContext) -> Outcome:
    """Write preview, annotated and detection pictures, and the overlays as vectors."""
    from hven.science.frames.grid import grid_lines  # noqa: PLC0415 - OpenCV, for workers
    from hven.science.frames.stretch import Stretch  # noqa: PLC0415 - the same

    solution = context.solved.solution if context.solved else None
    grid = grid_lines(solution.wcs) if solution is not None else None
    products = []
    overlays = context.path("overlays.json")
    overlays.write_text(json.dumps(_overlays(context, grid)), encoding="utf-8")
    products.append(Product("overlays.json", overlays, "application/json"))
    if context.frame is not None:
        products += _pictures(context, grid, Stretch(context.value("stretch")))
    return Outcome({}, tuple(products))


def _pictures(context: StepContext, grid: Grid | None, stretch: Stretch) -> list[Product]:
    from hven.science.frames import overlay  # noqa: PLC0415 - as above
    from hven.science.frames.preview import preview  # noqa: PLC0415 - as above

    frame, result = context.frame, context.solved
    if frame is None:
        return []
    made = {"preview.jpg": preview(frame, context.value("preview_size"), stretch)}
    made["thumbnail.jpg"] = preview(frame, 256, stretch)
    if result is not None:
        reference = None
        if result.solution is not None:
            marks = [SimpleNamespace(**one) for one in context.earlier.get("annotate", {}).get("annotations", [])]
            made["annotated.jpg"] = overlay.annotated(frame, marks, grid=grid, stretch=stretch)
            matches = result.solution.matches
            reference = matches.x_reference[:_MOST_CIRCLES], matches.y_reference[:_MOST_CIRCLES]
        x, y = result.sources.x[:_MOST_CIRCLES], result.sources.y[:_MOST_CIRCLES]
        made["detection.jpg"] = overlay.detections(frame, (x, y), reference, stretch=stretch)
    for name, content in made.items():
        context.path(name).write_bytes(content)
    return [Product(name, context.path(name), JPEG) for name in made]


def _overlays(context: StepContext, grid: Grid | None) -> dict[str, Any]:
    """Return what a viewer draws, in 0-based pixels of the file."""
    found: dict[str, Any] = {"sources": [], "stars": [], "objects": [], "grid": [], "source_count": 0}
    result = context.solved
    if result is None:
        return found
    sources = result.sources
    found["source_count"] = len(sources)
    found["sources"] = _rows(sources.x, sources.y, sources.snr, digits=2)[:_MOST_SOURCES]
    if result.solution is not None:
        matches = result.solution.matches
        found["stars"] = [
            {"x": x, "y": y, "ra": ra, "dec": dec, "mag": mag, "catalogue": str(catalogue), "residual_px": residual}
            for (x, y, mag, residual), (ra, dec), catalogue in zip(
                _rows(
                    matches.x_reference,
                    matches.y_reference,
                    matches.mag,
                    np.hypot(matches.x - matches.x_reference, matches.y - matches.y_reference),
                    digits=3,
                ),
                _rows(matches.ra, matches.dec, digits=6),
                matches.catalogue,
                strict=True,
            )
        ]
        found["objects"] = context.earlier.get("annotate", {}).get("annotations", [])
    if grid is not None:
        found["grid"] = [
            {
                "axis": line.axis,
                "label": line.label,
                "label_at": [round(float(v), 1) for v in line.label_at],
                "pieces": [np.round(piece, 1).tolist() for piece in line.pieces],
            }
            for line in grid.lines
        ]
    return found


def _rows(*columns: Any, digits: int) -> list[list[float]]:
    rows: list[list[float]] = np.round(np.column_stack([np.asarray(c, float) for c in columns]), digits).tolist()
    return rows


register(
    Step(
        key="render",
        title="Render",
        doc="Makes the preview, the annotated picture, the picture of detections, and the viewer's overlays.",
        function=run,
        keys=(
            Key("preview_size", "int", "The longer side of the preview.", "px", 1024, low=64, high=4096),
            Key("stretch", "text", "How brightness is shown.", default="asinh",
                choices=("asinh", "linear", "log", "sqrt", "zscale")),
        ),
        writes=("overlays.json", "preview.jpg", "thumbnail.jpg", "annotated.jpg", "detection.jpg"),
    )
)  # fmt: skip
