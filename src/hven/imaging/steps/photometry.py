"""The step that measures a frame's objects, calibrates them with a catalogue, and measures the targets."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

from hven.errors import Invalid
from hven.imaging.services import catalogues
from hven.imaging.services.solver_data import solver_data
from hven.imaging.steps import inspect as first
from hven.imaging.steps.context import Placed, StepContext
from hven.imaging.steps.given import custom_mask, gain_of, given_targets, mask_bits
from hven.imaging.steps.photometry_files import write_files, write_targets
from hven.imaging.steps.photometry_keys import KEYS, SETS, WRITES
from hven.imaging.steps.registry import Outcome, Step, register

if TYPE_CHECKING:
    from astropy.table import Table

    from hven.science.frames.frame import Frame
    from hven.science.photometry.inspection import Inspection
    from hven.science.photometry.pipeline import CalibrateSettings, Calibration
    from hven.science.sky.wcs import Wcs

MEMO = "calibration"
_WIDEST_DEG = 15.0  # radius of a frame that a catalogue is asked for
_SETTLED = (
    "fwhm", "pixscale", "mag_limit", "zp", "zp_err", "color_term", "color_term_err", "mag_system", "bjd_tdb",
    "field_ra", "field_dec", "field_sr",
)  # fmt: skip


def run(context: StepContext) -> Outcome:
    """Measure, solve where wanted, calibrate, and write what was found."""
    from hven.science.photometry.pipeline import measure_and_calibrate  # noqa: PLC0415 - OpenCV, for workers

    started = clock.monotonic()

    def log(line: str) -> None:
        context.log(f"{clock.monotonic() - started:.2f} s: {line}" if context.value("timing") else line)

    frame = first.read_image(context)
    inspection = _inspection(context, frame, log)
    wcs = _projection(context, frame, log)
    if wcs.radius_deg > _WIDEST_DEG:
        raise Invalid(
            f"The frame has a radius of {wcs.radius_deg:.0f} degrees; photometry takes up to {_WIDEST_DEG:.0f}."
        )
    settings = _settings(context, inspection)
    calibration = measure_and_calibrate(
        inspection,
        wcs,
        lambda ra, dec, radius: _reference(context, inspection, (ra, dec, radius), frame, log),
        settings,
        log=log,
        progress=lambda fraction, words: context.tell(0.1 + 0.5 * fraction, words),
    )
    for name in _SETTLED:
        context.config.pop(name, None)
    _keep(context, calibration)
    context.tell(0.65, "Measuring the targets")
    targets = _measured_targets(context, inspection, calibration, settings, log)
    context.tell(0.7, "Writing files and pictures")
    write_files(context, frame, inspection, calibration, settings)
    write_targets(context, frame, inspection, calibration, targets)
    context.memo[MEMO] = calibration
    zero_point = calibration.zero_point
    return Outcome(
        {
            "objects": len(calibration.measured.objects),
            "fwhm_px": calibration.measured.fwhm_px,
            "zero_point": zero_point.zp,
            "zero_point_err": zero_point.zp_err,
            "colour_term": zero_point.colour_term,
            "colour_term_err": zero_point.colour_term_err,
            "stars_used": zero_point.stars_used,
            "limit_mag": calibration.limit_mag,
            "warnings": list(zero_point.warnings),
            "targets": [] if targets is None else len(targets),
        }
    )


def _inspection(context: StepContext, frame: Frame, log: Any) -> Inspection:
    """Return the inspection of this run, or of the mask that an earlier one left, or a new one."""
    from hven.science.catalogues.photometric.filters import filter_named  # noqa: PLC0415 - as above
    from hven.science.photometry.inspection import (  # noqa: PLC0415 - as above
        InspectSettings,
        inspect,
        inspected_again,
        with_mask,
    )

    remembered = context.memo.get(first.MEMO)
    if remembered is not None and remembered[0] == first.inspected_files(context):
        found: Inspection = remembered[1]
        if (found.gain, found.saturation, found.band, found.mesh_px) == tuple(
            context.value(name) for name in ("gain", "saturation", "filter", "bg_size")
        ):
            return found
    excluded = custom_mask(context, frame)
    bits = mask_bits(context, frame)
    if bits is None:
        log("The frame was not inspected before; it is now, with the defaults.")
        return inspect(
            frame.data,
            frame.meaning,
            InspectSettings(
                gain=gain_of(context),
                saturation=context.value("saturation"),
                band=context.value("filter"),
                mesh_px=context.value("bg_size"),
            ),
            missing=frame.mask,
            excluded=excluded,
            log=log,
        )
    again = inspected_again(
        frame.data,
        bits,
        gain=gain_of(context) or frame.meaning.gain or 1.0,
        saturation=context.value("saturation") or frame.meaning.saturation or float("inf"),
        band=filter_named(context.value("filter") or "r"),
        mesh_px=context.value("bg_size") or 0,
    )
    return with_mask(again, excluded) if excluded is not None else again


def _projection(context: StepContext, frame: Frame, log: Any) -> Wcs:
    """Return the frame's projection, looked for where that is wanted or none is known."""
    known = first.frame_wcs(context, frame)
    if known is not None and not context.value("blind_match_wcs"):
        return known
    return _solved(context, frame, known, log)


