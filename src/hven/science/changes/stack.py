"""Stacking frames onto the first one's grid: the sum, the clipped mean, or the median of what each pixel saw.

Frames are brought onto the grid by their projections, or by their stars where one has none. The sum is kept in one
array; the others need all frames and keep them in a file of the scratch folder, worked on in strips of rows.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.align import align
from hven.science.changes.warp import Warped, resample, warp
from hven.science.sky.wcs import Wcs
from hven.science.stars.background import estimate_background
from hven.science.stars.detect import detect

Method = Literal["sum", "clipped_mean", "median"]
METHODS: tuple[Method, ...] = ("sum", "clipped_mean", "median")
_CLIP = 3.0
_STARS = 400
_STRIP = 64  # rows


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One frame of a stack."""

    data: NDArray[np.generic]  # (height, width), ADU
    mask: NDArray[np.bool_] | None = None  # True where a pixel has no value
    wcs: Wcs | None = None
    exposure_s: float | None = None
    start: datetime | None = None  # UTC, aware
    end: datetime | None = None
    saturation: float | None = None  # ADU
    gain: float | None = None  # electrons per ADU
    name: str = ""  # for people


@dataclass(frozen=True, slots=True)
class Stack:
    """The stacked frame on the first one's grid."""

    data: NDArray[np.float32]  # (height, width), NaN where no frame has a value
    mask: NDArray[np.bool_]  # True there
    count: NDArray[np.uint16]  # (height, width), frames that went into a pixel
    cards: dict[str, tuple[Any, str]]  # value and comment, to be written over the first frame's
    notes: tuple[str, ...]  # how each frame was brought onto the grid, in sentences


Loader = Callable[[], StackFrame]


