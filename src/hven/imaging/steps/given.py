"""What people may lay into the folder or the settings in place of what steps leave there, checked before it is used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hven.errors import HvenError, Invalid
from hven.imaging.services import tables
from hven.imaging.services.limits import frame_limits
from hven.imaging.steps.context import StepContext

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from hven.science.frames.frame import Frame

MASK, CUSTOM_MASK = "mask.fits", "custom_mask.fits"
_MOST_TARGETS = 100
_FAR_PX = 1e7
_LEAST_GAIN = 1e-9


def given_frame(context: StepContext, path: str) -> Frame | None:
    """Read a frame that may lie in the folder; None where none does.

    Raises
    ------
    Invalid
        It cannot be read; the sentence begins with its name.
    """
    from hven.science.frames.read import read_frame  # noqa: PLC0415 - astropy, for workers

    found = context.files.find(path)
    if found is None:
        return None
    try:
        return read_frame(found, limits=frame_limits())
    except HvenError as error:
        raise Invalid(f"{path}: {error}") from error


def custom_mask(context: StepContext, frame: Frame) -> NDArray[np.bool_] | None:
    """Return the user's mask, (height, width), True where a pixel is excluded; None where there is none.

    Raises
    ------
    Invalid
        It cannot be read, or is not of the frame's size.
    """
    given = given_frame(context, CUSTOM_MASK)
    if given is None:
        return None
    if given.data.shape != frame.data.shape:
        raise Invalid(
            f"{CUSTOM_MASK} has {given.width} x {given.height} pixels and the frame {frame.width} x {frame.height}; "
            "draw it anew, or take it away."
        )
    excluded: NDArray[np.bool_] = given.data > 0
    if given.mask is not None:
        excluded |= given.mask
    context.log(f"The custom mask excludes {100 * excluded.mean():.1f} % of its pixels.")
    return excluded


def mask_bits(context: StepContext, frame: Frame) -> NDArray[np.uint8] | None:
    """Return the mask that inspect left, by `hven.science.photometry.masks.MaskBit`; None where there is none.

    Raises
    ------
    Invalid
        It cannot be read, or is not of the frame's size.
    """
    import numpy as np  # noqa: PLC0415 - for workers
    from astropy.io import fits  # noqa: PLC0415 - the same

    path = context.files.find(MASK)
    if path is None:
        return None
    try:
        with fits.open(path) as hdus:
            # A compressed plane says its size here before a byte of it is unpacked.
            held = [hdu for hdu in hdus if hdu.is_image and len(hdu.shape) == 2]
            if not held or held[0].shape != frame.data.shape:
                raise Invalid(f"{MASK} is not of the frame's size; inspect the frame again.")
            return np.ascontiguousarray(np.clip(np.nan_to_num(held[0].data), 0, 255)).astype(np.uint8)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Invalid(f"{MASK} cannot be read; inspect the frame again.") from error


def given_table(context: StepContext, path: str, columns: Iterable[str], hint: str) -> Table:
    """Read a Parquet table with columns of one number a row.

    Raises
    ------
    Invalid
        There is none (then the message is `hint`), it cannot be read, or lacks one of the columns.
    """
    import numpy as np  # noqa: PLC0415 - for workers

    found = context.files.need(path, hint)
    try:
        table = tables.table_of(found, votable=False)
    except HvenError as error:
        raise Invalid(f"{path}: {error}") from error
    for name in columns:
        good = name in table.colnames and table[name].ndim == 1 and np.issubdtype(table[name].dtype, np.number)
        if not good:
            raise Invalid(f"{path} has no column {name} of numbers; run photometry again.")
    return table


def given_targets(context: StepContext) -> list[dict[str, Any]]:
    """Return the targets of the settings, each with x and y (0-based pixels), or ra and dec (ICRS degrees).

    Raises
    ------
    Invalid
        One has no place that could be.
    """
    given = context.config.get("targets") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid("targets is a list of objects with ra and dec, or x and y; inspect the frame again.")
    if len(given) > _MOST_TARGETS:
        raise Invalid(f"There are {len(given)} targets; at most {_MOST_TARGETS} are measured.")
    found = []
    for one in given:
        place = {name: _number(one.get(name)) for name in ("x", "y", "ra", "dec")}
        x, y, ra, dec = place.values()
        on_frame = x is not None and y is not None and max(abs(x), abs(y)) < _FAR_PX
        on_sky = ra is not None and dec is not None and abs(ra) <= 360 and abs(dec) <= 90
        if not (on_frame or on_sky):
            name = str(one.get("name", ""))[:60]
            raise Invalid(f"The target `{name}` has no place that could be; name it anew, and inspect the frame again.")
        kept = ("x", "y") if on_frame else ("ra", "dec")
        found.append({**{key: one[key] for key in one if key not in place}, **{key: place[key] for key in kept}})
        if on_frame and on_sky:
            found[-1] |= {"ra": ra, "dec": dec}
    return found


def gain_of(context: StepContext) -> float | None:
    """Return the gain of the settings, electrons for one ADU; None where none is set, or 0.

    Raises
    ------
    Invalid
        No detector has it.
    """
    gain: float | None = context.value("gain")
    if gain and gain < _LEAST_GAIN:
        raise Invalid(f"A gain of {gain:g} electrons for one ADU is none that a detector has.")
    return gain or None


def middle_of(context: StepContext, frame: Frame) -> datetime | None:
    """Return the middle of the exposure, UTC: as the settings say, else as the header does.

    Raises
    ------
    Invalid
        What the settings say is no time.
    """
    text = context.value("time")
    if not text:
        return frame.meaning.middle
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(f"time is a date with a time of day, as 2026-07-16T02:13:45, not {text[:40]!r}.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
