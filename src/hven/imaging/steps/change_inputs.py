"""What the steps that look for changes find in the folder (frame, masks, objects, calibration), and what they write."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hven.errors import HvenError, Invalid
from hven.imaging.services import outside
from hven.imaging.steps import inspect as first
from hven.imaging.steps.context import StepContext
from hven.imaging.steps.given import custom_mask, gain_of, given_table, given_targets, mask_bits, middle_of
from hven.imaging.steps.photometry_files import OBJECTS, RECORD, read_record, recorded_wcs, recorded_zero_point

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from hven.science.changes.catalogued import MovingBodies
    from hven.science.changes.fluxes import Calibration
    from hven.science.frames.frame import Frame
    from hven.science.sky.wcs import Wcs

_BEGAN = "changes began"
_COLUMNS = ("x", "y", "ra", "dec", "flux", "fluxerr", "flags", "mag_calib", "mag_calib_err")
_FIRST = "Run photometry first: the task has no {}."


@dataclass(frozen=True, slots=True)
class Inputs:
    """What inspect and photometry left."""

    frame: Frame
    mask: NDArray[np.bool_]  # (height, width), True where a pixel has no value
    objects: Table
    wcs: Wcs
    calibration: Calibration
    fwhm_px: float
    aperture_px: float
    gain: float
    band: str
    time: datetime | None  # UTC, aware: the middle of the exposure

    @property
    def time_text(self) -> str:
        """The middle of the exposure as ISO 8601, UTC; empty where it is not known."""
        return "" if self.time is None else self.time.replace(tzinfo=None).isoformat(timespec="milliseconds")


def begin_timing(context: StepContext) -> None:
    """Let `say` tell from now on how long the step has taken, where that is asked for."""
    context.memo[_BEGAN] = clock.monotonic() if context.value("timing") else None


def say(context: StepContext, line: str) -> None:
    """Add a sentence to the step's log."""
    began = context.memo.get(_BEGAN)
    context.log(line if began is None else f"{clock.monotonic() - began:.2f} s: {line}")


def read_inputs(context: StepContext) -> Inputs:
    """Read what earlier steps left.

    Raises
    ------
    Invalid
        Something is missing; the sentence says which step to run first.
    """
    from hven.science.changes.fluxes import Calibration  # noqa: PLC0415 - OpenCV and astropy, for workers

    frame = first.read_image(context)
    objects = given_table(context, OBJECTS, _COLUMNS, _FIRST.format(OBJECTS))
    record = read_record(context.files.need(RECORD, _FIRST.format(RECORD)))
    zero_point = recorded_zero_point(record)
    colour = " - ".join(zero_point.colour) if zero_point.colour is not None else ""
    return Inputs(
        frame=frame,
        mask=_mask(context, frame),
        objects=objects,
        wcs=recorded_wcs(record, frame.width, frame.height),
        calibration=Calibration(zero_point.at, zero_point.zp_err, zero_point.band, colour, zero_point.colour_term),
        fwhm_px=record["fwhm_px"],
        aperture_px=record["aperture_px"],
        gain=gain_of(context) or record["gain"],
        band=str(record.get("band") or "r"),
        time=middle_of(context, frame),
    )


def _mask(context: StepContext, frame: Frame) -> NDArray[np.bool_]:
    bits = mask_bits(context, frame)
    if bits is None:
        raise Invalid("Run inspect first: the task has no mask.fits.")
    mask: NDArray[np.bool_] = bits > 0
    excluded = custom_mask(context, frame)
    if excluded is not None:
        mask |= excluded
    if frame.mask is not None:
        mask |= frame.mask
    if mask.all():
        raise Invalid("Every pixel of the frame is masked; nothing can be looked for.")
    return mask


def cone_of(context: StepContext, centre: str, radius: str) -> tuple[float, float, float] | None:
    """Return a cone (ra, dec, radius in degrees) from a key with a place and one with a radius; None where none is set.

    Raises
    ------
    Invalid, NotFound
        The place is no place.
    """
    from hven.science.photometry.targets import parse_targets  # noqa: PLC0415 - as above

    text = context.value(centre)
    if not text:
        return None
    for target in parse_targets(text)[:1]:
        place = first.resolved(context, target) or {}
        if place.get("ra") is not None and place.get("dec") is not None:
            return float(place["ra"]), float(place["dec"]), float(context.value(radius))
    raise Invalid(f"{centre} is a name or coordinates on the sky, not {text[:60]!r}.")


