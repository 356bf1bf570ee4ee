"""The step that looks at a frame first: gain, filter, mask, sky, targets, and defaults for the steps to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hven.errors import Invalid, NotFound, Unavailable
from hven.imaging.services import outside
from hven.imaging.services.limits import frame_limits
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.given import CUSTOM_MASK, MASK, custom_mask, gain_of, middle_of
from hven.imaging.steps.registry import Key, Outcome, Step, register
from hven.imaging.steps.shared import BACKGROUND_SIZE, CATALOGUE, FILTER, GAIN, SATURATION, TIME, TIMING
from hven.imaging.steps.workspace import IMAGE

if TYPE_CHECKING:
    from hven.science.frames.frame import Frame
    from hven.science.photometry.inspection import Inspection
    from hven.science.photometry.targets import Target
    from hven.science.sky.wcs import Wcs

WCS, TARGET_IMAGE = "image.wcs", "image_target.fits"
MEMO = "inspection"
_TARGET_HALF = 100
_WIDEST_SCALE = 100.0  # arcsec/px: a projection with larger pixels is no telescope's

TARGET = Key("target", "text", "Names, coordinates or x=.. y=.. (0-based pixels), one in each line; by default the"
             " header's TARGET.")  # fmt: skip
MASK_COSMICS = Key("mask_cosmics", "bool", "Whether cosmic rays are masked.", default=True)


def run(context: StepContext) -> Outcome:
    """Inspect the frame, write its mask, and fill in what nobody has said."""
    from hven.science.photometry.inspection import InspectSettings, inspect  # noqa: PLC0415 - OpenCV, for workers

    frame = read_image(context)
    for note in frame.notes:
        context.log(note)
    middle_of(context, frame)  # what is no time is told before anything is measured
    user_mask = custom_mask(context, frame)
    inspection = inspect(
        frame.data,
        frame.meaning,
        InspectSettings(
            gain=gain_of(context),
            saturation=context.value("saturation"),
            band=context.value("filter"),
            mesh_px=context.value("bg_size"),
            mask_cosmics=context.value("mask_cosmics"),
        ),
        missing=frame.mask,
        excluded=user_mask,
        log=context.log,
        progress=lambda fraction, words: context.tell(0.8 * fraction, words),
    )
    wcs = frame_wcs(context, frame)
    _write_mask(context, inspection)
    context.memo[MEMO] = memo_of(context, inspection)
    _fill_in(context, frame, inspection, wcs)
    targets = _targets(context, frame, wcs)
    _keep_targets(context, targets, inspection, wcs)
    return Outcome(
        {
            "sky_adu": float(_middle(inspection.background.level.values)),
            "noise_adu": float(_middle(inspection.background.noise.values)),
            "masked_share": inspection.masked_share,
            "cosmic_px": inspection.cosmic_px,
            "fwhm_px": inspection.guess_fwhm_px,
            "targets": len(targets),
        }
    )


def read_image(context: StepContext) -> Frame:
    """Return the reduction's frame."""
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - astropy, for workers

    path = context.files.need(IMAGE, "The task has no frame; upload one as image.fits.")
    return read_frame(path, limits=frame_limits())


def frame_wcs(context: StepContext, frame: Frame) -> Wcs | None:
    """Return the frame's projection: that of image.wcs, else the header's; None where neither is any good."""
    from hven.science.frames.header import wcs_from  # noqa: PLC0415 - as above

    path = context.files.find(WCS)
    wcs = _wcs_of_file(path, frame.width, frame.height) if path is not None else None
    wcs = wcs or wcs_from(frame)
    return wcs if wcs is not None and 0 < wcs.scale_arcsec < _WIDEST_SCALE else None


def memo_of(context: StepContext, inspection: Inspection) -> tuple[tuple[str, ...], Inspection]:
    """Return an inspection with what it was made of, for later steps of the same run."""
    return inspected_files(context), inspection


def inspected_files(context: StepContext) -> tuple[str, ...]:
    """Return what says whether the frame and the user's mask are still the same."""
    return tuple(f"{name} {context.files.find(name)}" for name in (IMAGE, CUSTOM_MASK))


def resolved(context: StepContext, target: Target) -> dict[str, Any] | None:
    """Return a target with its place: from its coordinates, or by its name; None where nobody could be asked.

    Raises
    ------
    NotFound
        Nobody knows the name.
    """
    if not target.needs_name:
        if target.x is not None:
            return {"name": target.name, "x": target.x, "y": target.y}
        return {"name": target.name, "ra": target.ra, "dec": target.dec}
    try:
        place = outside.named_place(target.name)
    except Unavailable as error:
        context.log(f"The place of {target.name} is not known: {error}")
        return None
    context.log(f"{target.name} is {place.name}, at {place.ra:.6f} {place.dec:+.6f}.")
    return {"name": target.name, "ra": place.ra, "dec": place.dec}


def _wcs_of_file(path: Any, width: int, height: int) -> Wcs | None:
    from astropy.io import fits  # noqa: PLC0415 - as above

    from hven.science.sky.wcs import Wcs  # noqa: PLC0415 - as above

    try:
        with fits.open(path) as hdus:
            return Wcs.from_cards(dict(hdus[0].header), width, height)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise Invalid(f"{WCS} cannot be read; remove it, or solve the frame anew.") from error