def stack(
    frames: Sequence[StackFrame | Loader],
    method: Method = "sum",
    *,
    subtract_background: bool = True,
    bad_pixels: Callable[[StackFrame], NDArray[np.bool_]] | None = None,
    scratch: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Stack:
    """Stack at least two frames.

    Parameters
    ----------
    frames : sequence of StackFrame, or of functions that read one
        The first gives grid and header. Of read ones only two are in memory at a time.
    method : {"sum", "clipped_mean", "median"}
        A pixel that some frames lack is filled in the sum by the mean of the others.
    subtract_background : bool
        Whether each frame's sky is taken off first.
    bad_pixels : callable, optional
        Returns more pixels without a value, such as cosmic rays, (height, width) bool.
    scratch : path, optional
        A folder for a temporary file (4 bytes a pixel and frame; not for the sum).

    Raises
    ------
    Invalid
        There are fewer than two frames, the method is none, or a frame does not overlap or match the first.

    """
    if len(frames) < 2:
        raise Invalid("A stack needs at least two frames.")
    if method not in METHODS:
        raise Invalid(f"Frames are stacked by {', '.join(METHODS)}, not by {method!r:.40}.")
    tell = progress or (lambda _fraction, _message: None)
    first = _loaded(frames[0])
    height, width = first.data.shape
    notes: list[str] = []
    told: list[StackFrame] = []
    count = np.zeros((height, width), np.uint16)
    with tempfile.TemporaryFile(dir=scratch) as file:
        total = np.zeros((height, width), np.float32)
        cube: NDArray[np.float32] | None = None
        if method != "sum":
            cube = np.memmap(file, np.float32, "w+", shape=(len(frames), height, width))
        for number, each in enumerate(frames):
            tell(number / len(frames), f"Frame {number + 1} of {len(frames)}")
            frame = first if number == 0 else _loaded(each)
            warped, note = _brought(first, frame, number, subtract_background, bad_pixels)
            notes.append(note)
            told.append(replace(frame, data=np.zeros((0, 0), np.float32), mask=None))
            good = ~warped.mask
            count += good
            if cube is not None:
                cube[number] = np.where(good, warped.data, np.nan)
            else:
                total += np.where(good, warped.data, np.float32(0))
        if cube is not None:
            total = _combined(cube, method)
            del cube
    mask = count == 0
    if method == "sum":
        with np.errstate(divide="ignore", invalid="ignore"):
            total *= np.where(mask, np.nan, len(frames) / count).astype(np.float32)
    total[mask] = np.nan
    return Stack(total, mask, count, _cards(told, method), tuple(notes))


def _loaded(frame: StackFrame | Loader) -> StackFrame:
    return frame if isinstance(frame, StackFrame) else frame()


def _brought(
    first: StackFrame,
    frame: StackFrame,
    number: int,
    subtract_background: bool,
    bad_pixels: Callable[[StackFrame], NDArray[np.bool_]] | None,
) -> tuple[Warped, str]:
    """Return a frame on the first one's grid, and how it came there."""
    name = frame.name or f"frame {number + 1}"
    mask = np.zeros(frame.data.shape, np.bool_) if frame.mask is None else frame.mask.copy()
    if np.issubdtype(frame.data.dtype, np.floating):
        mask |= ~np.isfinite(frame.data)
    if bad_pixels is not None:
        mask |= bad_pixels(frame)
    data = np.array(frame.data, np.float32)
    if subtract_background:
        data -= estimate_background(data, mask).level.rows(0, data.shape[0])
    data[mask] = 0
    if number == 0:
        return Warped(data, mask, 1.0, 1 - float(mask.mean())), f"The grid is that of {name}."
    if first.wcs is not None and frame.wcs is not None:
        try:
            return warp(data, frame.wcs, first.wcs, mask=mask), f"{name} was placed by its projection."
        except Invalid as error:
            raise Invalid(f"{name} does not overlap the first frame on the sky.") from error
    one, two = detect(first.data, first.mask, limit=_STARS), detect(frame.data, frame.mask, limit=_STARS)
    try:
        found = align(one.x, one.y, two.x, two.y)
    except Invalid as error:
        raise Invalid(f"{name} has no projection, and its stars cannot be matched with the first frame's.") from error
    height, width = first.data.shape
    warped = resample(data, found.pixel_map(width, height), mask=mask)
    return warped, f"{name} was placed by {found.stars} stars, which scatter by {found.scatter_px:.2f} pixels."


def _combined(cube: NDArray[np.float32], method: Method) -> NDArray[np.float32]:
    """Return the median or the clipped mean along the first axis, without NaN; NaN where there is nothing else."""
    n, height, width = cube.shape
    out = np.empty((height, width), np.float32)
    for start in range(0, height, _STRIP):
        part = np.asarray(cube[:, start : start + _STRIP])
        ordered = np.sort(part, axis=0)  # NaN go last
        usable = n - np.count_nonzero(np.isnan(ordered), axis=0)
        middle = _median(ordered, usable)
        if method == "median":
            out[start : start + _STRIP] = middle
            continue
        out[start : start + _STRIP] = _clipped_mean(part, middle, usable)
    return out


def _median(ordered: NDArray[np.float32], usable: NDArray[np.intp]) -> NDArray[np.float32]:
    low = np.take_along_axis(ordered, np.maximum((usable - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(usable // 2, ordered.shape[0] - 1)[None], axis=0)[0]
    return np.asarray(np.where(usable > 0, 0.5 * (low + high), np.nan), np.float32)


def _clipped_mean(
    part: NDArray[np.float32], middle: NDArray[np.float32], usable: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the mean of what lies within three deviations of the median.

    The deviation comes from the distances to the median, whose outliers do not widen it; few frames scatter less
    about their own median than about the truth, hence the factor.
    """
    away = np.abs(part - middle)
    ordered = np.sort(away, axis=0)
    few = np.sqrt(usable / np.maximum(usable - 1.0, 1.0))
    deviation = 1.4826 * _median(ordered, usable) * few * np.where(usable < 6, 1.6, 1.0)
    kept = away <= np.maximum(_CLIP * deviation, 1e-6)
    number = np.maximum(np.count_nonzero(kept, axis=0), 1)
    total = np.where(kept, part, np.float32(0)).sum(axis=0)
    return np.asarray(np.where(usable > 0, total / number, np.nan), np.float32)


def _cards(frames: Sequence[StackFrame], method: Method) -> dict[str, tuple[Any, str]]:
    """Return what the header of a stack says: exposure and times of all frames."""
    cards: dict[str, tuple[Any, str]] = {
        "NCOMBINE": (len(frames), "frames in the stack"),
        "STACKMET": (method, "how they were combined"),
    }
    exposures = [frame.exposure_s for frame in frames]
    if all(exposure is not None for exposure in exposures):
        cards["EXPTIME"] = (float(sum(e for e in exposures if e is not None)), "seconds, of all frames together")
    middles: list[tuple[datetime, float]] = []
    for frame in frames:
        if frame.start is not None:
            length = frame.exposure_s or 0.0
            end = frame.end or frame.start + timedelta(seconds=length)
            middles.append((frame.start + (end - frame.start) / 2, max(length, 1e-3)))
    if len(middles) == len(frames):
        start = min(frame.start for frame in frames if frame.start is not None)
        reference = middles[0][0]
        weight = sum(w for _, w in middles)
        offset = sum((m - reference).total_seconds() * w for m, w in middles) / weight
        cards["DATE-OBS"] = (_iso(start), "UTC, start of the first exposure")
        cards["DATE-AVG"] = (_iso(reference + timedelta(seconds=offset)), "UTC, middle of all exposures")
        ends = [f.end or f.start + timedelta(seconds=f.exposure_s or 0.0) for f in frames if f.start is not None]
        cards["DATE-END"] = (_iso(max(ends)), "UTC, end of the last exposure")
    many = len(frames)
    if frames[0].saturation is not None:
        full = min(f.saturation for f in frames if f.saturation is not None)
        cards["SATURATE"] = (full * many if method == "sum" else full, "ADU")
    if frames[0].gain is not None and method != "sum":
        # the mean of n frames has n times the electrons behind each of its counts; a median is a little worse
        worth = many if method == "clipped_mean" else many * 2 / np.pi
        cards["GAIN"] = (float(frames[0].gain * worth), "electrons per ADU, as the noise shows it")
    return cards


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
