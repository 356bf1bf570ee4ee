"""The step that subtracts a template from the frame and looks for what is new, or measures the target there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hven.errors import Invalid
from hven.imaging.steps.change_inputs import Inputs, begin_timing, first_target, read_inputs, say, write_candidates
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Key, Outcome, Step, register
from hven.imaging.steps.shared import (
    APERTURE,
    BACKGROUND_SIZE,
    CENTROID_TARGETS,
    CUTOUT_SIZE,
    FILTER,
    GAIN,
    LEAST_AREA,
    RELATIVE_APERTURE,
    RELATIVE_INNER,
    RELATIVE_OUTER,
    SN,
    TIME,
    TIMING,
)
from hven.imaging.steps.subtraction_files import (
    OLD,
    PLANES,
    STEM,
    WIDTHS,
    draw_widths,
    measure_target,
    own_planes,
    write_planes,
)
from hven.imaging.steps.subtraction_template import frame_and_template
from hven.imaging.steps.subtraction_tiles import candidates_of_tile, described, empty, joined, subtract_tile

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from hven.science.changes.candidates import Search
    from hven.science.changes.planes import Stars
    from hven.science.changes.subtract import External, Options


def run(context: StepContext) -> Outcome:
    """Subtract the template tile by tile, then find candidates or measure the target."""
    from hven.science.changes.tiles import OVERLAP_PX, tiles  # noqa: PLC0415 - OpenCV, for workers

    begin_timing(context)
    inputs = read_inputs(context)
    height, width = inputs.frame.data.shape
    target = context.value("subtraction_mode") == "target"
    place = first_target(context, inputs.wcs, width, height) if target else None
    options, search = _options(context, inputs), _search(context, inputs)
    planes = frame_and_template(context, inputs)
    stars = _stars(inputs)
    whole = empty(height, width)
    side, overlap = context.value("sub_size"), context.value("sub_overlap")
    parts = list(tiles(width, height, side_px=side, overlap_px=OVERLAP_PX if overlap is None else overlap))
    if place is not None:
        parts = [tile for tile in parts if tile.holds(place[1], place[2])] or parts[:1]
    found: list[Table] = []
    lefts: list[Any] = []
    rejected: dict[str, int] = {}
    results: dict[str, Any] = {}
    failed: Invalid | None = None
    for number, tile in enumerate(parts):
        context.tell(0.2 + 0.5 * number / len(parts), "Subtracting")
        try:
            difference = subtract_tile(context, planes, tile, stars=stars, options=options, whole=whole)
        except Invalid as error:
            if len(parts) == 1:
                raise
            failed = error
            say(context, f"The tile at {tile.x0}, {tile.y0} is left out: {error}")
            continue
        results = described(context, difference)
        if place is not None:
            return measure_target(
                context, inputs, difference, tile, place=place, search=search, whole=whole, results=results
            )
        table, left = candidates_of_tile(context, inputs, difference, tile, search=search, rejected=rejected)
        found.append(table)
        lefts += left
    if failed is not None and not found:
        raise failed
    table, lefts = joined(context, inputs, found, lefts, rejected)
    for reason, count in rejected.items():
        say(context, f"{count} peaks left out: {reason}.")
    say(context, f"{len(table)} candidates.")
    context.files.remove(*OLD)
    write_planes(context, inputs, whole)
    draw_widths(context, inputs, whole, results)
    names = {"IMAGE": inputs.frame.data, "MASK": inputs.mask | whole.mask, "TEMPLATE": whole.template,
             "CONVOLVED": whole.convolved, "DIFF": whole.diff, "ERR": whole.noise,
             "FILTERED": whole.significance}  # fmt: skip
    write_candidates(
        context, inputs, table, STEM, names, extras=lambda number: own_planes(whole, table[number], lefts[number])
    )
    return Outcome({"candidates": len(table), "rejected": rejected, "tiles": len(parts)} | results)


def _options(context: StepContext, inputs: Inputs) -> Options:
    from hven.science.changes.hotpants import switches  # noqa: PLC0415 - as above
    from hven.science.changes.subtract import Options  # noqa: PLC0415 - as above

    extra = context.value("hotpants_extra") or {}
    switches(extra)
    order, flux_order = context.value("sfft_kernel_poly_order"), context.value("sfft_flux_poly_order")
    if context.value("subtraction_method") == "hotpants":
        order, flux_order = (int(extra["ko"]) if "ko" in extra else None), None
    external: External | None = None
    if context.value("subtraction_engine") == "hotpants":
        external = partial(_hotpants, context, extra)
        order = min(order or 0, 2)
    scale = context.value("template_fwhm_override")
    return Options(
        order=None if order is None else min(order, 2),
        flux_order=None if flux_order is None else min(flux_order, 2),
        mesh_px=_mesh(context, inputs),
        fwhm_px=None,
        template_fwhm_px=scale,
        external=external,
    )


def _mesh(context: StepContext, inputs: Inputs) -> int | None:
    """Return the mesh of the backgrounds: at most a quarter of the frame, and no coarser than the engine's own."""
    size = context.value("bg_size")
    return None if size is None else max(16, min(int(size), 128, min(inputs.frame.data.shape) // 4))


def _hotpants(
    context: StepContext, extra: dict[str, Any], frame: Any, template: Any, fwhm_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.hotpants import Input, hotpants  # noqa: PLC0415 - as above

    inputs = [Input(flat.data, flat.bad, np.sqrt(flat.variance(flat.data))) for flat in (frame, template)]
    return hotpants(inputs[0], inputs[1], scratch=context.scratch, fwhm_px=fwhm_px, extra=extra)


def _search(context: StepContext, inputs: Inputs) -> Search:
    from hven.science.changes.candidates import Search  # noqa: PLC0415 - as above

    inner, outer = context.value("rel_bg1"), context.value("rel_bg2")
    if outer <= inner:
        raise Invalid("rel_bg2, the outer radius of the sky's annulus, must be larger than rel_bg1, the inner one.")
    if abs(context.value("rel_aper") * inputs.fwhm_px - inputs.aperture_px) > 0.01 * inputs.aperture_px:
        say(context, f"The aperture stays at {inputs.aperture_px:.2f} px, for which photometry found the zero point.")
    return Search(
        radius_px=inputs.aperture_px,
        ring_px=(inner * inputs.fwhm_px, outer * inputs.fwhm_px),
        sn=context.value("sn"),
        gain=inputs.gain,
        shape_filter=context.value("filter_prefilter"),
        adjust_filter=context.value("filter_adjust"),
    )


def _stars(inputs: Inputs) -> Stars:
    """Return the frame's objects as stars for the kernel; flagged ones are left to its own vetting."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.planes import Stars  # noqa: PLC0415 - as above

    table = inputs.objects
    flags = np.asarray(table["flags"], np.int64)
    x, y, flux, error = (np.asarray(table[name], np.float64) for name in ("x", "y", "flux", "fluxerr"))
    good = np.isfinite(x) & np.isfinite(y) & np.isfinite(flux) & (error > 0) & (flags & ~0x803 == 0)
    return Stars(x[good], y[good], flux[good], flux[good] / error[good])


register(
    Step(
        key="subtraction",
        title="Subtraction",
        doc="Subtracts a template and keeps what is new, or measures the first target on the difference.",
        function=run,
        keys=(
            TIME, GAIN, FILTER, SN, APERTURE, LEAST_AREA, BACKGROUND_SIZE, RELATIVE_APERTURE, RELATIVE_INNER,
            RELATIVE_OUTER, CENTROID_TARGETS, CUTOUT_SIZE, TIMING,
            Key("template", "text", "Where the template comes from: a survey, a template of this server, or custom; a"
                " custom_template.fits in the folder always goes first."),
            Key("template_fwhm_override", "float", "The width of the template's stars on the frame's grid; by default"
                " as measured.", "px", low=0.5, high=200),
            Key("custom_template_gain", "float", "Electrons for one count of the custom template.", "e-/ADU", 10_000.0,
                low=1e-6, high=1e9),
            Key("custom_template_saturation", "float", "The level from which its pixels are full; by default what its"
                " header says.", "ADU", low=-1e9, high=1e12),
            Key("subtraction_mode", "text", "Whether new sources are looked for, or the first target is measured.",
                default="detection", choices=("detection", "target")),
            Key("subtraction_method", "text", "Whose orders are read, those of hotpants_extra or the sfft keys; the"
                " engine is the same.", default="hotpants", choices=("hotpants", "sfft")),
            Key("subtraction_engine", "text", "hven's own engine, or the program hotpants where it is installed.",
                default="hven", choices=("hven", "hotpants")),
            Key("sub_size", "int", "The side of tiles; by default the whole frame, as far as memory allows.", "px",
                low=64, high=100_000),
            Key("sub_overlap", "int", "How far tiles reach into each other.", "px", 50, low=0, high=5000),
            Key("sub_verbose", "bool", "Whether the log tells of each tile.", default=False),
            Key("hotpants_extra", "object", "Switches of hotpants without their dash, by name; hven's engine reads ko"
                " alone, the order of the kernel's variation, which it finds itself by default."),
            Key("sfft_kernel_poly_order", "int", "Order of the kernel's variation, for the method sfft; by default"
                " found.", low=0, high=4),
            Key("sfft_bg_poly_order", "int", "Not needed: the background is measured on a mesh.", low=0, high=4),
            Key("sfft_flux_poly_order", "int", "Order of the photometric scale's variation, for the method sfft; by"
                " default found.", low=0, high=4),
            Key("filter_center", "text", "Where candidates are looked for: a name or coordinates; by default all over"
                " the frame."),
            Key("filter_sr0", "float", "How far from there.", "deg", 1.0, low=1e-5, high=180),
            Key("filter_prefilter", "bool", "Whether what is not shaped as a star is dropped.", default=True),
            Key("filter_adjust", "bool", "Whether what a small shift and scale of the template explains is dropped.",
                default=True),
            Key("filter_vizier", "bool", "Whether what catalogues list is dropped.", default=False),
            Key("filter_skybot", "bool", "Whether minor planets are dropped.", default=False),
        ),
        writes=(
            *(f"{name}.fits" for name in PLANES), WIDTHS, "candidates.vot", "candidates.reg",
            "candidates/J100027.90+021220.8.cutout", "sub_target.vot", "sub_target.cutout",
        ),
        stem="subtraction",
    )
)  # fmt: skip
