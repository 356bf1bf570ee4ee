"""From an inspected frame and its projection to calibrated objects: measuring, refining, matching, fitting, limits."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.catalogues.photometric.filters import FILTERS, error_column, filter_named, magnitude_column
from hven.science.photometry.astrometry import refine_projection
from hven.science.photometry.inspection import Inspection, Log, Progress, silent
from hven.science.photometry.limits import limiting_magnitude, sky_errors
from hven.science.photometry.match import Pairs, is_alone, match_positions
from hven.science.photometry.measure import NOT_CLEAN, Measured, MeasureSettings, measure_objects
from hven.science.photometry.solution import Calibrators, ZeroPoint
from hven.science.photometry.zeropoint import Fit, FitSettings, calibrators_from, fit_zero_point
from hven.science.sky.wcs import Wcs

Floats = NDArray[np.float64]
Cone = Callable[[float, float, float], Table]  # right ascension, declination, radius in degrees
_WORST_ZP_ERR = 0.5  # magnitudes
_BLEND_FWHM = 2.0
_MATCH_FWHM = 0.5
_WIDER = 1.03  # of the frame's radius
_STEEP = 0.5


@dataclass(frozen=True, slots=True)
class CalibrateSettings:
    """How a frame is measured and calibrated."""

    measure: MeasureSettings = field(default_factory=MeasureSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    band: str | None = None  # a key of the filters; the inspection's where not given
    colour: tuple[str, str] | None = None  # keys of two filters; the band's own where not given
    filter_blends: bool = True
    match_radius_arcsec: float | None = None  # half a FWHM where not given
    refine: bool = True
    refine_order: int = 3
    diagnose_colour: bool = False  # try all bands of the catalogue


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measured and calibrated frame."""

    measured: (
        Measured  # objects with ra, dec, mag_calib, mag_calib_err, mag_filter_name, mag_color_name, mag_color_term
    )
    catalogue: Table  # as it came
    wcs: Wcs
    refined: bool
    pairs: Pairs  # objects with catalogue stars, all that match
    calibrators: Calibrators  # of the pairs
    fit: Fit
    limit_mag: float  # at the list's signal-to-noise ratio
    sky_error: float  # ADU, of an aperture, typical
    band: str  # a key of the filters
    columns: dict[str, str]  # mag, mag_err, colour1, colour2: names in the catalogue

    @property
    def zero_point(self) -> ZeroPoint:
        """The fitted calibration."""
        return self.fit.zero_point


def measure_and_calibrate(
    inspection: Inspection,
    wcs: Wcs,
    cone: Cone,
    settings: CalibrateSettings | None = None,
    *,
    log: Log = silent,
    progress: Progress = silent,
) -> Calibration:
    """Measure all objects of a frame and calibrate them with a catalogue.

    Parameters
    ----------
    inspection : Inspection
        The frame.
    wcs : Wcs
        Its projection; near enough where it is refined.
    cone : callable
        Returns the catalogue's rows in a circle (right ascension, declination, radius, ICRS degrees): a table with
        RAJ2000, DEJ2000 and for each band its magnitudes and errors, such as rmag and e_rmag.
    log, progress : callable
        Take sentences, and a fraction with words.

    Raises
    ------
    Invalid
        There are no objects, the catalogue lacks the band or does not fit the frame, or too few stars are left.

    """
    settings = settings or CalibrateSettings()
    band = filter_named(settings.band or inspection.band)
    progress(0.05, "Measuring objects")
    measured = measured_frame(inspection, settings.measure, log=log)
    progress(0.4, "Asking the catalogue")
    ra, dec = wcs.centre
    catalogue = cone(ra, dec, _WIDER * wcs.radius_deg)
    columns = catalogue_columns(catalogue, band, settings.colour, log)
    log(f"The catalogue has {len(catalogue)} stars around the frame; {columns['mag']} is calibrated to.")
    star_ra, star_dec = _column(catalogue, "RAJ2000"), _column(catalogue, "DEJ2000")
    star_mag = _column(catalogue, columns["mag"])
    refined = False
    if settings.refine:
        progress(0.5, "Refining the projection")
        solution = refine_projection(
            wcs, measured.objects, star_ra, star_dec, star_mag, fwhm_px=measured.fwhm_px, order=settings.refine_order
        )
        wcs, refined = solution.wcs, True
        log(
            f"The projection was refined on {len(solution.matches)} stars, which it meets within "
            f"{solution.rms_arcsec:.3f} arcsec (rms)."
        )
    progress(0.6, "Matching")
    pairs, calibrators = matched_stars(measured, wcs, catalogue, columns, settings=settings, log=log)
    progress(0.7, "Fitting the zero point")
    colour = (columns["colour1"], columns["colour2"]) if columns["colour1"] else None
    fit = fit_zero_point(
        calibrators, settings.fit, gain=inspection.gain, width=inspection.width, height=inspection.height,
        band=columns["mag"], colour=colour,
    )  # fmt: skip
    _describe(fit, colour, log)
    if not fit.zero_point.zp_err < _WORST_ZP_ERR:
        raise Invalid(
            f"The zero point is uncertain by {fit.zero_point.zp_err:.2f} mag, so it is none: check the gain, the "
            "projection and the filter."
        )
    if settings.diagnose_colour or abs(fit.zero_point.colour_term) > _STEEP:
        _try_bands(measured, wcs, catalogue, settings, inspection=inspection, log=log)
    progress(0.9, "Limits")
    objects = _calibrated(measured.objects, wcs, fit.zero_point)
    sky = sky_errors(np.asarray(objects["flux"], float), np.asarray(objects["fluxerr"], float), inspection.gain)
    clean = (np.asarray(objects["flags"]) & NOT_CLEAN) == 0
    typical = float(np.median(sky[clean] if clean.any() else sky))
    limit = float(limiting_magnitude(settings.measure.least_snr, typical, fit.zero_point.zp, inspection.gain))
    log(f"Stars of {limit:.2f} mag reach a signal-to-noise ratio of {settings.measure.least_snr:g}.")
    progress(1.0, "Calibrated")
    return Calibration(
        replace(measured, objects=objects), catalogue, wcs, refined, pairs, calibrators, fit, limit, typical, band,
        columns,
    )  # fmt: skip


