"""Finding stars: background, matched filter, local maxima, sub-pixel places, vetting.

The matched filter is the most sensitive statistic for stars of a known profile on white noise (Turin 1960, IRE
Trans. Inf. Theory 6, 311; for stars Stetson 1987, PASP 99, 191). It gives no shapes; `segment` does.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.stars.background import Background, estimate_background
from hven.science.stars.peaks import (
    Filtered,
    Peaks,
    find_peaks,
    is_star_shaped,
    matched_filter,
    neighbours,
    stands_out,
)
from hven.science.stars.saturation import Plateaus, find_plateaus, saturation_level
from hven.science.stars.solution import SourceList

_SKEW = 1.8
_NARROWER = 0.8
_CROWDED = 0.35  # of the frame, covered by squares of five FWHM about the peaks
THRESHOLD = 4.0  # standard deviations of the filtered frame
_STRICTEST = 6.5
_FALSE_SHARE = 0.036  # of all sources, at which the threshold is raised
_DEFAULT_FWHM = 3.0
_WIDEST = 6.0  # FWHM in pixels above which a binned frame is as good and quicker
_PATCH = 512
_PIXEL_LIKE = 0.06  # light of the neighbours as a share of the centre's, under which a peak is one pixel
_FEWEST_STARS = 5


def detect(
    data: NDArray[np.generic],
    mask: NDArray[np.bool_] | None = None,
    *,
    fwhm_px: float | None = None,
    saturation: float | None = None,
    threshold: float = THRESHOLD,
    limit: int | None = None,
    background: Background | None = None,
) -> SourceList:
    """Return the stars of a frame, brightest first.

    Parameters
    ----------
    data : (height, width) array of uint8, uint16, int16, float32 or another real type
        Pixels, ADU. NaN and infinities are left out.
    mask : (height, width) bool, optional
        True where a pixel has no value.
    fwhm_px : float, optional
        Width of the stars; measured where not given.
    saturation : float, optional
        ADU at which pixels are full; looked for where not given.
    threshold : float
        Standard deviations of the matched filter; raised where the frame's own negative peaks show that noise
        would pass it too often.
    limit : int, optional
        Keep the brightest so many.
    background : Background, optional
        Where it was measured before.

    Raises
    ------
    Invalid
        Where `data` is not a plane of real numbers.

    """
    data, mask = _checked(data, mask)
    height, width = data.shape
    if min(height, width) < 8:
        return _nothing(width, height)
    background = background or estimate_background(data, mask)
    if not np.any(background.noise.values > 0) and not _any_light(data, background):
        return _nothing(width, height)
    fwhm = fwhm_px or measure_fwhm(data, mask)
    if fwhm > _WIDEST and min(height, width) > 128:
        return _detected_binned(data, mask, fwhm, saturation=saturation, threshold=threshold, limit=limit)
    filtered = matched_filter(data, background, mask, max(fwhm / 2.355, 0.6))
    peaks = find_peaks(filtered, threshold)
    if len(peaks) * (5 * fwhm) ** 2 > _CROWDED * data.size:
        # narrower than the stars: what is lost in depth is won between neighbours
        filtered = matched_filter(data, background, mask, max(_NARROWER * fwhm / 2.355, 0.6))
        peaks = find_peaks(filtered, threshold)
    peaks = _above_false(filtered, peaks, threshold)
    keep = stands_out(filtered, peaks, 2.5)
    keep &= is_star_shaped(data, background, peaks, fwhm)
    if mask is not None:
        keep &= ~mask[peaks.row, peaks.column]
    full = saturation_level(data, saturation)
    plateaus = find_plateaus(data, full) if full is not None else None
    if plateaus is not None:
        peaks = _with_plateaus(
            peaks, keep, plateaus=plateaus, filtered=filtered, full=float(full or 0.0), background=background
        )
    else:
        peaks = peaks.chosen(keep)
    order = np.argsort(-peaks.value, kind="stable")[:limit]
    peaks = peaks.chosen(order)
    # flux = filtered maximum / sum of profile x kernel, both Gaussian
    area = 1.0 / float(np.sum(filtered.kernel**2) ** 2)
    return SourceList(
        x=peaks.x,
        y=peaks.y,
        flux=peaks.value * area,
        background=background.level.at(peaks.x, peaks.y),
        snr=peaks.snr,
        width=width,
        height=height,
        fwhm_px=float(fwhm),
    )


def binned(
    data: NDArray[np.generic], mask: NDArray[np.bool_] | None, factor: int
) -> tuple[NDArray[np.generic], NDArray[np.bool_] | None]:
    """Return the frame averaged over factor x factor pixels (a remainder at the far edges is cut off)."""
    height, width = data.shape[0] // factor * factor, data.shape[1] // factor * factor
    part = data[:height, :width]
    size = (width // factor, height // factor)
    if np.issubdtype(part.dtype, np.floating):
        part = np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0)
    small = cv2.resize(part.astype(np.float32, copy=False), size, interpolation=cv2.INTER_AREA)
    if mask is None:
        return small, None
    share = cv2.resize(mask[:height, :width].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return small, share > 0.25


def unbinned(sources: SourceList, factor: int, width: int, height: int) -> SourceList:
    """Return a binned frame's sources in the pixels of the full one."""
    return replace(
        sources,
        x=(sources.x + 0.5) * factor - 0.5,
        y=(sources.y + 0.5) * factor - 0.5,
        flux=sources.flux * factor**2,
        width=width,
        height=height,
        fwhm_px=None if sources.fwhm_px is None else sources.fwhm_px * factor,
    )


