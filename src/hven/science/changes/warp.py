"""Resampling a frame onto another's grid through both projections.

The map is computed exactly on a coarse grid of pixels and interpolated by a bicubic spline, which is a product of two
small matrices. Pixels are resampled with a Lanczos kernel of order 4 (Duchon 1979, J. Appl. Meteor. 18, 1016); OpenCV
rounds positions to 1/32 pixel, so the remainder is made good to first order by the gradient.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from hven.errors import Invalid
from hven.science.sky.wcs import Wcs

_STEP = 32  # pixels between exact nodes of the map
_STRIP = 256  # rows resampled at a time
_FRACTIONS = 32  # of a pixel, to which OpenCV rounds
_SAME_PX = 2e-3  # a map that close to whole pixels is a copy
_LEAST_OVERLAP = 0.02  # of the frame's pixels
_REACH = 4  # pixels of the Lanczos kernel on each side
_COVERED = 0.05  # share of a masked pixel from which a resampled one is masked

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Affine:
    """A small linear correction of positions: x' = x + offset + matrix (x - centre), pixels."""

    offset: tuple[float, float] = (0.0, 0.0)
    matrix: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    centre: tuple[float, float] = (0.0, 0.0)

    def __call__(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return corrected positions (any shape)."""
        u, v = x - self.centre[0], y - self.centre[1]
        (a, b), (c, d) = self.matrix
        return x + self.offset[0] + a * u + b * v, y + self.offset[1] + c * u + d * v


@dataclass(frozen=True, slots=True)
class PixelMap:
    """Where the pixels of one grid lie on another, exact at the nodes of a mesh."""

    x: Floats  # (rows, columns) of nodes: 0-based pixels of the other grid
    y: Floats
    width: int  # of this grid, pixels
    height: int

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return x and y on the other grid of the pixels in rows start..stop, (stop - start, width) float32 each."""
        down = _spline(self.x.shape[0], np.arange(start, stop))
        across = _spline(self.x.shape[1], np.arange(self.width))
        return (
            (down @ self.x @ across.T).astype(np.float32),
            (down @ self.y @ across.T).astype(np.float32),
        )

    @property
    def scale(self) -> float:
        """Pixels of the other grid per pixel of this one, linear, in the middle of the frame."""
        j, i = self.x.shape[0] // 2, self.x.shape[1] // 2
        j, i = min(j, self.x.shape[0] - 2), min(i, self.x.shape[1] - 2)
        ax, ay = self.x[j, i + 1] - self.x[j, i], self.y[j, i + 1] - self.y[j, i]
        bx, by = self.x[j + 1, i] - self.x[j, i], self.y[j + 1, i] - self.y[j, i]
        return float(np.sqrt(abs(ax * by - ay * bx))) / _STEP


@dataclass(frozen=True, slots=True)
class Warped:
    """A frame resampled onto another grid."""

    data: NDArray[np.float32]  # (height, width), ADU per pixel of the new grid; 0 where there is no value
    mask: NDArray[np.bool_]  # (height, width), True where there is no value
    scale: float  # old pixels per new pixel, linear
    overlap: float  # share of the grid that has a value


def pixel_map(to: Wcs, source: Wcs, correction: Affine | None = None) -> PixelMap:
    """Return where the pixels of the grid `to` lie on `source`'s, with a correction of those positions.

    Raises
    ------
    Invalid
        The projections have no sky in common.

    """
    x, y = pixel_nodes(to.width, to.height)
    u, v = source.to_pixel(*to.to_sky(x, y))
    if correction is not None:
        u, v = correction(u, v)
    if not (np.isfinite(u).any() and np.isfinite(v).any()):
        raise Invalid(_NO_OVERLAP)
    far = 1e6  # nodes that the projection does not reach lie far outside, not nowhere
    return PixelMap(np.nan_to_num(u, nan=far), np.nan_to_num(v, nan=far), to.width, to.height)


def pixel_nodes(width: int, height: int) -> tuple[Floats, Floats]:
    """Return x and y, (rows, columns) each, of the pixels at which a map of a grid is exact."""
    x, y = np.meshgrid(_nodes(width), _nodes(height))
    return x, y


_NO_OVERLAP = "The template does not overlap the frame on the sky; choose one of the same field."


def warp(
    data: NDArray[np.generic],
    source: Wcs,
    to: Wcs,
    *,
    mask: NDArray[np.bool_] | None = None,
    correction: Affine | None = None,
) -> Warped:
    """Resample a frame onto the grid of another projection, conserving the flux of every source.

    Parameters
    ----------
    data : (height, width)
        Pixels, ADU, any real type; NaN count as masked.
    source, to : Wcs
        The projections of `data` and of the wanted grid.
    mask : (height, width) bool, optional
        True where a pixel has no value.
    correction : Affine, optional
        Applied to positions on `data`'s grid (see `register`).

    Raises
    ------
    Invalid
        The frames overlap on less than a fiftieth of the grid, or the mask is of another size.

    """
    if mask is not None and mask.shape != data.shape:
        raise Invalid("The template and its mask differ in size.")
    mapping = pixel_map(to, source, correction)
    return resample(data, mapping, mask=mask)


def resample(data: NDArray[np.generic], mapping: PixelMap, *, mask: NDArray[np.bool_] | None = None) -> Warped:
    """Resample pixels through a map; as `warp`."""
    pixels, bad = _filled(data, mask)
    scale = mapping.scale
    shift = 0.0
    factor = int(scale + 0.25)
    if factor >= 2:
        # finer pixels are added up first: interpolation between them would leave most of their light unread
        height, width = pixels.shape[0] // factor * factor, pixels.shape[1] // factor * factor
        size = (width // factor, height // factor)
        pixels = cv2.resize(pixels[:height, :width], size, interpolation=cv2.INTER_AREA) * np.float32(factor**2)
        if bad is not None:
            bad = cv2.resize(bad[:height, :width].astype(np.float32), size, interpolation=cv2.INTER_AREA) > _COVERED
        shift = (factor - 1) / 2
    mapping = (
        PixelMap((mapping.x - shift) / factor, (mapping.y - shift) / factor, mapping.width, mapping.height)
        if factor >= 2
        else mapping
    )
    copied = _copied(pixels, bad, mapping)
    if copied is not None:
        return copied
    return _resampled(pixels, bad, mapping, scale)


def _resampled(pixels: NDArray[np.float32], bad: NDArray[np.bool_] | None, mapping: PixelMap, scale: float) -> Warped:
    height, width = pixels.shape
    out = np.empty((mapping.height, mapping.width), np.float32)
    out_mask = np.empty((mapping.height, mapping.width), np.bool_)
    share = None if bad is None or not bad.any() else bad.astype(np.float32)
    area = np.float32(mapping.scale**2)
    for start in range(0, mapping.height, _STRIP):
        stop = min(start + _STRIP, mapping.height)
        low, high = max(start - 1, 0), min(stop + 1, mapping.height)
        x, y = mapping.rows(low, high)
        part = cv2.remap(pixels, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
        part = _unrounded(part, x, y)[start - low : stop - low]
        x, y = x[start - low : stop - low], y[start - low : stop - low]
        outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
        if share is not None:
            outside |= cv2.remap(share, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > _COVERED
        part *= area
        part[outside] = 0
        out[start:stop], out_mask[start:stop] = part, outside
    overlap = 1 - float(np.count_nonzero(out_mask)) / out_mask.size
    if overlap < _LEAST_OVERLAP:
        raise Invalid(_NO_OVERLAP)
    return Warped(out, out_mask, scale, overlap)


def _unrounded(part: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take back OpenCV's rounding of positions: add gradient times remainder."""
    if min(part.shape) < 3:
        return part
    off_x, off_y = x - np.rint(x * _FRACTIONS) / _FRACTIONS, y - np.rint(y * _FRACTIONS) / _FRACTIONS
    j, i = part.shape[0] // 2, part.shape[1] // 2
    jacobian = np.array(
        [[x[j, i] - x[j, i - 1], x[j, i] - x[j - 1, i]], [y[j, i] - y[j, i - 1], y[j, i] - y[j - 1, i]]]
    )
    if abs(np.linalg.det(jacobian)) < 1e-6 or not np.isfinite(jacobian).all():
        return part
    inverse = np.linalg.inv(jacobian)
    step_x = np.float32(inverse[0, 0]) * off_x + np.float32(inverse[0, 1]) * off_y
    step_y = np.float32(inverse[1, 0]) * off_x + np.float32(inverse[1, 1]) * off_y
    line = np.array([-0.5, 0.0, 0.5], np.float32)
    one = np.ones(1, np.float32)
    step_x *= cv2.sepFilter2D(part, -1, line, one, borderType=cv2.BORDER_REPLICATE)
    step_y *= cv2.sepFilter2D(part, -1, one, line, borderType=cv2.BORDER_REPLICATE)
    step_x += step_y
    step_x += part
    return np.asarray(step_x, np.float32)


def _copied(pixels: NDArray[np.float32], bad: NDArray[np.bool_] | None, mapping: PixelMap) -> Warped | None:
    """Return a copy where the grids differ by whole pixels only; None where they do not."""
    columns, rows = _nodes(mapping.width), _nodes(mapping.height)
    dx, dy = mapping.x - columns[None, :], mapping.y - rows[:, None]
    ix, iy = round(float(np.median(dx))), round(float(np.median(dy)))
    if np.abs(dx - ix).max() > _SAME_PX or np.abs(dy - iy).max() > _SAME_PX:
        return None
    height, width = pixels.shape
    out = np.zeros((mapping.height, mapping.width), np.float32)
    out_mask = np.ones((mapping.height, mapping.width), np.bool_)
    x0, x1 = max(0, -ix), min(mapping.width, width - ix)
    y0, y1 = max(0, -iy), min(mapping.height, height - iy)
    if x1 > x0 and y1 > y0:
        out[y0:y1, x0:x1] = pixels[y0 + iy : y1 + iy, x0 + ix : x1 + ix]
        out_mask[y0:y1, x0:x1] = False if bad is None else bad[y0 + iy : y1 + iy, x0 + ix : x1 + ix]
    overlap = 1 - float(np.count_nonzero(out_mask)) / out_mask.size
    if overlap < _LEAST_OVERLAP:
        raise Invalid(_NO_OVERLAP)
    out[out_mask] = 0
    return Warped(out, out_mask, 1.0, overlap)


def _filled(
    data: NDArray[np.generic], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return float32 pixels without holes, and where the holes were; they hold the median, so that nothing rings."""
    if data.ndim != 2:
        raise Invalid("A plane of numbers is resampled; this is not one.")
    pixels = np.ascontiguousarray(data, dtype=np.float32)
    bad = ~np.isfinite(pixels)
    if mask is not None:
        bad |= mask
    if not bad.any():
        return pixels, None
    if bad.all():
        raise Invalid("Every pixel of the template is masked.")
    pixels = pixels.copy()
    pixels[bad] = np.median(pixels[~bad][:: max(1, pixels.size // 100_000)])
    return pixels, bad


def _nodes(size: int) -> Floats:
    """Return the pixels at which the map is exact along one axis: some beyond each end."""
    return np.arange(-1, -(-size // _STEP) + 2, dtype=float) * _STEP


def _spline(nodes: int, places: NDArray[np.int64]) -> Floats:
    """Return the matrix (places, nodes) of spline interpolation from the nodes of an axis."""
    where = (np.arange(nodes) - 1.0) * _STEP
    return np.asarray(CubicSpline(where, np.eye(nodes))(places), np.float64)