def _write_mask(context: StepContext, inspection: Inspection) -> None:
    from astropy.io import fits  # noqa: PLC0415 - as above

    hdu = fits.CompImageHDU(inspection.bits, compression_type="RICE_1", name="MASK")
    for bit, words in (
        (1, "no value"),
        (2, "saturated"),
        (4, "cosmic ray"),
        (8, "excluded"),
        (16, "far below the sky"),
    ):
        hdu.header[f"MASKBIT{bit.bit_length() - 1}"] = (words, f"of value {bit}")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(context.files.write(MASK), overwrite=True)


def _fill_in(context: StepContext, frame: Frame, inspection: Inspection, wcs: Wcs | None) -> None:
    """Keep what the inspection found, where the user had not said it."""
    from hven.science.catalogues.photometric.known import SOUTHERN, catalogue_for  # noqa: PLC0415 - as above

    middle = frame.meaning.middle
    dec = wcs.centre[1] if wcs is not None else frame.meaning.dec
    found: dict[str, Any] = {
        "gain": inspection.gain,
        "saturation": inspection.saturation,
        "filter": inspection.band,
        "bg_size": inspection.mesh_px,
        "time": middle.isoformat(timespec="milliseconds").replace("+00:00", "") if middle is not None else None,
        "cat_name": catalogue_for(inspection.band, dec),
        "template": "skymapper" if dec is not None and dec < SOUTHERN else "ps1",
        "blind_match_wcs": True if wcs is None else None,
    }
    for name, value in found.items():
        if value is not None and context.config.get(name) in (None, ""):
            context.set(name, value)
    # what was said in other words, or cannot be (a gain of 0), stands as it was used
    context.set("filter", inspection.band)
    context.set("gain", inspection.gain)


def _targets(context: StepContext, frame: Frame, wcs: Wcs | None) -> list[dict[str, Any]]:
    from hven.science.frames.cards import as_mapping  # noqa: PLC0415 - as above
    from hven.science.photometry.targets import parse_targets  # noqa: PLC0415 - as above

    said = context.value("target")
    own = as_mapping(frame.cards).get("TARGET") if said is None else None
    targets = parse_targets(said if said is not None else str(own or ""))
    found = []
    for target in targets:
        try:
            place = resolved(context, target)
        except NotFound as error:
            if said is not None:
                raise Invalid(str(error)) from error
            context.log(f"The header's target is left out: {error}")
            continue
        if place is not None:
            found.append(_both_places(place, wcs))
    if said and targets:
        context.set("subtraction_mode", "target")
    elif targets and context.config.get("target") is None:
        context.set("target", "\n".join(target.name for target in targets))
    return found


def _both_places(place: dict[str, Any], wcs: Wcs | None) -> dict[str, Any]:
    """Add the sky to pixels where there is a projection."""
    if wcs is not None and "x" in place:
        ra, dec = wcs.to_sky(place["x"], place["y"])
        return {**place, "ra": float(ra), "dec": float(dec)}
    return place


def _keep_targets(context: StepContext, targets: list[dict[str, Any]], inspection: Inspection, wcs: Wcs | None) -> None:
    context.set("targets", targets)
    if not targets:
        return
    first = targets[0]
    if "ra" in first:
        context.set("target_ra", first["ra"])
        context.set("target_dec", first["dec"])
        if not context.config.get("blind_match_center"):
            context.set("blind_match_center", f"{first['ra']:.6f} {first['dec']:+.6f}")
    x, y = first.get("x"), first.get("y")
    if x is None and wcs is not None:
        x, y = (float(value) for value in wcs.to_pixel(first["ra"], first["dec"]))
    if x is None or y is None or not (0 <= x < inspection.width and 0 <= y < inspection.height):
        if x is not None:
            context.log(f"The target {first['name']} is off the frame.")
        return
    _write_target_image(context, inspection, x, y, wcs)


def _write_target_image(context: StepContext, inspection: Inspection, x: float, y: float, wcs: Wcs | None) -> None:
    from astropy.io import fits  # noqa: PLC0415 - as above

    from hven.science.changes.cutout import cut_out  # noqa: PLC0415 - as above

    cutout = cut_out({"IMAGE": inspection.data}, {"x": x, "y": y}, _TARGET_HALF, wcs=wcs)
    hdu = fits.PrimaryHDU(cutout.planes["IMAGE"])
    if cutout.wcs is not None:
        hdu.header.update(cutout.wcs.to_cards())
    hdu.writeto(context.files.write(TARGET_IMAGE), overwrite=True)


def _middle(values: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - as above

    return np.median(values)


register(
    Step(
        key="inspect",
        title="Inspect",
        doc="Measures gain, sky and noise, masks what cannot be trusted, finds the targets, and fills in defaults.",
        function=run,
        keys=(TARGET, TIME, GAIN, SATURATION, FILTER, MASK_COSMICS, CATALOGUE, BACKGROUND_SIZE, TIMING),
        writes=(MASK, TARGET_IMAGE),
        sets=(
            Key("targets", "list", "The targets with their places: name, ra and dec in degrees, x and y in pixels."),
            Key("target_ra", "float", "Right ascension of the first target.", "deg", low=0, high=360),
            Key("target_dec", "float", "Declination of the first target.", "deg", low=-90, high=90),
        ),
        stem="inspect",
    )
)
