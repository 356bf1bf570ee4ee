"""Local maxima of a matched-filtered frame: finding, placing and vetting them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.science.stars.background import Background, Mesh, mesh_samples, mesh_statistics
from hven.science.stars.saturation import nonzero_bytes

Floats = NDArray[np.float64]
_UNDERSAMPLED_PX = 1.7  # FWHM
_RING_NOISE = 0.7  # of the average of two points of a ring, in deviations of the filtered frame
_SHARPEST = 0.8  # FWHM in pixels under which a star looks like a hot pixel
_STRIP = 256  # rows worked on at a time: what fits in a core's cache


@dataclass(frozen=True, slots=True)
class Filtered:
    """A frame correlated with a normalised Gaussian, and the noise of the result."""

    values: NDArray[np.float32]  # (height, width), ADU
    level: Mesh  # what is left of the background in `values`, ADU
    noise: Mesh  # standard deviation of `values`, ADU
    sigma: float  # of the Gaussian, pixels
    kernel: NDArray[np.float64]  # (n,), one axis of the Gaussian


@dataclass(frozen=True, slots=True)
class Peaks:
    """Candidates; arrays of one length n."""

    column: NDArray[np.intp]
    row: NDArray[np.intp]
    x: Floats  # sub-pixel, 0-based
    y: Floats
    value: Floats  # of the filtered frame at its maximum, ADU
    snr: Floats
    curvature: Floats  # mean second derivative of the logarithm, negative, per pixel^2

    def __len__(self) -> int:
        return int(self.column.size)

    def chosen(self, which: NDArray[np.generic]) -> "Peaks":
        """Return a selection or another order."""
        return Peaks(*(getattr(self, name)[which] for name in self.__slots__))


def gaussian(sigma: float) -> NDArray[np.float64]:
    """Return one axis of a Gaussian averaged over pixels, of unit sum."""
    radius = max(int(np.ceil(2.6 * sigma)), 1)
    fine = np.arange(-radius - 0.4, radius + 0.5, 0.2)
    kernel = np.exp(-0.5 * (fine / sigma) ** 2).reshape(-1, 5).sum(axis=1)
    return np.asarray(kernel / kernel.sum(), np.float64)


def matched_filter(
    data: NDArray[np.generic], background: Background, mask: NDArray[np.bool_] | None, sigma: float
) -> Filtered:
    """Subtract the background, correlate with a Gaussian of `sigma` pixels and measure the noise.

    The noise is measured on the result, not derived: compression, interpolation and colour mosaics make
    neighbouring pixels depend on each other, and a nebula's texture counts as noise where it is.
    """
    height, width = data.shape
    kernel = gaussian(sigma)
    halo = kernel.size // 2
    cell = background.level.cell
    values = np.empty((height, width), np.float32)
    samples: list[NDArray[np.float32]] = []
    strip = max(_STRIP // cell, 1) * cell
    floating = np.issubdtype(data.dtype, np.floating)
    # a quantised frame cannot be quieter than its steps
    floor = 0.29 if not floating else 0.0
    floor *= float(np.sqrt(np.sum(kernel**2) ** 2))
    for start in range(0, height, strip):
        stop = min(start + strip, height)
        low, high = max(start - halo, 0), min(stop + halo, height)
        part = cv2.subtract(data[low:high], background.level.rows(low, high), dtype=cv2.CV_32F)
        if mask is not None:
            part[mask[low:high]] = 0
        if floating:
            cv2.patchNaNs(part, 0.0)
            np.clip(part, -1e30, 1e30, out=part)
        part = cv2.sepFilter2D(part, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
        values[start:stop] = part[start - low : stop - low]
        for top in range(start, stop, cell):
            band = values[top : min(top + cell, stop)]
            samples.append(mesh_samples(band, cell, mask, top))
    left, measured = mesh_statistics(samples)
    least = max(floor, 0.25 * float(np.median(measured)), 1e-12)
    noise = Mesh(np.maximum(measured, least), cell, width, height)
    return Filtered(values, Mesh(left, cell, width, height), noise, sigma, kernel)


def find_peaks(filtered: Filtered, threshold: float, negative: bool = False, every: int = 1) -> Peaks:
    """Return local maxima above `threshold` standard deviations (minima below, where `negative`).

    With `every` above 1, only every so-many-th strip of the frame is searched.
    """
    height, width = filtered.values.shape
    size = 5 if filtered.sigma > 1.6 else 3
    sign = -1.0 if negative else 1.0
    window = np.ones((size, size), np.uint8)
    margin = size // 2
    found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    noise, cell = filtered.noise.values, filtered.noise.cell
    for start in range(0, height, _STRIP * every):
        stop = min(start + _STRIP, height)
        low, high = max(start - margin, 0), min(stop + margin, height)
        part = filtered.values[low:high]
        # the quietest cell's limit first: the exact one is asked of the few that pass
        cells = slice(max(start // cell - 1, 0), stop // cell + 2)
        least = float((sign * filtered.level.values[cells] + threshold * noise[cells]).min())
        if negative:
            part = -part
        top = cv2.dilate(part, window)[start - low : stop - low]
        part = part[start - low : stop - low]
        top = cv2.max(top, least)
        rows, columns = np.divmod(nonzero_bytes(cv2.compare(part, top, cv2.CMP_GE)), width)
        found.append((rows + start, columns))
    row = np.concatenate([f[0] for f in found]) if found else np.zeros(0, np.intp)
    column = np.concatenate([f[1] for f in found]) if found else np.zeros(0, np.intp)
    inner = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    peaks = _placed(filtered, row[inner], column[inner], sign)
    return peaks.chosen(peaks.snr >= threshold)


def _placed(filtered: Filtered, row: NDArray[np.intp], column: NDArray[np.intp], sign: float) -> Peaks:
    """Place maxima by a parabola through the logarithm of their 3x3 pixels: exact for Gaussian stars."""
    flat = filtered.values.ravel()
    width = filtered.values.shape[1]
    place = row * width + column
    around = np.stack([flat[place + dy * width + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=1).astype(float)
    around = sign * (around - filtered.level.at(column.astype(float), row.astype(float))[:, None])
    value = around[:, 4]
    logs = np.log(np.maximum(around, 0.02 * np.maximum(value, 1e-30)[:, None]))
    table = logs.reshape(-1, 3, 3)
    shifts, curvatures = [], []
    top = value.copy()
    for line in (table.mean(axis=1), table.mean(axis=2)):
        slope = 0.5 * (line[:, 2] - line[:, 0])
        bend = np.minimum(line[:, 2] + line[:, 0] - 2 * line[:, 1], -1e-6)
        shift = np.clip(-slope / bend, -0.6, 0.6)
        shifts.append(shift)
        curvatures.append(bend)
        top = top * np.exp(np.clip(-0.5 * bend * shift**2, 0, 1))
    x, y = column + shifts[0], row + shifts[1]
    snr = top / filtered.noise.at(x, y)
    return Peaks(column, row, x, y, top, snr, 0.5 * (curvatures[0] + curvatures[1]))


def stands_out(filtered: Filtered, peaks: Peaks, threshold: float) -> NDArray[np.bool_]:
    """Say which peaks rise above their own surroundings.

    Bumps on a bright star's halo, on spikes and on a nebula's ridges pass the threshold but not this: the peak
    must exceed a ring around it, whose pairs of opposite points are averaged (so that a slope cancels), by
    `threshold` deviations of the noise and of the ring together.
    """
    height, width = filtered.values.shape
    fwhm = 2.355 * filtered.sigma
    radius = max(2.0 * fwhm, 3.0)
    angles = np.arange(8) * np.pi / 8
    dx, dy = np.round(radius * np.cos(angles)).astype(int), np.round(radius * np.sin(angles)).astype(int)
    pairs = np.empty((8, len(peaks)), np.float32)
    for k in range(8):
        one = filtered.values[np.clip(peaks.row + dy[k], 0, height - 1), np.clip(peaks.column + dx[k], 0, width - 1)]
        two = filtered.values[np.clip(peaks.row - dy[k], 0, height - 1), np.clip(peaks.column - dx[k], 0, width - 1)]
        pairs[k] = 0.5 * (one + two)
    pairs.sort(axis=0)
    base = 0.5 * (pairs[3] + pairs[4]) - filtered.level.at(peaks.x, peaks.y)
    sigma = peaks.value / np.maximum(peaks.snr, 1e-9)
    # the lower half tells the ring's own scatter, beyond what noise gives it; neighbours sit in the upper one
    scatter = 1.48 * np.maximum(0.5 * (pairs[3] + pairs[4]) - 0.5 * (pairs[1] + pairs[2]), 0)
    texture = np.sqrt(np.maximum(scatter**2 - (_RING_NOISE * sigma) ** 2, 0))
    excess = peaks.value - np.maximum(base - _RING_NOISE * sigma, 0)
    return np.asarray(excess > threshold * np.hypot(sigma, texture), np.bool_)


def neighbours(data: NDArray[np.generic], background: Background, peaks: Peaks) -> tuple[Floats, Floats, Floats]:
    """Return the brightest pixel at each peak, the mean of the lesser three of its four neighbours, and the noise.

    A cosmic ray may light one neighbour or two in a row, a hot pixel none; a star lights all four.
    """
    height, width = data.shape
    level = background.level.at(peaks.x, peaks.y)
    noise = np.maximum(background.noise.at(peaks.x, peaks.y), 1e-9)
    row, column = peaks.row.clip(1, height - 2), peaks.column.clip(1, width - 2)
    nine = np.stack([data[row + dy, column + dx].astype(float) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=1)
    nine = np.nan_to_num(nine - level[:, None], nan=0.0)
    # the filtered maximum of a single bright pixel may lie beside it
    brightest = nine.argmax(axis=1)
    row = (row + brightest // 3 - 1).clip(1, height - 2)
    column = (column + brightest % 3 - 1).clip(1, width - 2)
    cross = np.stack(
        [data[row + dy, column + dx].astype(float) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))], axis=1
    )
    cross = np.sort(np.nan_to_num(cross - level[:, None], nan=0.0), axis=1)
    return nine.max(axis=1), cross[:, :3].mean(axis=1), noise


def is_star_shaped(data: NDArray[np.generic], background: Background, peaks: Peaks, fwhm: float) -> NDArray[np.bool_]:
    """Say which peaks are as wide as a star: hot pixels and cosmic-ray hits are narrower.

    Where the stars themselves are so undersampled that nothing tells them apart, all pass.
    """
    if fwhm < _SHARPEST or not len(peaks):
        return np.ones(len(peaks), np.bool_)
    centre, lesser, noise = neighbours(data, background, peaks)
    # the width of undersampled stars is measured too large, by up to so much
    sharpest = fwhm if fwhm > _UNDERSAMPLED_PX else max(fwhm - 0.6, 0.6)
    return np.asarray(lesser + 1.5 * noise > 0.5 * neighbour_share(sharpest) * centre, np.bool_)


def neighbour_share(fwhm: float) -> float:
    """Return the light of a pixel beside a star's central one, as a share of that: at its least, when centred."""
    sigma = fwhm / 2.355
    inner = math.erf(0.5 / (sigma * math.sqrt(2)))
    outer = 0.5 * (math.erf(1.5 / (sigma * math.sqrt(2))) - inner)
    return outer / inner
