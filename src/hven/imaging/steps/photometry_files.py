"""What the step photometry leaves in the folder: tables, planes, cutouts, pictures, and the calibration for later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hven.errors import Invalid
from hven.imaging.steps.context import StepContext

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Table

    from hven.science.frames.frame import Frame
    from hven.science.photometry.inspection import Inspection
    from hven.science.photometry.pipeline import CalibrateSettings, Calibration
    from hven.science.photometry.solution import ZeroPoint
    from hven.science.sky.wcs import Wcs

OBJECTS, CATALOGUE, RECORD = "objects.parquet", "cat.parquet", "photometry.json"
SEGMENTATION, FILTERED, TARGETS = "segmentation.fits", "filtered.fits", "target.vot"
_OLD = (
    "image_bg.fits", "image_rms.fits", "photometry.pickle", TARGETS, "targets/",
)  # fmt: skip


def write_files(
    context: StepContext, frame: Frame, inspection: Inspection, calibration: Calibration, settings: CalibrateSettings
) -> None:
    """Write what all frames leave."""
    from astropy.io import fits  # noqa: PLC0415 - for workers

    from hven.science.photometry.plots import draw_plots  # noqa: PLC0415 - matplotlib, likewise

    files = context.files
    files.remove(*_OLD)
    write_table(files.write(OBJECTS), calibration.measured.objects)
    write_table(files.write(CATALOGUE), calibration.catalogue)
    record = {
        "zero_point": calibration.zero_point.to_json(),
        "wcs": calibration.wcs.to_cards(),
        "fwhm_px": calibration.measured.fwhm_px,
        "aperture_px": calibration.measured.aperture_px,
        "ring_inner_fwhm": settings.measure.ring_inner_fwhm,
        "ring_outer_fwhm": settings.measure.ring_outer_fwhm,
        "optimal": settings.measure.optimal,
        "sky_error_adu": calibration.sky_error,
        "limit_mag": calibration.limit_mag,
        "limit_snr": settings.measure.least_snr,
        "gain": inspection.gain,
        "band": calibration.band,
        "columns": calibration.columns,
        "time": None if frame.meaning.middle is None else frame.meaning.middle.isoformat(),
        "bjd_tdb": _barycentric(frame, *calibration.wcs.centre),
    }
    if record["bjd_tdb"] is not None:
        context.set("bjd_tdb", record["bjd_tdb"])
    files.write(RECORD).write_text(json.dumps(record), encoding="utf-8")
    segmentation = fits.CompImageHDU(calibration.measured.segmentation, compression_type="RICE_1", name="SEGMENTATION")
    fits.HDUList([fits.PrimaryHDU(), segmentation]).writeto(files.write(SEGMENTATION), overwrite=True)
    fits.writeto(files.write(FILTERED), calibration.measured.image, overwrite=True)
    if context.value("inspect_bg"):
        height = inspection.height
        fits.writeto(files.write("image_bg.fits"), inspection.background.level.rows(0, height), overwrite=True)
        fits.writeto(files.write("image_rms.fits"), inspection.background.noise.rows(0, height), overwrite=True)
    context.tell(0.8, "Drawing pictures")
    for name, content in draw_plots(inspection, calibration, settings.measure.least_snr).items():
        files.write(name).write_bytes(content)


def write_targets(
    context: StepContext, frame: Frame, inspection: Inspection, calibration: Calibration, targets: Table | None
) -> None:
    """Write the targets' table and a cutout of each."""
    from hven.science.changes.cutout import cut_out, write_cutout  # noqa: PLC0415 - as above

    if targets is None:
        return
    targets.write(context.files.write(TARGETS), format="votable", overwrite=True)
    planes: dict[str, Any] = {"IMAGE": inspection.data, "MASK": inspection.bits, "FILTERED": calibration.measured.image}
    when = context.value("time") or (frame.meaning.middle.isoformat() if frame.meaning.middle else "")
    for number, row in enumerate(targets):
        cards = {name: row[name] for name in targets.colnames if name != "name"}
        bjd = _barycentric(frame, float(row["ra"]), float(row["dec"]))
        if bjd is not None:
            cards["BJD_TDB"] = bjd
        half, name = context.value("cutout_size"), str(row["name"])
        cutout = cut_out(planes, cards, half, wcs=calibration.wcs, time=when, name=name)
        write_cutout(context.files.write(f"targets/target_{number:04d}.cutout"), cutout)


def write_table(path: Path, table: Table) -> None:
    """Write a table as Parquet, with astropy's own metadata for units; object columns become text."""
    table.write(path, format="parquet", overwrite=True)


def read_record(path: Path) -> dict[str, Any]:
    """Read photometry.json; Invalid where it is something else.

    What is there for certain: zero_point and wcs are objects, fwhm_px, aperture_px and gain numbers, band a text.
    """
    wrong = Invalid(f"{RECORD} is not what photometry writes; run photometry again.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        good = (
            isinstance(found, dict)
            and all(isinstance(found.get(name), dict) for name in ("zero_point", "wcs"))
            and isinstance(found.get("band"), str)
            and all(
                isinstance(found.get(name), int | float) and 0 < found[name] <= most
                for name, most in (("fwhm_px", 500), ("aperture_px", 5000), ("gain", 1e30))
            )
        )
    except (OSError, ValueError, RecursionError):
        raise wrong from None
    if not good:
        raise wrong
    return {**found, **{name: float(found[name]) for name in ("fwhm_px", "aperture_px", "gain")}}


def recorded_zero_point(record: dict[str, Any]) -> ZeroPoint:
    """Return the zero point of a record; Invalid where it has none."""
    from hven.science.photometry.solution import ZeroPoint  # noqa: PLC0415 - as above

    return ZeroPoint.from_json(record["zero_point"])


def recorded_wcs(record: dict[str, Any], width: int, height: int) -> Wcs:
    """Return the projection of a record; Invalid where it has none."""
    from hven.science.sky.wcs import Wcs  # noqa: PLC0415 - as above

    wcs = Wcs.from_cards(record["wcs"], width, height)
    if wcs is None:
        raise Invalid(f"{RECORD} has no projection; run photometry again.")
    return wcs


def _barycentric(frame: Frame, ra: float, dec: float) -> float | None:
    """Return the middle of the exposure as BJD in TDB, None where the header tells no time."""
    from hven.science.photometry.times import Place, barycentric_julian_date  # noqa: PLC0415 - as above

    meaning = frame.meaning
    if meaning.middle is None:
        return None
    site = None
    if meaning.site_latitude is not None and meaning.site_longitude is not None:
        site = Place(meaning.site_latitude, meaning.site_longitude, meaning.site_elevation_m or 0.0)
    return barycentric_julian_date(meaning.middle, ra, dec, site)
