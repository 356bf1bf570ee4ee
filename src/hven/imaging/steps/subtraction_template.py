"""Which template the subtraction takes: the user's own, one of this server, or a survey's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hven.errors import Invalid
from hven.imaging.services import templates
from hven.imaging.steps.change_inputs import Inputs, say
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.given import given_frame

if TYPE_CHECKING:
    from hven.science.changes.planes import Plane

CUSTOM, CUSTOM_MASK = "custom_template.fits", "custom_template_mask.fits"


def frame_and_template(context: StepContext, inputs: Inputs) -> tuple[Plane, Plane]:
    """Return the frame and its template, the latter on a grid of its own."""
    from hven.science.changes.planes import Plane  # noqa: PLC0415 - OpenCV and astropy, for workers

    frame = Plane(inputs.frame.data, inputs.mask, inputs.gain, inputs.wcs)
    custom = _custom(context, inputs)
    if custom is not None:
        return frame, custom
    context.tell(0.05, "Looking for a template")
    source = context.value("template") or "auto"
    band = context.value("filter") or inputs.band
    found = templates.template_for(inputs.wcs, band, source, log=partial(say, context), tell=context.tell)
    return frame, Plane(found.data, found.mask, None, inputs.wcs)


def _custom(context: StepContext, inputs: Inputs) -> Plane | None:
    """Return the user's own template; None where there is none."""
    from hven.science.changes.planes import Plane  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.frames.cards import as_mapping  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.frames.header import wcs_from  # noqa: PLC0415 - OpenCV and astropy, for workers

    frame = given_frame(context, CUSTOM)
    if frame is None:
        if context.value("template") == "custom":
            raise Invalid(f"There is no template: upload one as {CUSTOM}, or choose another by the key template.")
        return None
    say(context, f"The template is {CUSTOM}, {frame.width} by {frame.height} pixels.")
    wcs = wcs_from(frame)
    if wcs is None:
        projection = str(as_mapping(frame.cards).get("CTYPE1", ""))
        if projection.startswith("RA--"):
            raise Invalid(
                f"The projection of {CUSTOM} ({projection[:16]}) is not one that hven computes; solve the template, or "
                "resample it to a gnomonic one (TAN)."
            )
        if frame.data.shape != inputs.frame.data.shape:
            raise Invalid(f"{CUSTOM} has no projection in its header, and is not of the frame's size; solve it first.")
        say(context, "It has no projection; its pixels are taken to be the frame's.")
        wcs = inputs.wcs
    mask = frame.mask
    own = given_frame(context, CUSTOM_MASK)
    if own is not None:
        if own.data.shape != frame.data.shape:
            raise Invalid(f"{CUSTOM_MASK} is not of the template's size.")
        excluded = own.data > 0
        mask = excluded if mask is None else mask | excluded
    saturation = context.value("custom_template_saturation")
    return Plane(
        frame.data, mask, context.value("custom_template_gain"), wcs,
        frame.meaning.saturation if saturation is None else saturation,
    )  # fmt: skip