def _solved(context: StepContext, frame: Frame, known: Wcs | None, log: Any) -> Wcs:
    from hven.science.photometry.targets import parse_targets  # noqa: PLC0415 - as above
    from hven.science.stars.ladder import solve  # noqa: PLC0415 - the solvers, for workers
    from hven.science.stars.solution import Hints  # noqa: PLC0415 - as above
    from hven.science.stars.tables import write_wcs  # noqa: PLC0415 - as above

    context.tell(0.05, "Finding the place in the sky")
    ra = dec = None
    for target in parse_targets(context.value("blind_match_center") or "")[:1]:
        place = first.resolved(context, target) or {}
        ra, dec = place.get("ra"), place.get("dec")
    low, high = context.value("blind_match_ps_lo"), context.value("blind_match_ps_up")
    hints = []
    if ra is not None or low is not None or high is not None:
        hints = [
            Hints(scale_low=low, scale_high=high, ra=ra, dec=dec,
                  radius=context.value("blind_match_sr0") if ra is not None else None, source="user")
        ]  # fmt: skip
    if known is not None:
        hints.append(Hints(wcs=known, source="header"))
    data = solver_data(context.tell)
    result = solve(frame, hints, data, time_limit=context.value("solve_limit"), cancelled=context.cancelled)
    if result.solution is None:
        raise Invalid(f"The frame's place in the sky was not found: {result.reason}")
    solution = result.solution
    log(f"Solved by {solution.rung}: {len(solution.matches)} stars within {solution.rms_arcsec:.2f} arcsec (rms).")
    write_wcs(context.files.write(first.WCS), solution.wcs, (f"Found by {solution.rung}",))
    context.set("blind_match_wcs", False)
    return solution.wcs


def _reference(
    context: StepContext, inspection: Inspection, cone: tuple[float, float, float], frame: Frame, log: Any
) -> Table:
    """Return the catalogue's stars around the frame."""
    from hven.science.catalogues.photometric.known import catalogue_for  # noqa: PLC0415 - as above

    name = context.value("cat_name") or catalogue_for(inspection.band, cone[1])
    middle = frame.meaning.middle
    epoch = None if middle is None else 2000.0 + (middle.timestamp() / 86400 - 10957.5) / 365.25
    rows = catalogues.reference_rows(
        name, *cone, limit=context.value("cat_limit"), log=log, epoch=epoch, band=inspection.band
    )
    context.memo["reference"] = rows
    return rows.table


def _settings(context: StepContext, inspection: Inspection) -> CalibrateSettings:
    from hven.science.photometry.measure import MeasureSettings  # noqa: PLC0415 - as above
    from hven.science.photometry.pipeline import CalibrateSettings  # noqa: PLC0415 - as above
    from hven.science.photometry.zeropoint import FitSettings  # noqa: PLC0415 - as above

    value = context.value
    if value("rel_bg2") <= value("rel_bg1"):
        raise Invalid("rel_bg2, the outer radius of the sky's annulus, must be larger than rel_bg1, the inner one.")
    low, high = value("cat_mag_lower"), value("cat_mag_upper")
    if low is not None and high is not None and low >= high:
        raise Invalid("cat_mag_lower must be smaller than cat_mag_upper.")
    return CalibrateSettings(
        measure=MeasureSettings(
            least_area_px=value("minarea"),
            smoothing_px=value("initial_r0"),
            least_snr=value("sn"),
            fwhm_px=value("fwhm_override"),
            aperture_fwhm=value("rel_aper"),
            ring_inner_fwhm=value("rel_bg1"),
            ring_outer_fwhm=value("rel_bg2"),
            optimal=value("optimal_extraction"),
            filter_shapes=value("prefilter_detections"),
        ),
        fit=FitSettings(
            spatial_order=value("spatial_order"),
            use_colour=value("use_color"),
            colour_term=value("force_color_term"),
            nonlinear=value("nonlin"),
            background_order=value("bg_order"),
            brightest=low,
            faintest=high,
        ),
        band=inspection.band,
        filter_blends=value("filter_blends"),
        match_radius_arcsec=value("sr_override"),
        refine=value("refine_wcs"),
        refine_order=value("refine_order"),
        diagnose_colour=value("diagnose_color"),
    )


