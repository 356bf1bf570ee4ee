"""The subtraction tile by tile: each one's planes laid into those of the frame, and all candidates joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hven.imaging.services import catalogues
from hven.imaging.steps.change_inputs import Inputs, cone_of, moving_bodies, say
from hven.imaging.steps.context import StepContext

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from hven.science.changes.candidates import Search
    from hven.science.changes.planes import Difference, Plane, Stars
    from hven.science.changes.subtract import Options
    from hven.science.changes.tiles import Tile

MOST = 300  # candidates: each gets a cutout, and no person looks at more


@dataclass(slots=True)
class Whole:
    """The planes of the whole frame, put together from tiles; (height, width) each."""

    template: NDArray[np.float32]
    template_mask: NDArray[np.bool_]
    convolved: NDArray[np.float32]
    diff: NDArray[np.float32]
    noise: NDArray[np.float32]
    significance: NDArray[np.float32]
    mask: NDArray[np.bool_]


def empty(height: int, width: int) -> Whole:
    """Return planes in which nothing is subtracted yet."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers

    shape = (height, width)
    return Whole(
        template=np.zeros(shape, np.float32),
        template_mask=np.ones(shape, np.bool_),
        convolved=np.zeros(shape, np.float32),
        diff=np.zeros(shape, np.float32),
        noise=np.zeros(shape, np.float32),
        significance=np.zeros(shape, np.float32),
        mask=np.ones(shape, np.bool_),
    )


def subtract_tile(
    context: StepContext, planes: tuple[Plane, Plane], tile: Tile, *, stars: Stars, options: Options, whole: Whole
) -> Difference:
    """Subtract one tile and lay its planes into those of the frame."""
    from hven.science.changes.planes import Stars  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.changes.subtract import aligned_template, found_stars, subtract  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.changes.tiles import cropped  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.stars.detect import measure_fwhm  # noqa: PLC0415 - OpenCV and astropy, for workers

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


def described(context: StepContext, difference: Difference) -> dict[str, Any]:
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


def candidates_of_tile(
    context: StepContext,
    inputs: Inputs,
    difference: Difference,
    tile: Tile,
    *,
    search: Search,
    rejected: dict[str, int],
) -> tuple[Table, list[Any]]:
    """Return a tile's own candidates, in the frame's pixels, and what is left of each after adjusting its template."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers

    from hven.science.changes.candidates import find  # noqa: PLC0415 - OpenCV and astropy, for workers

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


def joined(
    context: StepContext, inputs: Inputs, found: list[Table], lefts: list[Any], rejected: dict[str, int]
) -> tuple[Table, list[Any]]:
    """Return all tiles' candidates, brightest first, without those that the wished filters drop."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers
    from astropy.table import vstack  # noqa: PLC0415 - OpenCV and astropy, for workers

    table = vstack(found, metadata_conflicts="silent") if len(found) > 1 else found[0]
    keep = np.ones(len(table), np.bool_)
    for reason, bad in _outer_filters(context, inputs, table):
        rejected[reason] = int(np.count_nonzero(keep & bad))
        keep &= ~bad
    order = np.flatnonzero(keep)
    if order.size > MOST:
        order = order[np.argsort(-np.asarray(table["snr"], float)[order], kind="stable")]
        rejected[f"beyond the {MOST} most significant"] = int(order.size - MOST)
        order = order[:MOST]
    order = order[np.argsort(-np.nan_to_num(np.asarray(table["flux"], float)[order]), kind="stable")]
    table = table[order]
    table["NUMBER"] = np.arange(1, len(table) + 1)
    return table, [lefts[k] for k in order]


def _outer_filters(context: StepContext, inputs: Inputs, table: Table) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return what a cone, catalogues and minor planets speak against, by reason."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers

    from hven.science.changes.matching import pairs_within  # noqa: PLC0415 - OpenCV and astropy, for workers

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
