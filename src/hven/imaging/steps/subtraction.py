"""The step that subtracts a template from the frame and looks for what is new, or measures the target there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hven.errors import Invalid
from hven.imaging.services import catalogues, templates
from hven.imaging.services.limits import frame_limits
from hven.imaging.steps.change_inputs import (
    Inputs,
    begin_timing,
    cone_of,
    first_target,
    moving_bodies,
    read_inputs,
    say,
    write_candidates,
)
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

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from hven.science.changes.candidates import Search
    from hven.science.changes.planes import Difference, Plane, Stars
    from hven.science.changes.subtract import External, Options
    from hven.science.changes.tiles import Tile

CUSTOM, CUSTOM_MASK = "custom_template.fits", "custom_template_mask.fits"
STEM = "candidates"
_PLANES = (
    "sub_image",
    "sub_mask",
    "sub_template",
    "sub_template_mask",
    "sub_conv",
    "sub_diff",
    "sub_sdiff",
    "sub_ediff",
)
_OLD = (*(f"{name}.fits" for name in _PLANES), "sub_target.vot", "sub_target.cutout", f"{STEM}/", f"{STEM}.vot",
        f"{STEM}.reg")  # fmt: skip
_FOOTPRINT = 2.5  # significance to which a candidate reaches


@dataclass(slots=True)
class _Whole:
    """The planes of the whole frame, put together from tiles; (height, width) each."""

    template: NDArray[np.float32]
    template_mask: NDArray[np.bool_]
    convolved: NDArray[np.float32]
    diff: NDArray[np.float32]
    noise: NDArray[np.float32]
    significance: NDArray[np.float32]
    mask: NDArray[np.bool_]


def run(context: StepContext) -> Outcome:
    """Subtract the template tile by tile, then find candidates or measure the target."""
    from hven.science.changes.tiles import OVERLAP_PX, tiles  # noqa: PLC0415 - OpenCV, for workers

    begin_timing(context)
    inputs = read_inputs(context)
    frame_plane, template = _planes(context, inputs)
    options, search = _options(context, inputs), _search(context, inputs)
    stars = _stars(inputs)
    height, width = inputs.frame.data.shape
    target = context.value("subtraction_mode") == "target"
    place = first_target(context, inputs.wcs, width, height) if target else None
    whole = _empty(height, width)
    side, overlap = context.value("sub_size"), context.value("sub_overlap")
    parts = list(tiles(width, height, side_px=side, overlap_px=OVERLAP_PX if overlap is None else overlap))
    if place is not None:
        parts = [tile for tile in parts if tile.holds(place[1], place[2])] or parts[:1]
    found: list[Table] = []
    lefts: list[Any] = []
    rejected: dict[str, int] = {}
    results: dict[str, Any] = {}
    for number, tile in enumerate(parts):
        context.tell(0.2 + 0.5 * number / len(parts), "Subtracting")
        difference = _one(context, (frame_plane, template), tile, stars=stars, options=options, whole=whole)
        results = _described(context, difference)
        if place is not None:
            return _target(context, inputs, difference, tile, place=place, search=search, whole=whole, results=results)
        table, left = _found(context, inputs, difference, tile, search=search, rejected=rejected)
        found.append(table)
        lefts += left
    table, lefts = _joined(context, inputs, found, lefts, rejected)
    for reason, count in rejected.items():
        say(context, f"{count} peaks left out: {reason}.")
    say(context, f"{len(table)} candidates.")
    context.files.remove(*_OLD)
    _write_planes(context, inputs, whole)
    names = {"IMAGE": inputs.frame.data, "MASK": inputs.mask | whole.mask, "TEMPLATE": whole.template,
             "CONVOLVED": whole.convolved, "DIFF": whole.diff, "ERR": whole.noise,
             "FILTERED": whole.significance}  # fmt: skip
    write_candidates(
        context, inputs, table, STEM, lambda number: names | _own_planes(whole, table[number], lefts[number])
    )
    return Outcome({"candidates": len(table), "rejected": rejected, "tiles": len(parts)} | results)


# --- what is subtracted ---------------------------------------------------------------------------------------------


def _planes(context: StepContext, inputs: Inputs) -> tuple[Plane, Plane]:
    """Return the frame and its template, the latter on a grid of its own."""
    from hven.science.changes.planes import Plane  # noqa: PLC0415 - as above

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
    from hven.science.changes.planes import Plane  # noqa: PLC0415 - as above
    from hven.science.frames.header import wcs_from  # noqa: PLC0415 - as above
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - as above

    path = context.files.find(CUSTOM)
    if path is None:
        if context.value("template") == "custom":
            raise Invalid(f"There is no template: upload one as {CUSTOM}, or choose another by the key template.")
        return None
    frame = read_frame(path, limits=frame_limits())
    say(context, f"The template is {CUSTOM}, {frame.width} by {frame.height} pixels.")
    wcs = wcs_from(frame)
    if wcs is None:
        if frame.data.shape != inputs.frame.data.shape:
            raise Invalid(f"{CUSTOM} has no projection in its header, and is not of the frame's size; solve it first.")
        say(context, "It has no projection; its pixels are taken to be the frame's.")
        wcs = inputs.wcs
    mask = frame.mask
    mask_path = context.files.find(CUSTOM_MASK)
    if mask_path is not None:
        own = read_frame(mask_path, limits=frame_limits())
        if own.data.shape != frame.data.shape:
            raise Invalid(f"{CUSTOM_MASK} is not of the template's size.")
        excluded = own.data > 0
        mask = excluded if mask is None else mask | excluded
    saturation = context.value("custom_template_saturation")
    return Plane(
        frame.data, mask, context.value("custom_template_gain"), wcs,
        frame.meaning.saturation if saturation is None else saturation,
    )  # fmt: skip


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


# --- tiles ----------------------------------------------------------------------------------------------------------


def _empty(height: int, width: int) -> _Whole:
    import numpy as np  # noqa: PLC0415 - as above

    shape = (height, width)
    return _Whole(
        template=np.zeros(shape, np.float32),
        template_mask=np.ones(shape, np.bool_),
        convolved=np.zeros(shape, np.float32),
        diff=np.zeros(shape, np.float32),
        noise=np.zeros(shape, np.float32),
        significance=np.zeros(shape, np.float32),
        mask=np.ones(shape, np.bool_),
    )


def _one(
    context: StepContext, planes: tuple[Plane, Plane], tile: Tile, *, stars: Stars, options: Options, whole: _Whole
) -> Difference:
    """Subtract one tile and lay its planes into those of the frame."""
    from hven.science.changes.planes import Stars  # noqa: PLC0415 - as above
    from hven.science.changes.subtract import aligned_template, found_stars, subtract  # noqa: PLC0415 - as above
    from hven.science.changes.tiles import cropped  # noqa: PLC0415 - as above
    from hven.science.stars.detect import measure_fwhm  # noqa: PLC0415 - as above

    frame, template = planes[0].checked("frame"), planes[1].checked("template")
    part = cropped(frame, tile)
    inside = (stars.x >= tile.x0) & (stars.x < tile.x1) & (stars.y >= tile.y0) & (stars.y < tile.y1)
    own = Stars(stars.x[inside] - tile.x0, stars.y[inside] - tile.y0, stars.flux[inside], stars.snr[inside])
    if own.x.size < 10:
        own = found_stars(part)
    fwhm = measure_fwhm(part.data, part.mask)
    aligned = aligned_template(part, template, own, fwhm)
    difference = subtract(part, aligned, stars=own, options=replace(options, fwhm_px=fwhm))
    if context.value("sub_verbose"):
        say(
            context,
            f"Tile at {tile.x0}, {tile.y0}: {difference.stars} stars, chi2 {difference.chi2:.2f}, kernel of order "
            f"{difference.kernel.order}, masked {100 * difference.mask.mean():.1f} %.",
        )
    inner, outer = tile.core_in_tile, tile.core_in_frame
    bad = aligned.bad()
    whole.template[outer], whole.template_mask[outer] = aligned.data[inner], bad[inner]
    for name in ("convolved", "diff", "noise", "significance", "mask"):
        getattr(whole, name)[outer] = getattr(difference, name)[inner]
    return difference


def _described(context: StepContext, difference: Difference) -> dict[str, Any]:
    """Log how a tile went, and return it as results."""
    if difference.identical:
        say(context, "The template is the frame itself, so nothing can have changed.")
        return {"identical": True}
    say(
        context,
        f"Star images of {difference.fwhm_px:.2f} px on the frame and {difference.template_fwhm_px:.2f} px on the "
        f"template were matched on {difference.stars} stars (chi2 {difference.chi2:.2f}); the template's counts are "
        f"{1 / difference.kernel_norm:.4g} times the frame's.",
    )
    if difference.smoothing_px > 0:
        say(
            context, f"The template is not the sharper one: the frame was smoothed by {difference.smoothing_px:.2f} px."
        )
    return {
        "stars": difference.stars,
        "chi2": difference.chi2,
        "kernel_norm": difference.kernel_norm,
        "kernel_order": difference.kernel.order,
        "smoothing_px": difference.smoothing_px,
        "fwhm_px": difference.fwhm_px,
        "template_fwhm_px": difference.template_fwhm_px,
    }


def _found(
    context: StepContext,
    inputs: Inputs,
    difference: Difference,
    tile: Tile,
    *,
    search: Search,
    rejected: dict[str, int],
) -> tuple[Table, list[Any]]:
    """Return a tile's own candidates, in the frame's pixels, and what is left of each after adjusting its template."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.candidates import find  # noqa: PLC0415 - as above

    zero = inputs.calibration
    local = replace(zero, zero_point=lambda x, y: zero.at(x + tile.x0, y + tile.y0))
    part_wcs = replace(inputs.wcs, crpix=(inputs.wcs.crpix[0] - tile.x0, inputs.wcs.crpix[1] - tile.y0))
    found = find(difference, search, calibration=local, wcs=part_wcs)
    for reason, count in found.rejected.items():
        rejected[reason] = rejected.get(reason, 0) + count
    half = context.value("cutout_size")
    table = found.table
    lefts = [
        found.adjustments.image(difference, n, round(float(row["x"])), round(float(row["y"])), half)
        for n, row in enumerate(table)
    ]
    table["x"], table["y"] = table["x"] + tile.x0, table["y"] + tile.y0
    mine = np.array([tile.holds(float(row["x"]), float(row["y"])) for row in table], np.bool_)
    return table[mine], [left for left, kept in zip(lefts, mine, strict=True) if kept]