def measured_frame(inspection: Inspection, settings: MeasureSettings, *, log: Log = silent) -> Measured:
    """Measure the objects of an inspected frame; Invalid where there are none."""
    measured = measure_objects(
        inspection.residual, inspection.background, inspection.bits, settings,
        gain=inspection.gain, guess_fwhm_px=inspection.guess_fwhm_px,
    )  # fmt: skip
    flags = np.asarray(measured.objects["flags"])
    log(
        f"{len(measured.objects)} objects, {int(np.count_nonzero(flags == 0))} of them without any flag and "
        f"{int(np.count_nonzero(flags & 0x800))} without the shape of a star."
    )
    log(
        f"Stars have a FWHM of {measured.fwhm_px:.2f} pixels (twice the half-light radius, median of "
        f"{measured.fwhm_stars}); the aperture's radius is {measured.aperture_px:.2f} pixels."
    )
    for note in measured.notes:
        log(note)
    return measured


def catalogue_columns(
    catalogue: Table, band: str, colour: tuple[str, str] | None = None, log: Log = silent
) -> dict[str, str]:
    """Return the names of a band's columns in a catalogue, empty where a colour is not to be had.

    Raises
    ------
    Invalid
        The catalogue is empty or lacks the band.

    """
    if not len(catalogue):
        raise Invalid("The catalogue has no stars around this frame; choose another, or a fainter limit.")
    names = set(catalogue.colnames)
    mag = magnitude_column(band)
    if mag not in names:
        had = [key for key in FILTERS if magnitude_column(key) in names]
        raise Invalid(f"The catalogue has no magnitudes in {band}; it has {', '.join(had) or 'none'}.")
    first, second = colour or FILTERS[band].colour
    columns = {"mag": mag, "mag_err": error_column(band), "colour1": "", "colour2": ""}
    if {magnitude_column(first), magnitude_column(second)} <= names:
        columns |= {"colour1": magnitude_column(first), "colour2": magnitude_column(second)}
    else:
        log(f"The catalogue lacks {first} or {second}, so there is no colour term.")
    return columns


def matched_stars(
    measured: Measured, wcs: Wcs, catalogue: Table, columns: dict[str, str], *, settings: CalibrateSettings, log: Log
) -> tuple[Pairs, Calibrators]:
    """Pair objects with catalogue stars; Invalid where hardly any go together."""
    objects = measured.objects
    x, y = np.asarray(objects["x"], float), np.asarray(objects["y"], float)
    star_x, star_y = wcs.to_pixel(_column(catalogue, "RAJ2000"), _column(catalogue, "DEJ2000"))
    radius = _MATCH_FWHM * measured.fwhm_px
    if settings.match_radius_arcsec:
        radius = settings.match_radius_arcsec / wcs.scale_arcsec
    pairs = match_positions(x, y, star_x, star_y, radius)
    on_frame = int(np.count_nonzero(wcs.contains(_column(catalogue, "RAJ2000"), _column(catalogue, "DEJ2000"))))
    if len(pairs) < 3:
        raise Invalid(
            f"Only {len(pairs)} of {len(objects)} objects lie within {radius * wcs.scale_arcsec:.2f} arcsec of one of "
            f"the {on_frame} catalogue stars on the frame; the projection is wrong, or the catalogue ends above them."
        )
    usable = (np.asarray(objects["flags"])[pairs.object] & NOT_CLEAN) == 0
    if settings.filter_blends:
        usable &= is_alone(star_x, star_y, _BLEND_FWHM * measured.fwhm_px)[pairs.star]
    if np.count_nonzero(usable) < 3:
        usable = np.ones(len(pairs), np.bool_)
        log("Hardly any matched star is free of flags and blends, so all are used; the zero point may be rough.")
    log(
        f"{len(pairs)} objects match a catalogue star within {radius * wcs.scale_arcsec:.2f} arcsec; "
        f"{int(np.count_nonzero(usable))} of them are free of flags and blends."
    )
    return pairs, _calibrators(measured, catalogue, columns, pairs, usable)