def measure_fwhm(data: NDArray[np.generic], mask: NDArray[np.bool_] | None = None) -> float:
    """Return the typical FWHM of the stars in pixels, from a few patches of the frame; 3 where none are seen.

    The curvature of a filtered star's logarithm gives its width with the filter's in quadrature.
    """
    for factor in (1, 2, 4, 8):
        fwhm = _measured(data, mask, factor)
        if fwhm is None:
            if factor > 1:
                break
            continue
        if fwhm < 5.5 or factor == 8 or min(data.shape) // factor < 64:
            return fwhm * factor
    return _DEFAULT_FWHM


def _measured(data: NDArray[np.generic], mask: NDArray[np.bool_] | None, factor: int) -> float | None:
    """Return the typical FWHM in pixels binned by `factor`, None where no star shows it."""
    side = _PATCH * factor
    sigma = 1.0
    squares: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.float64]] = []
    spots: list[NDArray[np.bool_]] = []
    for rows, columns in _patches(data.shape, side):
        part = data[rows, columns]
        part_mask = None if mask is None else mask[rows, columns]
        if factor > 1:
            part, part_mask = binned(part, part_mask, factor)
        background = estimate_background(part, part_mask)
        filtered = matched_filter(part, background, part_mask, sigma)
        peaks = find_peaks(filtered, 10.0)
        keep = stands_out(filtered, peaks, 8.0)
        level = saturation_level(part)
        if level is not None:
            keep &= np.asarray(part[peaks.row, peaks.column], float) < 0.9 * level
        peaks = peaks.chosen(keep)
        centre, lesser, noise = neighbours(part, background, peaks)
        spots.append(lesser + noise < _PIXEL_LIKE * centre)
        squares.append(-1.0 / peaks.curvature - sigma**2)
        weights.append(peaks.snr)
    square, weight = np.concatenate(squares), np.concatenate(weights)
    # hot pixels may outnumber the stars
    spot = np.concatenate(spots)
    if np.count_nonzero(~spot) >= _FEWEST_STARS:
        square, weight = square[~spot], weight[~spot]
    elif spot.sum() >= _FEWEST_STARS:
        return None
    if square.size < _FEWEST_STARS:
        return None
    best = np.argsort(-weight)[:150]
    return float(2.355 * np.sqrt(np.clip(np.median(square[best]), 0.12, None)))


def _patches(shape: tuple[int, ...], side: int) -> list[tuple[slice, slice]]:
    """Return the middle of a frame, or four patches around it where the frame is much larger than one."""
    height, width = shape
    if height <= 1.5 * side and width <= 1.5 * side:
        return [(slice(None), slice(None))]
    rows = _spans(height, side)
    columns = _spans(width, side)
    return [(rows[k % len(rows)], columns[k % len(columns)]) for k in range(max(len(rows), len(columns)))]


def _spans(length: int, side: int) -> list[slice]:
    if length <= 1.5 * side:
        return [slice(None)]
    starts = [int(length * share - side / 2) for share in (0.35, 0.65)]
    return [slice(max(s, 0), max(s, 0) + side) for s in starts]


