"""Finding objects: connected pixels above a threshold, taken apart where they have several peaks.

sep does the connecting and deblending (Bertin & Arnouts 1996, A&AS 117, 393; Barbary 2016, JOSS 1, 58), on the frame
smoothed to the stars' width (and length, where they are trails), on which faint ones stand out best.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import cv2
import numpy as np
import sep
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.errors import Invalid
from hven.science.photometry.masks import Bits, MaskBit
from hven.science.stars.background import Background, Mesh, estimate_background
from hven.science.stars.peaks import Filtered, Peaks, find_peaks, stands_out

Floats = NDArray[np.float64]
_PIXEL_STACK = 6_000_000
_MOST_OBJECTS = 4000  # in one connected area
_CONTRAST = 0.005
_LINE = float(np.sqrt(12.0))  # the length of an evenly lit line by the standard deviation of its light
_HEAD, _FEWEST = 100, 8  # brightest objects asked whether they are trails
_DRAWN_OUT, _IN_LINE = 2.4, 0.6  # ratio of axes, and mean of the doubled directions' unit vectors
_LONGEST = 120.0  # pixels
_LEVELS = 32
_COMPANION = 5.0  # deviations by which a star in another's area stands out
_APART = 0.8  # FWHM from known centres
_VALLEY = 2.5  # deviations, between it and its host
_TRUNCATED, _MERGED, _OVERFLOW = 2, 1, 4  # sep's own bits


class Flag(IntFlag):
    """What is wrong with an object; the low bits as in SExtractor."""

    DISTURBED = 1  # neighbours or bad pixels cover more than a tenth of its aperture
    DEBLENDED = 2
    SATURATED = 4
    TRUNCATED = 8  # touches the frame's edge
    APERTURE_INCOMPLETE = 0x10
    ISOPHOTE_INCOMPLETE = 0x20
    MASKED_FOOTPRINT = 0x100  # masked pixels in or beside its own
    MASKED_APERTURE = 0x200
    ANNULUS_POOR = 0x400
    SHAPE = 0x800  # not of the shape of a star


@dataclass(frozen=True, slots=True)
class Trail:
    """A line that every star is drawn out to."""

    length_px: float
    angle_rad: float  # from rising x towards rising y

    def kernel(self) -> NDArray[np.float32]:
        """Return the line on pixels, of unit sum."""
        half = int(np.ceil(self.length_px / 2)) + 1
        along = np.linspace(-0.5, 0.5, 16 * half + 1) * self.length_px
        x, y = half + along * np.cos(self.angle_rad), half + along * np.sin(self.angle_rad)
        column, row = np.floor(x).astype(int), np.floor(y).astype(int)
        u, v = x - column, y - row
        kernel = np.zeros((2 * half + 2, 2 * half + 2))
        for dy, dx, share in ((0, 0, (1 - v) * (1 - u)), (0, 1, (1 - v) * u), (1, 0, v * (1 - u)), (1, 1, v * u)):
            np.add.at(kernel, (row + dy, column + dx), share)
        kernel = kernel[: 2 * half + 1, : 2 * half + 1]
        return np.asarray(kernel / kernel.sum(), np.float32)


@dataclass(frozen=True, slots=True)
class Objects:
    """Connected objects in order of their numbers in the segmentation map (1 is the first); arrays of length n."""

    x: Floats  # 0-based centroid of the pixels above the threshold
    y: Floats
    a_px: Floats  # standard deviations of the light along its axes
    b_px: Floats
    theta_rad: Floats  # of the major axis, from rising x towards rising y
    area_px: NDArray[np.int64]
    peak: Floats  # ADU above the sky, of the unsmoothed frame
    flags: NDArray[np.int64]  # of `Flag`
    segmentation: NDArray[np.int32]  # (height, width), 0 where there is none

    def __len__(self) -> int:
        return int(self.x.size)


def common_trail(found: Objects) -> Trail | None:
    """Return the line that the brightest objects are drawn out to, None where they are not, or not alike."""
    whole = np.flatnonzero((found.flags & int(Flag.TRUNCATED | Flag.SATURATED)) == 0)
    head = whole[np.argsort(-found.peak[whole])[:_HEAD]]
    if head.size < _FEWEST:
        return None
    a, b, theta = found.a_px[head], found.b_px[head], found.theta_rad[head]
    turn = np.mean(np.where(a > 1.2 * b, np.exp(2j * theta), 0))
    if np.median(a / b) < _DRAWN_OUT or abs(turn) < _IN_LINE:
        return None
    length = _LINE * float(np.sqrt(np.median(np.maximum(a**2 - b**2, 0))))
    return Trail(min(length, _LONGEST), float(np.angle(turn)) / 2)


def find_objects(
    residual: NDArray[np.float32],
    background: Background,
    bits: Bits,
    *,
    smoothing_px: float,
    gain: float,
    threshold: float = 3.0,
    least_area_px: int = 5,
    trail: Trail | None = None,
) -> Objects:
    """Return the objects of a frame.

    Parameters
    ----------
    residual : (height, width) float32
        The frame less its sky, ADU, holes and cosmic rays bridged.
    background : Background
        The sky.
    bits : (height, width) uint8
        The mask. Nothing is looked for in missing and excluded pixels; the others mark what touches them.
    smoothing_px : float
        Standard deviation of the Gaussian applied before; best that of the stars.
    gain : float
        Electrons per ADU.
    threshold : float
        Deviations of the smoothed frame, as measured on it: pixels that depend on each other do no harm.
    least_area_px : int
        Connected pixels that an object has at least.
    trail : Trail, optional
        What every star is drawn out to.

    Raises
    ------
    Invalid
        Too much of the frame is above its sky to tell objects apart.

    """
    closed = bits & (MaskBit.MISSING | MaskBit.EXCLUDED | MaskBit.PIT)
    shut = closed > 0 if cv2.countNonZero(closed) else None
    radius = max(int(np.ceil(2.8 * smoothing_px)), 1)
    line = cv2.getGaussianKernel(2 * radius + 1, smoothing_px, cv2.CV_32F)
    if shut is not None:
        residual = np.where(shut, np.float32(0), residual)
    smooth = cv2.sepFilter2D(residual, cv2.CV_32F, line, line, borderType=cv2.BORDER_CONSTANT)
    if trail is not None:
        smooth = cv2.filter2D(smooth, cv2.CV_32F, trail.kernel(), borderType=cv2.BORDER_CONSTANT)
    left = estimate_background(smooth, shut, cell=background.level.cell)
    least = max(0.25 * float(np.median(left.noise.values)), 1e-9)
    noise = np.maximum(left.noise.rows(0, residual.shape[0]), np.float32(least))
    smooth -= left.level.rows(0, residual.shape[0])
    ratio = cv2.divide(smooth, noise)
    if shut is not None:
        ratio[shut] = 0
    sep.set_extract_pixstack(_PIXEL_STACK)
    sep.set_sub_object_limit(_MOST_OBJECTS)
    try:
        found, segmentation = sep.extract(
            ratio, threshold, minarea=least_area_px, filter_kernel=None, deblend_nthresh=_LEVELS,
            deblend_cont=_CONTRAST, clean=False, segmentation_map=True,
        )  # fmt: skip
    except Exception as error:
        if "internal pixel buffer" in str(error) or "object deblending overflow" in str(error):
            raise Invalid(
                "Too much of the frame is above its sky to tell objects apart; a larger detection threshold, a smaller "
                "background mesh or a mask may help."
            ) from error
        raise
    segmentation = np.ascontiguousarray(segmentation, np.int32)
    rows = _Rows(*(np.asarray(found[name]) for name in _Rows.__slots__))
    cell, size = left.level.cell, (residual.shape[1], residual.shape[0])
    filtered = Filtered(
        smooth,
        Mesh(np.zeros_like(left.level.values), cell, *size),
        Mesh(np.maximum(left.noise.values, np.float32(least)), cell, *size),
        smoothing_px,
        line.ravel().astype(np.float64),
    )
    if trail is None:
        rows = _with_companions(rows, segmentation, filtered, gain)
    return _described(rows, segmentation, residual, bits, (smoothing_px, 0.0 if trail is None else trail.length_px))


@dataclass(frozen=True, slots=True)
class _Rows:
    """What sep says of its objects; arrays of one length n."""

    x: NDArray[Any]
    y: NDArray[Any]
    a: NDArray[Any]
    b: NDArray[Any]
    theta: NDArray[Any]
    npix: NDArray[Any]
    xpeak: NDArray[Any]
    ypeak: NDArray[Any]
    flag: NDArray[Any]


def _with_companions(rows: _Rows, segmentation: NDArray[np.int32], filtered: Filtered, gain: float) -> _Rows:
    """Add faint stars in the areas of bright ones, which deblending by a share of the light cannot tell from noise.

    A maximum within an object's area is a star of its own if it stands out of its surroundings and a valley lies
    between it and every centre near it. It takes the pixels around it from the area.
    """
    peaks = find_peaks(filtered, _COMPANION)
    if not len(peaks) or not rows.x.size:
        return rows
    fwhm = max(2.355 * np.sqrt(2) * filtered.sigma, 2.0)  # of a star on the smoothed frame
    owner = segmentation[peaks.row, peaks.column]
    tree = cKDTree(np.column_stack([rows.x, rows.y]))
    distance, _ = tree.query(np.column_stack([peaks.x, peaks.y]))
    peaks = peaks.chosen(np.flatnonzero((owner > 0) & (distance > _APART * fwhm)))
    peaks = peaks.chosen(stands_out(filtered, peaks, _COMPANION))
    if not len(peaks):
        return rows
    # photons of the host make its wings noisier than the sky
    photons = np.maximum(peaks.value, 0) * float(np.sum(filtered.kernel**2) ** 2) / gain
    noise = np.hypot(peaks.value / np.maximum(peaks.snr, 1e-9), np.sqrt(photons))
    host = segmentation[peaks.row, peaks.column] - 1
    near = tree.query(np.column_stack([peaks.x, peaks.y]))[1]
    # a flat saddle means a trail, or one object with a bump: no valley
    valley = np.maximum(
        _lowest(filtered, peaks, rows.x[host], rows.y[host]), _lowest(filtered, peaks, rows.x[near], rows.y[near])
    )
    peaks = peaks.chosen(np.flatnonzero(peaks.value - valley > _VALLEY * noise))
    return _joined(rows, peaks, segmentation, filtered.sigma) if len(peaks) else rows


def _joined(rows: _Rows, peaks: Peaks, segmentation: NDArray[np.int32], sigma: float) -> _Rows:
    """Return the objects with peaks behind them, each with the pixels around it that were its host's."""
    peaks = peaks.chosen(np.argsort(-peaks.value, kind="stable"))
    first, count = rows.x.size, len(peaks)
    radius = max(2.0 * sigma, 1.5)
    reach = int(np.ceil(radius))
    flag, npix = rows.flag.copy(), rows.npix.copy()
    height, width = segmentation.shape
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(dx, dy) <= radius
    area = np.zeros(count, np.int64)
    for k in range(count):
        y, x = peaks.row[k] + dy[inside], peaks.column[k] + dx[inside]
        good = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y[good], x[good]
        number = segmentation[peaks.row[k], peaks.column[k]]
        mine = segmentation[y, x] == number
        area[k] = np.count_nonzero(mine)
        segmentation[y[mine], x[mine]] = first + k + 1
        if number <= first:
            flag[number - 1] |= _MERGED
            npix[number - 1] -= area[k]
    axis = np.full(count, np.sqrt(2) * sigma)
    return _Rows(
        np.append(rows.x, peaks.x),
        np.append(rows.y, peaks.y),
        np.append(rows.a, axis),
        np.append(rows.b, axis),
        np.append(rows.theta, np.zeros(count)),
        np.append(npix, area),
        np.append(rows.xpeak, peaks.column),
        np.append(rows.ypeak, peaks.row),
        np.append(flag, np.full(count, _MERGED)),
    )


