"""The step that looks for new sources among a frame's objects by comparing them with catalogues."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hven.accounts import access
from hven.errors import Invalid, Unavailable
from hven.imaging.models import Reduction
from hven.imaging.services import catalogues, tables
from hven.imaging.steps.change_inputs import (
    Inputs,
    begin_timing,
    cone_of,
    moving_bodies,
    read_inputs,
    say,
    write_candidates,
)
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.photometry_files import CATALOGUE, FILTERED, OBJECTS
from hven.imaging.steps.registry import Key, Outcome, Step, register
from hven.imaging.steps.shared import CUTOUT_SIZE, FILTER, GAIN, SN, TIME, TIMING

if TYPE_CHECKING:
    from astropy.table import Table

    from hven.science.changes.catalogued import Reference

STEM = "candidates_simple"
_MOST_OTHERS = 20
# Which filters stand for another, nearest first; their offset is measured.
_NEAREST = ("u", "U", "B", "g", "BP", "V", "G", "r", "R", "i", "RP", "I", "z", "y", "J", "H", "Ks")


def run(context: StepContext) -> Outcome:
    """Compare the objects with every catalogue that can be had, and write what none explains."""
    from hven.science.changes.catalogued import Criteria, search_catalogued  # noqa: PLC0415 - astropy, for workers

    begin_timing(context)
    inputs = read_inputs(context)
    context.tell(0.1, "Asking catalogues")
    references = _references(context, inputs)
    scale_deg = inputs.wcs.scale_arcsec / 3600
    criteria = Criteria(
        radius_deg=0.5 * inputs.fwhm_px * scale_deg,
        fwhm_deg=inputs.fwhm_px * scale_deg,
        mag_diff=context.value("simple_mag_diff"),
        prefilter=context.value("simple_prefilter"),
        blends=context.value("simple_blends"),
        cone=cone_of(context, "simple_center", "simple_sr0"),
    )
    bodies = moving_bodies(context, inputs) if context.value("simple_skybot") else None
    strong = inputs.objects["flux"] >= context.value("sn") * inputs.objects["fluxerr"]
    context.tell(0.7, "Comparing")
    found = search_catalogued(inputs.objects[strong], references, criteria, others=_others(context), bodies=bodies)
    for reason, count in found.rejected.items():
        say(context, f"{count} objects left out: {reason}.")
    for number, name in found.matched.items():
        say(context, f"Object {number} is {name}.")
    say(context, f"{len(found.table)} of {int(strong.sum())} objects are candidates.")
    write_candidates(context, inputs, found.table, STEM, _planes(context, inputs))
    return Outcome({"candidates": len(found.table), "objects": int(strong.sum()), "rejected": found.rejected})


def _references(context: StepContext, inputs: Inputs) -> list[Reference]:
    """Return the catalogue of the calibration, and all others that cover the field and could be asked."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.catalogued import Reference  # noqa: PLC0415 - as above

    found: list[Reference] = []
    path = context.files.find(CATALOGUE)
    if path is not None:
        table = tables.table_of(path, votable=False)
        column = str(context.config.get("cat_col_mag") or "")
        if {"RAJ2000", "DEJ2000"} <= set(table.colnames):
            mag = _floats(table, column) if column in table.colnames else np.full(len(table), np.nan)
            name = str(context.config.get("cat_name") or "the catalogue")
            found.append(Reference(name, _floats(table, "RAJ2000"), _floats(table, "DEJ2000"), mag))
    ra, dec = inputs.wcs.centre
    for key, rows in catalogues.neighbours(ra, dec, inputs.wcs.radius_deg, log=partial(say, context)).items():
        table = rows.table
        if len(table):
            mag = _nearest_mag(table, inputs.band)
            found.append(Reference(key, _floats(table, "RAJ2000"), _floats(table, "DEJ2000"), mag))
    if not found:
        raise Unavailable("No catalogue could be asked, so nothing can be said to be new; run photometry again.")
    return found


def _nearest_mag(table: Table, band: str) -> Any:
    """Return each star's magnitude in the filter nearest to the frame's that the catalogue has for it."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.catalogues.photometric.filters import magnitude_column  # noqa: PLC0415 - as above

    place = _NEAREST.index(band) if band in _NEAREST else _NEAREST.index("r")
    mag = np.full(len(table), np.nan)
    for other in sorted(_NEAREST, key=lambda name: abs(_NEAREST.index(name) - place)):
        column = magnitude_column(other)
        if column in table.colnames:
            values = _floats(table, column)
            mag = np.where(np.isfinite(mag), mag, values)
    return mag


def _floats(table: Table, name: str) -> Any:
    import numpy as np  # noqa: PLC0415 - as above

    column = table[name]
    return np.asarray(column.filled(np.nan) if hasattr(column, "filled") else column, np.float64)


def _others(context: StepContext) -> list[Table]:
    """Return the object lists of the other tasks that a candidate must be on.

    Raises
    ------
    Invalid
        One is not there, or not to be seen by who asked for this run.
    """
    text = context.value("simple_others")
    if not text:
        return []
    words = text.replace(",", " ").split()
    if len(words) > _MOST_OTHERS or not all(word.isdecimal() for word in words):
        raise Invalid(f"simple_others takes up to {_MOST_OTHERS} numbers of tasks with spaces between.")
    seen = access.visible(Reduction.objects.all(), context.actor, access.Verb.OPEN)
    found = []
    for word in words:
        row = None
        other = seen.filter(pk=int(word)).first()
        if other is not None:
            row = other.files.filter(current=True, path=OBJECTS).select_related("blob").first()
        if row is None:
            raise Invalid(f"Task {word} has no list of objects that this task may see; run photometry there first.")
        found.append(tables.read_table(row))
    return found


def _planes(context: StepContext, inputs: Inputs) -> dict[str, Any]:
    from hven.imaging.services.limits import frame_limits  # noqa: PLC0415 - as above
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    planes = {"IMAGE": inputs.frame.data, "MASK": inputs.mask}
    path = context.files.find(FILTERED)
    if path is not None:
        filtered = read_frame(path, limits=frame_limits())
        if filtered.data.shape == inputs.frame.data.shape:
            planes["FILTERED"] = filtered.data
    return planes


register(
    Step(
        key="transients",
        title="Transients by catalogues",
        doc="Compares the objects with catalogues and minor planets, and keeps those that nothing explains.",
        function=run,
        keys=(
            TIME, GAIN, FILTER, SN, CUTOUT_SIZE, TIMING,
            Key("simple_center", "text", "Where candidates are looked for: a name or coordinates; by default all over"
                " the frame."),
            Key("simple_sr0", "float", "How far from there.", "deg", 1.0, low=1e-5, high=180),
            Key("simple_mag_diff", "float", "An object brighter than its match by more than this stays; 0 drops every"
                " match.", "mag", 2.0, low=0, high=30),
            Key("simple_prefilter", "bool", "Whether objects not shaped as stars are dropped.", default=True),
            Key("simple_blends", "bool", "Whether pairs of stars that the frame blends are dropped.", default=True),
            Key("simple_skybot", "bool", "Whether minor planets are dropped.", default=True),
            Key("simple_others", "text", "Numbers of other tasks that must show a candidate too, with spaces between."),
        ),
        writes=("candidates_simple.vot", "candidates_simple.reg", "candidates_simple/J100027.90+021220.8.cutout"),
        stem="transients_simple",
    )
)  # fmt: skip
