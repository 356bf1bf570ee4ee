"""The step that names what a solved frame shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Key, Outcome, Step, register


def run(context: StepContext) -> Outcome:
    """Name the deep-sky objects and bright stars in the field."""
    from hven.science.catalogues.annotate import annotate, objects_in_field  # noqa: PLC0415 - tables, for workers
    from hven.science.catalogues.bright import bright_stars  # noqa: PLC0415 - the same
    from hven.science.catalogues.constellations import constellation_figures  # noqa: PLC0415 - the same

    if context.solved is None or context.solved.solution is None:
        return Outcome()
    wcs = context.solved.solution.wcs
    names = settings.HVEN_ASSETS / "d3-celestial" / "data"
    stars, figures = bright_stars(names), constellation_figures(names)
    if stars.note:
        context.log(stars.note)
    found = annotate(wcs, stars, nbright=context.value("bright_limit"))
    objects = objects_in_field(wcs, found, figures)
    context.log(f"{len(found)} named objects in the field.")
    return Outcome({"annotations": [_json(one) for one in found], "objects": objects})


def _json(one: Any) -> dict[str, Any]:
    return {
        "type": one.type,
        "names": list(one.names),
        "label": one.label,
        "x": one.x,
        "y": one.y,
        "radius_px": one.radius_px,
        "vmag": one.v_mag,
        "ra": one.ra,
        "dec": one.dec,
        "kind": one.kind,
        "rank": one.rank,
    }


register(
    Step(
        key="annotate",
        title="Annotate",
        doc="Names the NGC, IC and Messier objects and the bright stars in the field.",
        function=run,
        keys=(
            Key("bright_limit", "int", "How many bright stars are named at most; 0 for all.", default=0,
                low=0, high=10_000),
        ),
        needs=("solve",),
    )
)  # fmt: skip