def moving_bodies(context: StepContext, inputs: Inputs) -> MovingBodies | None:
    """Return the minor planets on the frame; None where nobody could say."""
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.catalogued import MovingBodies  # noqa: PLC0415 - as above

    if inputs.time is None:
        say(context, "Minor planets are not looked for: the frame has no time.")
        return None
    ra, dec = inputs.wcs.centre
    try:
        found = outside.solar_system_bodies(ra, dec, inputs.wcs.radius_deg, inputs.time)
    except HvenError as error:
        say(context, f"Minor planets are not looked for: {error}")
        return None
    say(context, f"{len(found)} minor planets, comets and planets in the field.")
    return MovingBodies(
        np.array([body.name for body in found], dtype=np.str_),
        np.array([body.ra for body in found], np.float64),
        np.array([body.dec for body in found], np.float64),
        np.array([body.error_arcsec for body in found], np.float64),
    )


def write_candidates(
    context: StepContext,
    inputs: Inputs,
    table: Table,
    stem: str,
    planes: dict[str, NDArray[Any]],
    *,
    extras: Callable[[int], dict[str, NDArray[Any]]] | None = None,
) -> None:
    """Write a list of candidates as VOTable and DS9 regions, and a cutout of each; nothing where the list is empty.

    Parameters
    ----------
    stem : str
        Of the files: candidates or candidates_simple.
    planes : dict
        The frames that cutouts are cut from, by the names of `hven.science.changes.cutout.PLANES`.
    extras : callable, optional
        Returns the squares that row number n has for itself.
    """
    import numpy as np  # noqa: PLC0415 - as above

    from hven.science.changes.cutout import cut_out, object_name, write_cutout  # noqa: PLC0415 - as above
    from hven.science.changes.regions import ds9_regions  # noqa: PLC0415 - as above

    context.files.remove(f"{stem}/", f"{stem}.vot", f"{stem}.reg")
    if not len(table):
        return
    names = unique([object_name(float(row["ra"]), float(row["dec"])) for row in table])
    table["stdpipe_id"] = np.array(names)
    table["cutout_name"] = np.array([f"{stem}/{name}.cutout" for name in names])
    size = context.value("cutout_size")
    for number, (row, name) in enumerate(zip(table, names, strict=True)):
        values = {key: row[key] for key in table.colnames}
        cutout = cut_out(planes, values, size, wcs=inputs.wcs, time=inputs.time_text, name=name)
        if extras is not None:
            cutout = replace(cutout, planes=cutout.planes | extras(number))
        write_cutout(context.files.write(f"{stem}/{name}.cutout"), cutout)
        context.tell(0.8 + 0.2 * number / len(table), "Cutting out candidates")
    table.write(context.files.write(f"{stem}.vot"), format="votable", overwrite=True)
    radius = max(2 * inputs.fwhm_px, 5) * inputs.wcs.scale_arcsec
    context.files.write(f"{stem}.reg").write_text(ds9_regions(table["ra"], table["dec"], radius, names), "utf-8")


def unique(names: list[str]) -> list[str]:
    """Return names of which none occurs twice: later ones get a letter."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}{chr(96 + min(seen[name], 26))}")
    return found


def first_target(context: StepContext, wcs: Wcs, width: int, height: int) -> tuple[str, float, float]:
    """Return the name and the pixel of the first target.

    Raises
    ------
    Invalid
        There is none, or it is off the frame.
    """
    targets = given_targets(context)
    if not targets:
        raise Invalid(
            "There is no target: name one, and inspect the frame again, or set subtraction_mode to detection."
        )
    target = targets[0]
    if "x" in target:
        x, y = target["x"], target["y"]
    else:
        x, y = (float(value) for value in wcs.to_pixel(target["ra"], target["dec"]))
    name = str(target.get("name", ""))
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise Invalid(f"The target {name[:60]} is off the frame; give another one, or check the frame's projection.")
    return name, x, y
