"""What the subtraction writes: its planes, the planes of each candidate, and the target's measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hven.imaging.steps.change_inputs import Inputs, say
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.registry import Outcome
from hven.imaging.steps.subtraction_tiles import Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hven.science.changes.candidates import Search
    from hven.science.changes.planes import Difference
    from hven.science.changes.tiles import Tile

STEM = "candidates"
PLANES = (
    "sub_image",
    "sub_mask",
    "sub_template",
    "sub_template_mask",
    "sub_conv",
    "sub_diff",
    "sub_sdiff",
    "sub_ediff",
)
WIDTHS = "sub_template_fwhm_mag.png"
_MOST_STARS = 600  # whose widths are drawn
OLD = (*(f"{name}.fits" for name in PLANES), WIDTHS, "sub_target.vot", "sub_target.cutout", f"{STEM}/", f"{STEM}.vot",
       f"{STEM}.reg")  # fmt: skip
_FOOTPRINT = 2.5  # significance to which a candidate reaches


def own_planes(whole: Whole, row: Any, left: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the squares of one candidate alone: its footprint, and the difference after adjusting the template."""
    import cv2  # noqa: PLC0415 - for workers
    import numpy as np  # noqa: PLC0415 - the same

    from hven.science.changes.cutout import cut_square  # noqa: PLC0415 - the same

    half = left.shape[0] // 2
    light = cut_square(whole.significance, float(row["x"]), float(row["y"]), half)
    _, labels = cv2.connectedComponents((np.nan_to_num(light) > _FOOTPRINT).astype(np.uint8))
    own = labels[half, half]
    footprint = (labels == own).astype(np.uint8) if own > 0 else np.zeros(labels.shape, np.uint8)
    return {"FOOTPRINT": footprint, "ADJUSTED": left.astype(np.float32)}


def write_planes(context: StepContext, inputs: Inputs, whole: Whole) -> None:
    """Write the planes of the subtraction."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers
    from astropy.io import fits  # noqa: PLC0415 - OpenCV and astropy, for workers

    ratio = np.divide(whole.diff, whole.noise, out=np.zeros_like(whole.diff), where=whole.noise > 0)
    planes: tuple[NDArray[Any], ...] = (
        np.asarray(inputs.frame.data, np.float32), inputs.mask.astype(np.uint8), whole.template,
        whole.template_mask.astype(np.uint8), whole.convolved, whole.diff, ratio, whole.noise,
    )  # fmt: skip
    cards = {key: value for key, value in inputs.wcs.to_cards().items() if key not in {"IMAGEW", "IMAGEH"}}
    for name, plane in zip(PLANES, planes, strict=True):
        hdu: Any
        if plane.dtype == np.uint8:
            hdu = fits.CompImageHDU(plane, compression_type="RICE_1", name=name.removeprefix("sub_").upper())
            hdus = [fits.PrimaryHDU(), hdu]
        else:
            hdu = fits.PrimaryHDU(plane)
            hdus = [hdu]
        hdu.header.update(cards)
        fits.HDUList(hdus).writeto(context.files.write(f"{name}.fits"), overwrite=True)


def draw_widths(context: StepContext, inputs: Inputs, whole: Whole, results: dict[str, Any]) -> None:
    """Draw how wide the template's stars are."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.template_widths import half_light_widths, widths_plot  # noqa: PLC0415 - matplotlib

    x, y, mag, flags = (np.asarray(inputs.objects[name], float) for name in ("x", "y", "mag_calib", "flags"))
    clean = np.flatnonzero((flags == 0) & np.isfinite(mag) & np.isfinite(x) & np.isfinite(y))
    chosen = clean[np.argsort(mag[clean], kind="stable")[:_MOST_STARS]]
    fwhm = float(results.get("template_fwhm_px") or inputs.fwhm_px)
    plane = np.where(whole.template_mask, np.nan, whole.template)
    widths = half_light_widths(plane, x[chosen], y[chosen], fwhm_px=fwhm)
    context.files.write(WIDTHS).write_bytes(widths_plot(mag[chosen], widths, fwhm))


def measure_target(
    context: StepContext,
    inputs: Inputs,
    difference: Difference,
    tile: Tile,
    *,
    place: tuple[str, float, float],
    search: Search,
    whole: Whole,
    results: dict[str, Any],
) -> Outcome:
    """Measure the first target on the difference, and write it with its limit."""
    import numpy as np  # noqa: PLC0415 - OpenCV and astropy, for workers

    from hven.science.changes.candidates import measured  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.changes.cutout import cut_out, write_cutout  # noqa: PLC0415 - OpenCV and astropy, for workers
    from hven.science.changes.fitting import fit_profiles  # noqa: PLC0415 - OpenCV and astropy, for workers

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
    context.files.remove(*OLD)
    write_planes(context, inputs, whole)
    draw_widths(context, inputs, whole, results)
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