def _joined(
    context: StepContext, inputs: Inputs, found: list[Table], lefts: list[Any], rejected: dict[str, int]
) -> tuple[Table, list[Any]]:
    """Return all tiles' candidates, brightest first, without those that the wished filters drop."""
    import numpy as np  # noqa: PLC0415 - as above
    from astropy.table import vstack  # noqa: PLC0415 - as above

    table = vstack(found, metadata_conflicts="silent") if len(found) > 1 else found[0]
    keep = np.ones(len(table), np.bool_)
    for reason, bad in _outer_filters(context, inputs, table):
        rejected[reason] = int(np.count_nonzero(keep & bad))
        keep &= ~bad
    order = np.flatnonzero(keep)
    order = order[np.argsort(-np.nan_to_num(np.asarray(table["flux"], float)[order]), kind="stable")]
    table = table[order]
    table["NUMBER"] = np.arange(1, len(table) + 1)
    return table, [lefts[k] for k in order]


def _outer_filters(context: StepContext, inputs: Inputs, table: Table) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return what a cone, catalogues and minor planets speak against, by reason."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.matching import pairs_within  # noqa: PLC0415 - as above

    def near(ra: Any, dec: Any, radius_deg: float) -> NDArray[np.bool_]:
        bad = np.zeros(len(table), np.bool_)
        bad[pairs_within(table["ra"], table["dec"], ra, dec, radius_deg)[0]] = True
        return bad

    filters: list[tuple[str, NDArray[np.bool_]]] = []
    cone = cone_of(context, "filter_center", "filter_sr0")
    if cone is not None:
        filters.append(("outside the cone", ~near([cone[0]], [cone[1]], cone[2])))
    if not len(table):
        return filters
    radius_deg = 0.5 * inputs.fwhm_px * inputs.wcs.scale_arcsec / 3600
    if context.value("filter_vizier"):
        ra, dec = inputs.wcs.centre
        for key, rows in catalogues.neighbours(ra, dec, inputs.wcs.radius_deg, log=partial(say, context)).items():
            if len(rows):
                filters.append((f"in {key}", near(rows.table["RAJ2000"], rows.table["DEJ2000"], radius_deg)))
    bodies = moving_bodies(context, inputs) if context.value("filter_skybot") else None
    if bodies is not None and bodies.ra.size:
        reach = radius_deg + float(np.nanmax(bodies.error_arcsec)) / 3600
        filters.append(("minor planets", near(bodies.ra, bodies.dec, reach)))
    return filters