def _lowest(filtered: Filtered, peaks: Peaks, x: NDArray[Any], y: NDArray[Any]) -> Floats:
    """Return the lowest value of the smoothed frame on the way from each peak to a place."""
    share = np.linspace(0.1, 0.9, 9)
    height, width = filtered.values.shape
    row = np.rint(peaks.y[:, None] + share * (y - peaks.y)[:, None]).astype(np.intp).clip(0, height - 1)
    column = np.rint(peaks.x[:, None] + share * (x - peaks.x)[:, None]).astype(np.intp).clip(0, width - 1)
    return np.asarray(filtered.values[row, column].min(axis=1), np.float64)


def _described(
    found: _Rows,
    segmentation: NDArray[np.int32],
    residual: NDArray[np.float32],
    bits: Bits,
    smoothing: tuple[float, float],
) -> Objects:
    count = found.x.size
    flags = np.zeros(count, np.int64)
    own = found.flag.astype(int)
    flags[(own & _MERGED) > 0] |= Flag.DEBLENDED
    flags[(own & _TRUNCATED) > 0] |= Flag.TRUNCATED
    flags[(own & _OVERFLOW) > 0] |= Flag.ISOPHOTE_INCOMPLETE
    touched = _touching(segmentation, bits, count, 3)
    flags[touched] |= Flag.MASKED_FOOTPRINT
    flags[_touching(segmentation, bits & MaskBit.SATURATED, count, 3)] |= Flag.SATURATED
    peak = np.zeros(count)
    if count:
        peak = residual[found.ypeak.astype(np.intp), found.xpeak.astype(np.intp)].astype(float)
    minor = _sharpened(found.b, smoothing[0])
    return Objects(
        x=found.x.astype(float),
        y=found.y.astype(float),
        a_px=np.maximum(_sharpened(found.a, float(np.hypot(smoothing[0], smoothing[1] / _LINE))), minor),
        b_px=minor,
        theta_rad=found.theta.astype(float),
        area_px=found.npix.astype(np.int64),
        peak=peak,
        flags=flags,
        segmentation=segmentation,
    )


def _sharpened(axis: NDArray[np.generic], smoothing_px: float) -> Floats:
    """Take the smoothing out of a deviation; what is left is at least half."""
    squares = np.asarray(axis, float) ** 2
    return np.asarray(np.sqrt(np.maximum(np.maximum(squares - smoothing_px**2, 0.25 * squares), 0.09)), np.float64)


def _touching(segmentation: NDArray[np.int32], bits: Bits, count: int, reach: int) -> NDArray[np.bool_]:
    """Say which objects hold masked pixels, or have one beside them (within reach // 2)."""
    touched = np.zeros(count + 1, np.bool_)
    if cv2.countNonZero(bits):
        wide = cv2.dilate(np.minimum(bits, 1), np.ones((reach, reach), np.uint8))
        touched[np.unique(segmentation[wide > 0])] = True
    return touched[1:]