def _above_false(filtered: Filtered, peaks: Peaks, threshold: float) -> Peaks:
    """Raise the threshold until the frame's negative peaks say that few of its positive ones are noise."""
    if not len(peaks):
        return peaks
    every = 2 if filtered.values.size < 6_000_000 else 4
    if filtered.values.shape[0] < 1024:
        every = 1
    depth = find_peaks(filtered, threshold, negative=True, every=every).snr
    # peaks of Gaussian noise above t number as t exp(-t^2 / 2) (Adler 1981); photon noise has a heavier upper tail
    noise = _SKEW * every * depth.size
    height = np.sort(peaks.snr)
    limit = threshold
    while limit < _STRICTEST:
        expected = noise * limit / threshold * np.exp(0.5 * (threshold**2 - limit**2))
        found = height.size - np.searchsorted(height, limit)
        if expected <= _FALSE_SHARE * found:
            break
        limit += 0.05
    return peaks.chosen(peaks.snr >= limit)


def _with_plateaus(
    peaks: Peaks,
    keep: NDArray[np.bool_],
    *,
    plateaus: Plateaus,
    filtered: Filtered,
    full: float,
    background: Background,
) -> Peaks:
    """Replace what was found on and at each saturated area by one source in its middle.

    The vetting's verdict `keep` holds for the rest only: a plateau has no peak that could stand out.
    """
    height, width = filtered.values.shape
    owner = plateaus.nearest(peaks.x, peaks.y, 1.5 + filtered.sigma)
    owners, first = np.unique(owner, return_index=True)
    known = owners >= 0
    known[known] = plateaus.is_star[owners[known]]
    touched, first = owners[known], first[known]
    rest = peaks.chosen((owner < 0) & keep)
    if not touched.size:
        return rest
    x, y = plateaus.x[touched], plateaus.y[touched]
    column = np.round(x).astype(np.intp).clip(0, width - 1)
    row = np.round(y).astype(np.intp).clip(0, height - 1)
    # what the plateau hides is unknown; its area grows with it, so it orders the brightest stars
    depth = np.maximum(full - background.level.at(x, y), 0.0)
    kernel_area = 1.0 / float(np.sum(filtered.kernel**2) ** 2)
    value = np.maximum(
        filtered.values[row, column].astype(float),
        depth * np.maximum(1.0, (plateaus.area[touched] / kernel_area)) ** 1.5,
    )
    single = plateaus.area[touched] <= 2
    if single.any():
        # one or two full pixels hardly move the maximum
        same = first[single]
        x[single], y[single] = peaks.x[same], peaks.y[same]
    snr = value / filtered.noise.at(x, y)
    added = Peaks(column, row, x, y, value, snr, np.full(x.size, -1.0))
    return Peaks(*(np.concatenate([getattr(rest, n), getattr(added, n)]) for n in Peaks.__slots__))


def _detected_binned(
    data: NDArray[np.generic],
    mask: NDArray[np.bool_] | None,
    fwhm: float,
    *,
    saturation: float | None,
    threshold: float,
    limit: int | None,
) -> SourceList:
    """Detect wide stars on a frame binned until they are 2 to 4 pixels wide."""
    factor = int(np.clip(round(fwhm / 3.0), 2, 8))
    small, small_mask = binned(data, mask, factor)
    found = detect(small, small_mask, fwhm_px=fwhm / factor, saturation=saturation, threshold=threshold, limit=limit)
    return unbinned(found, factor, data.shape[1], data.shape[0])


def _checked(
    data: NDArray[np.generic], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.generic], NDArray[np.bool_] | None]:
    if data.ndim != 2 or not (np.issubdtype(data.dtype, np.number) or data.dtype == np.bool_):
        raise Invalid("Stars are looked for in a plane of numbers; this is not one.")
    if np.issubdtype(data.dtype, np.complexfloating):
        raise Invalid("Stars are looked for in real numbers; this plane is complex.")
    if data.dtype not in (np.uint8, np.uint16, np.int16, np.float32):
        data = data.astype(np.float32)
    if not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    if mask is not None and not mask.any():
        mask = None
    if mask is not None and mask.shape != data.shape:
        raise Invalid("The mask and the frame differ in size.")
    if np.issubdtype(data.dtype, np.floating):
        bad = ~np.isfinite(data)
        if bad.any():
            mask = bad if mask is None else mask | bad
    return data, mask


def _any_light(data: NDArray[np.generic], background: Background) -> bool:
    """Say whether a frame without noise has anything at all above its background (a synthetic one may)."""
    return bool(np.nanmax(data) > np.nanmax(background.level.values))


def _nothing(width: int, height: int) -> SourceList:
    none = np.zeros(0)
    return SourceList(none, none, none, none, none, width, height, None)