# --- what is written ------------------------------------------------------------------------------------------------


def _own_planes(whole: _Whole, row: Any, left: Any) -> dict[str, NDArray[Any]]:
    """Return the planes of one candidate alone, on the frame's grid: its footprint, and the adjusted difference."""
    import cv2  # noqa: PLC0415 - as above
    import numpy as np  # noqa: PLC0415 - as above

    height, width = whole.diff.shape
    half = left.shape[0] // 2
    column, line = round(float(row["x"])), round(float(row["y"]))
    footprint = np.zeros((height, width), np.uint8)
    adjusted = np.full((height, width), np.nan, np.float32)
    x0, x1, y0, y1 = (
        max(column - half, 0),
        min(column + half + 1, width),
        max(line - half, 0),
        min(line + half + 1, height),
    )
    box = slice(y0, y1), slice(x0, x1)
    _, labels = cv2.connectedComponents((whole.significance[box] > _FOOTPRINT).astype(np.uint8))
    own = labels[min(line, height - 1) - y0, min(column, width - 1) - x0]
    if own > 0:
        footprint[box] = labels == own
    adjusted[box] = left[y0 - line + half : y1 - line + half, x0 - column + half : x1 - column + half]
    return {"FOOTPRINT": footprint, "ADJUSTED": adjusted}