def _keep(context: StepContext, calibration: Calibration) -> None:
    """Set the keys that later steps and people read."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.catalogues.photometric.systems import magnitude_system  # noqa: PLC0415 - as above
    from hven.science.stars.tables import write_wcs  # noqa: PLC0415 - as above

    wcs, columns, zero_point = calibration.wcs, calibration.columns, calibration.zero_point
    if calibration.refined:
        write_wcs(context.files.write(first.WCS), wcs, ("Refined on the stars of the photometric catalogue",))
        context.set("refine_wcs", False)
    ra, dec = wcs.centre
    apart = wcs.scale_arcsec * np.asarray(calibration.pairs.distance_px, float)
    rows = context.memo.get("reference")
    context.placed = Placed(
        wcs,
        stars=len(apart),
        rms_arcsec=float(np.sqrt(np.mean(apart**2))) if len(apart) else 0.0,
        catalogue=rows.source if rows is not None else "",
        how="refined on the photometric catalogue" if calibration.refined else "given, checked by the catalogue",
    )
    context.set("fwhm", calibration.measured.fwhm_px)
    context.set("pixscale", wcs.scale_arcsec / 3600)
    context.set("mag_limit", calibration.limit_mag)
    context.set("zp", zero_point.zp)
    context.set("zp_err", zero_point.zp_err)
    context.set("color_term", zero_point.colour_term)
    context.set("color_term_err", zero_point.colour_term_err)
    context.set("mag_system", magnitude_system(calibration.band))
    context.set("field_ra", ra)
    context.set("field_dec", dec)
    context.set("field_sr", wcs.radius_deg)
    context.set("cat_col_mag", columns["mag"])
    context.set("cat_col_mag_err", columns["mag_err"])
    context.set("cat_col_color_mag1", columns["colour1"])
    context.set("cat_col_color_mag2", columns["colour2"])


def _measured_targets(
    context: StepContext, inspection: Inspection, calibration: Calibration, settings: CalibrateSettings, log: Any
) -> Table | None:
    """Measure the targets on the frame; None where there are none."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.photometry.forced import ForcedSettings, forced_photometry  # noqa: PLC0415 - as above
    from hven.science.photometry.pipeline import named_columns  # noqa: PLC0415 - as above

    targets = _placed_targets(context, calibration.wcs, (inspection.width, inspection.height), log)
    if not targets:
        return None
    table = forced_photometry(
        calibration.measured,
        inspection.background,
        inspection.bits,
        np.array([one["at"][0] for one in targets]),
        np.array([one["at"][1] for one in targets]),
        settings=settings.measure,
        forced=ForcedSettings(snr=settings.measure.least_snr, centroid=context.value("centroid_targets")),
        gain=inspection.gain,
        zero_point=calibration.zero_point,
    )
    ra, dec = calibration.wcs.to_sky(np.asarray(table["x"]), np.asarray(table["y"]))
    table.add_column(ra, name="ra", index=0)
    table.add_column(dec, name="dec", index=1)
    table["ra"].unit = table["dec"].unit = "deg"
    if context.value("centroid_targets"):
        table["ra_orig"] = np.array([float(one["ra"]) for one in targets])
        table["dec_orig"] = np.array([float(one["dec"]) for one in targets])
    for name, value in named_columns(calibration.zero_point).items():
        table[name] = np.full(len(table), value)
    table["name"] = np.array([str(one.get("name", "")) for one in targets])
    for row in table:
        log(
            f"{row['name']}: {row['mag_calib']:.3f} +- {row['mag_calib_err']:.3f} mag, limit {row['mag_limit']:.2f}, "
            f"at x = {row['x']:.2f}, y = {row['y']:.2f}."
        )
    return table


def _placed_targets(context: StepContext, wcs: Wcs, size: tuple[int, int], log: Any) -> list[dict[str, Any]]:
    """Return the targets with their pixels, `at`; the first must lie on the frame, others that do not are left out."""
    kept = []
    targets = given_targets(context)
    for target in targets:
        if "x" in target:
            x, y = target["x"], target["y"]
            ra, dec = wcs.to_sky(x, y)
            target |= {"ra": float(ra), "dec": float(dec)}
        else:
            x, y = (float(value) for value in wcs.to_pixel(target["ra"], target["dec"]))
        if -0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5:
            kept.append({**target, "at": (x, y)})
            continue
        sentence = f"The target {str(target.get('name', ''))[:60]} is off the frame"
        if target is targets[0]:
            raise Invalid(f"{sentence}; give another one, or check the frame's projection.")
        log(f"{sentence} and left out.")
    if targets:
        context.set("targets", targets)
    return kept


register(
    Step(
        key="photometry",
        title="Photometry",
        doc="Measures all objects and calibrates them with a catalogue; refines the projection; measures the targets.",
        function=run,
        keys=KEYS,
        writes=WRITES,
        sets=SETS,
        stem="photometry",
    )
)
