"""Locator maps: where in the sky a field lies, among the bright stars and the figures of the constellations.

The whole sky is drawn in Hammer's equal-area projection, parts of it stereographically; north is up and east is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.preview import encode
from hven.science.frames.stretch import Bytes
from hven.science.sky.sphere import angles, tangent_basis, unit_vectors
from hven.science.sky.wcs import Wcs

ZOOMS = 4  # 0: the whole sky, 1: 120 degrees, 2 and 3: ever closer around the field
_SIDE = 500  # pixels
_SHIFT = 4  # OpenCV's fixed point: sixteenths of a pixel
_BACK, _GRID, _FIGURE, _STAR, _LABEL, _FIELD = (
    (16, 20, 34), (46, 54, 78), (70, 92, 140), (235, 235, 225), (130, 145, 180), (255, 90, 80),
)  # fmt: skip

Vectors = NDArray[np.float64]
Pixels = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Sky:
    """What maps show besides the field."""

    stars: Vectors  # (n, 3), unit
    magnitudes: NDArray[np.floating]  # (n,)
    figures: Vectors  # (m, 3), points close together along the lines
    labels: Sequence[tuple[str, Vectors]] = ()  # a name, and where it stands: (3,)


@dataclass(frozen=True, slots=True)
class _Map:
    """How directions become pixels; `width` in degrees, None for the whole sky."""

    ra: float
    dec: float
    width: float | None
    wide: int
    high: int

    def pixels(self, vectors: Vectors) -> Pixels:
        """Return x, y (pixels) and whether a direction is on the map."""
        if self.width is None:
            return self._hammer(vectors)
        east, north, out = tangent_basis(self.ra, self.dec)
        depth = 1.0 + vectors @ out
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = vectors @ east / depth, vectors @ north / depth
        scale = self.wide / (2.0 * np.tan(np.radians(self.width / 4.0)))
        px, py = self.wide / 2 - x * scale, self.high / 2 - y * scale
        good = (depth > 1e-3) & (np.abs(px - self.wide / 2) < self.wide) & (np.abs(py - self.high / 2) < self.high)
        return px, py, good

    def _hammer(self, vectors: Vectors) -> Pixels:
        ra, dec = angles(vectors)
        lon, lat = np.radians((ra - self.ra + 180.0) % 360.0 - 180.0), np.radians(dec)
        root = np.sqrt(1.0 + np.cos(lat) * np.cos(lon / 2))
        x, y = np.cos(lat) * np.sin(lon / 2) / root, np.sin(lat) / root
        return self.wide / 2 * (1 - 0.98 * x), self.high / 2 * (1 - 0.98 * y), np.ones(x.shape, bool)


def locator(wcs: Wcs, sky: Sky, zoom: int) -> bytes:
    """Return a PNG with the field of a projection marked; Invalid for a zoom that there is not."""
    if not 0 <= zoom < ZOOMS:
        raise Invalid(f"Maps of the sky have the zooms 0 to {ZOOMS - 1}.")
    ra, dec = wcs.centre
    widths = (None, 120.0, min(120.0, max(30.0, 12 * wcs.radius_deg)), min(120.0, max(5.0, 5 * wcs.radius_deg)))
    chart = _Map(ra, dec, widths[zoom], _SIDE if zoom else 2 * _SIDE, _SIDE)
    image: Bytes = np.full((chart.high, chart.wide, 3), _BACK, np.uint8)
    for line in _graticule():
        _polyline(image, chart, line, _GRID)
    _dots(image, chart, sky.figures)
    _stars(image, chart, sky)
    for name, place in sky.labels:
        x, y, good = chart.pixels(place[None])
        if good[0]:
            at = (int(x[0]) - 10, int(y[0]))
            cv2.putText(image, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.35, _LABEL, 1, cv2.LINE_AA)
    _polyline(image, chart, _outline(wcs), _FIELD, 2)
    x, y, _ = chart.pixels(unit_vectors(ra, dec)[None])
    if widths[zoom] is None or (widths[zoom] or 0.0) > 30 * wcs.radius_deg:  # too small to be seen otherwise
        cv2.circle(image, _fixed(x[0], y[0]), 9 << _SHIFT, _FIELD, 2, cv2.LINE_AA, _SHIFT)
    return encode(image, "png")


def _graticule() -> list[Vectors]:
    along = np.linspace(-180.0, 180.0, 181)
    lines = [unit_vectors(along, np.full_like(along, dec)) for dec in range(-60, 90, 30)]
    up = np.linspace(-90.0, 90.0, 91)
    return lines + [unit_vectors(np.full_like(up, ra), up) for ra in range(0, 360, 30)]


def _outline(wcs: Wcs) -> Vectors:
    t = np.linspace(0.0, 1.0, 25)
    low, right, top = -0.5, wcs.width - 0.5, wcs.height - 0.5
    span_x, span_y = low + t * (right - low), low + t * (top - low)
    x = np.concatenate([span_x, np.full_like(t, right), span_x[::-1], np.full_like(t, low)])
    y = np.concatenate([np.full_like(t, low), span_y, np.full_like(t, top), span_y[::-1]])
    ra, dec = wcs.to_sky(x, y)
    good = np.isfinite(ra) & np.isfinite(dec)
    return unit_vectors(ra[good], dec[good])


def _polyline(image: Bytes, chart: _Map, vectors: Vectors, colour: tuple[int, int, int], width: int = 1) -> None:
    x, y, good = chart.pixels(vectors)
    for i in range(len(x) - 1):
        # A line across the map's edge comes back on its other side.
        if good[i] and good[i + 1] and abs(x[i] - x[i + 1]) < chart.wide / 3:
            cv2.line(image, _fixed(x[i], y[i]), _fixed(x[i + 1], y[i + 1]), colour, width, cv2.LINE_AA, _SHIFT)


def _dots(image: Bytes, chart: _Map, vectors: Vectors) -> None:
    if not len(vectors):
        return
    x, y, good = chart.pixels(vectors)
    column, row = x.round(), y.round()
    good &= (column >= 0) & (column < chart.wide) & (row >= 0) & (row < chart.high)
    image[row[good].astype(int), column[good].astype(int)] = _FIGURE


def _stars(image: Bytes, chart: _Map, sky: Sky) -> None:
    if not len(sky.stars):
        return
    faintest = 4.5 if chart.width is None else 5.0 if chart.width > 60 else 6.5
    x, y, good = chart.pixels(sky.stars)
    for i in np.flatnonzero(good & (sky.magnitudes < faintest)):
        radius = max(0.5, 0.55 * (faintest + 0.5 - float(sky.magnitudes[i])))
        cv2.circle(image, _fixed(x[i], y[i]), int(radius * 2**_SHIFT), _STAR, -1, cv2.LINE_AA, _SHIFT)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)