def _write_planes(context: StepContext, inputs: Inputs, whole: _Whole) -> None:
    """Write the planes of the subtraction."""
    import numpy as np  # noqa: PLC0415 - as above
    from astropy.io import fits  # noqa: PLC0415 - as above

    ratio = np.divide(whole.diff, whole.noise, out=np.zeros_like(whole.diff), where=whole.noise > 0)
    planes: tuple[NDArray[Any], ...] = (
        np.asarray(inputs.frame.data, np.float32), inputs.mask.astype(np.uint8), whole.template,
        whole.template_mask.astype(np.uint8), whole.convolved, whole.diff, ratio, whole.noise,
    )  # fmt: skip
    cards = {key: value for key, value in inputs.wcs.to_cards().items() if key not in {"IMAGEW", "IMAGEH"}}
    for name, plane in zip(_PLANES, planes, strict=True):
        hdu: Any
        if plane.dtype == np.uint8:
            hdu = fits.CompImageHDU(plane, compression_type="RICE_1", name=name.removeprefix("sub_").upper())
            hdus = [fits.PrimaryHDU(), hdu]
        else:
            hdu = fits.PrimaryHDU(plane)
            hdus = [hdu]
        hdu.header.update(cards)
        fits.HDUList(hdus).writeto(context.files.write(f"{name}.fits"), overwrite=True)


def _target(
    context: StepContext,
    inputs: Inputs,
    difference: Difference,
    tile: Tile,
    *,
    place: tuple[str, float, float],
    search: Search,
    whole: _Whole,
    results: dict[str, Any],
) -> Outcome:
    """Measure the first target on the difference, and write it with its limit."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.candidates import measured  # noqa: PLC0415 - as above
    from hven.science.changes.cutout import cut_out, write_cutout  # noqa: PLC0415 - as above
    from hven.science.changes.fitting import fit_profiles  # noqa: PLC0415 - as above

    name, x, y = place
    at_x, at_y = x, y
    if context.value("centroid_targets"):
        fit = fit_profiles(difference, np.array([round(x) - tile.x0]), np.array([round(y) - tile.y0]))
        if fit.flux[0] > search.sn * fit.flux_error[0]:
            at_x, at_y = float(fit.x[0]) + tile.x0, float(fit.y[0]) + tile.y0
    zero = inputs.calibration
    local = replace(zero, zero_point=lambda u, v: zero.at(u + tile.x0, v + tile.y0))
    table = measured(difference, np.array([at_x - tile.x0]), np.array([at_y - tile.y0]), search, calibration=local)
    table["x"], table["y"] = np.array([at_x]), np.array([at_y])
    table["ra"], table["dec"] = (np.atleast_1d(value) for value in inputs.wcs.to_sky(at_x, at_y))
    if (at_x, at_y) != (x, y):
        table["ra_orig"], table["dec_orig"] = (np.atleast_1d(value) for value in inputs.wcs.to_sky(x, y))
    context.files.remove(*_OLD)
    _write_planes(context, inputs, whole)
    table.write(context.files.write("sub_target.vot"), format="votable", overwrite=True)
    row = table[0]
    planes = {"IMAGE": inputs.frame.data, "MASK": inputs.mask | whole.mask, "TEMPLATE": whole.template,
              "CONVOLVED": whole.convolved, "DIFF": whole.diff, "ERR": whole.noise}  # fmt: skip
    values = {key: row[key] for key in table.colnames}
    cutout = cut_out(planes, values, context.value("cutout_size"), wcs=inputs.wcs, time=inputs.time_text, name=name)
    write_cutout(context.files.write("sub_target.cutout"), cutout)
    mag, error, limit = (float(row[key]) for key in ("mag_calib", "mag_calib_err", "mag_limit"))
    if np.isfinite(mag) and row["flux"] >= search.sn * row["fluxerr"]:
        say(context, f"{name}: {mag:.3f} +- {error:.3f} mag on the difference; limit {limit:.2f}.")
    else:
        say(context, f"{name} is not seen on the difference; limit {limit:.2f} mag.")
    shown = {key: value if np.isfinite(value) else None for key, value in (
        ("mag", mag), ("mag_err", error), ("mag_limit", limit), ("flux", float(row["flux"])),
        ("flux_err", float(row["fluxerr"])),
    )}  # fmt: skip
    return Outcome({"target": name, **shown, **results})


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
            *(f"{name}.fits" for name in _PLANES), "candidates.vot", "candidates.reg",
            "candidates/J100027.90+021220.8.cutout", "sub_target.vot", "sub_target.cutout",
        ),
        stem="subtraction",
    )
)  # fmt: skip