def _calibrators(
    measured: Measured, catalogue: Table, columns: dict[str, str], pairs: Pairs, usable: NDArray[np.bool_]
) -> Calibrators:
    objects = measured.objects

    def own(name: str) -> Floats:
        return np.asarray(objects[name], float)[pairs.object]

    def star(name: str) -> Floats | None:
        return _column(catalogue, name)[pairs.star] if name else None

    first, second = columns["colour1"], columns["colour2"]
    mag = _column(catalogue, columns["mag"])[pairs.star]
    return calibrators_from(
        x=own("x"), y=own("y"), mag=own("mag"), magerr=own("magerr"),
        catalogue_mag=mag, catalogue_err=_column(catalogue, columns["mag_err"])[pairs.star],
        first=star(first), first_err=star(f"e_{first}" if first else ""),
        second=star(second), second_err=star(f"e_{second}" if second else ""),
        band_in_colour=(columns["mag"] == first) - (columns["mag"] == second), usable=usable,
    )  # fmt: skip


def _describe(fit: Fit, colour: tuple[str, str] | None, log: Log) -> None:
    zero_point = fit.zero_point
    log(
        f"Zero point {zero_point.zp:.4f} +- {zero_point.zp_err:.4f} in the frame's middle, order "
        f"{zero_point.spatial_order}, from {zero_point.stars_used} of {zero_point.stars_matched} matched stars; they "
        f"scatter by {zero_point.scatter_mag:.3f} mag, {zero_point.intrinsic_mag:.3f} beyond their errors."
    )
    if colour and zero_point.colour_term:
        log(
            f"Colour term {zero_point.colour_term:+.4f} +- {zero_point.colour_term_err:.4f} per "
            f"({colour[0]} - {colour[1]}), as added to instrumental magnitudes."
        )
    for warning in zero_point.warnings:
        log(f"Warning: {warning}")


def _try_bands(
    measured: Measured, wcs: Wcs, catalogue: Table, settings: CalibrateSettings, *, inspection: Inspection, log: Log
) -> None:
    """Say how well each band of the catalogue would do, for a frame whose filter is in doubt."""
    for key in FILTERS:
        if magnitude_column(key) not in catalogue.colnames:
            continue
        try:
            columns = catalogue_columns(catalogue, key)
            _, stars = matched_stars(measured, wcs, catalogue, columns, settings=settings, log=silent)
            fit = fit_zero_point(
                stars, settings.fit, gain=inspection.gain, width=inspection.width, height=inspection.height
            )
        except Invalid:
            continue
        log(
            f"As {key}: colour term {fit.zero_point.colour_term:+.3f}, scatter {fit.zero_point.scatter_mag:.3f} mag, "
            f"{fit.zero_point.stars_used} stars."
        )


def _calibrated(objects: Table, wcs: Wcs, zero_point: ZeroPoint) -> Table:
    """Return the objects with their places in the sky and calibrated magnitudes."""
    table = objects.copy(copy_data=False)
    x, y = np.asarray(table["x"], float), np.asarray(table["y"], float)
    table["ra"], table["dec"] = wcs.to_sky(x, y)
    table["ra"].unit = table["dec"].unit = "deg"
    mag, error = np.asarray(table["mag"], float), np.asarray(table["magerr"], float)
    table["mag_calib"] = zero_point.calibrated(mag, x, y)
    table["mag_calib_err"] = np.hypot(error, zero_point.error_at(x, y))
    for name, value in named_columns(zero_point).items():
        table[name] = np.full(len(table), value)
    return table


def named_columns(zero_point: ZeroPoint) -> dict[str, Any]:
    """Return what a row says of its calibration: band, colour, colour term."""
    colour = " - ".join(zero_point.colour) if zero_point.colour else ""
    return {
        "mag_filter_name": zero_point.band,
        "mag_color_name": colour,
        "mag_color_term": zero_point.colour_term,
    }


def _column(table: Table, name: str) -> Floats:
    """Return a column's numbers with NaN where they are missing; all NaN where there is no such column."""
    if name not in table.colnames:
        return np.full(len(table), np.nan)
    values = table[name]
    return np.asarray(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan), np.float64)
