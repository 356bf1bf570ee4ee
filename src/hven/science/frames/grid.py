"""Lines of right ascension and declination as polylines in a frame's pixels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.wcs import Wcs

# Steps that divide a degree, or an hour, as people do. Degrees; for right ascension seconds of time.
DEC_STEPS = tuple(
    s / 3600
    for s in (
        0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000,
        36_000, 72_000, 108_000,
    )
)  # fmt: skip
RA_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800)
EDGE_POINTS = 40  # of the border and of each row of the inner net, to find the range of sky in the frame
LINE_POINTS = 160
MARGIN_PX = 1.0

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridLine:
    """One meridian or parallel, in as many pieces as the frame shows of it."""

    axis: str  # "ra" or "dec"
    value_deg: float
    label: str  # "11h20m" or "+13 deg 20 arcmin" in the usual signs
    pieces: tuple[Points, ...]  # each (n, 2): 0-based pixels x, y
    label_at: tuple[float, float]  # a point of the line near the frame's edge


@dataclass(frozen=True, slots=True)
class Grid:
    """All lines of a frame and their spacing."""

    lines: tuple[GridLine, ...]
    ra_step_deg: float
    dec_step_deg: float


class Sky(NamedTuple):
    """A line before it is projected."""

    axis: str
    value_deg: float
    label: str
    ra: Points  # degrees
    dec: Points


def grid_lines(wcs: Wcs, lines: int = 6) -> Grid:
    """Return meridians and parallels, about `lines` of them across the longer side of the frame.

    Frames that contain a pole or cross 0h work; at a pole the meridians are those of whole hours.
    """
    ra, dec = _sample(wcs)
    dec = dec[np.isfinite(dec)]
    if not dec.size:
        return Grid((), 0.0, 0.0)
    north, south = _contains_pole(wcs, 90.0), _contains_pole(wcs, -90.0)
    low = -90.0 if south else float(dec.min())
    high = 90.0 if north else float(dec.max())
    span = wcs.scale_arcsec * max(wcs.width, wcs.height) / 3600
    dec_step = _nearest_step(span / lines, DEC_STEPS)
    if north or south:
        ra_from, ra_span, ra_step = 0.0, 360.0, 15.0 if span < 60 else 30.0
    else:
        ra_from, ra_span = _arc(ra)
        across = min(span / max(np.cos(np.radians(max(abs(low), abs(high)))), 1e-4), ra_span * 1.2)
        ra_step = _nearest_step(across / lines, tuple(s / 240 for s in RA_STEPS_S))
    lon = np.linspace(ra_from, ra_from + ra_span, LINE_POINTS * (3 if ra_span > 180 else 1))
    values = [value for value in _multiples(low, high, dec_step) if abs(value) < 90]
    sky = [Sky("dec", v, _dec_label(v, dec_step), lon, np.full(lon.size, v)) for v in values]
    # meridians stop short of a pole, where they would paint a blot
    top = 90 - dec_step / 4 if north else high
    bottom = -90 + dec_step / 4 if south else low
    lat = np.linspace(bottom, top, LINE_POINTS)
    turns = _multiples(ra_from, ra_from + min(ra_span, 360 - ra_step), ra_step)
    sky += [Sky("ra", v % 360, _ra_label(v % 360, ra_step), np.full(lat.size, v), lat) for v in turns]
    return Grid(tuple(_lines(wcs, sky)), ra_step, dec_step)


def _sample(wcs: Wcs) -> tuple[Points, Points]:
    x, y = np.meshgrid(
        np.linspace(-0.5, wcs.width - 0.5, EDGE_POINTS), np.linspace(-0.5, wcs.height - 0.5, EDGE_POINTS)
    )
    return wcs.to_sky(x.ravel(), y.ravel())


def _contains_pole(wcs: Wcs, dec: float) -> bool:
    return bool(wcs.contains(0.0, dec))


def _arc(ra: Points) -> tuple[float, float]:
    """Return begin and length of the shortest arc that holds all: the complement of the widest gap."""
    ordered = np.sort(ra[np.isfinite(ra)])
    gaps = np.diff(np.append(ordered, ordered[0] + 360))
    widest = int(np.argmax(gaps))
    return float(ordered[(widest + 1) % ordered.size]), float(360 - gaps[widest])


def _nearest_step(wanted: float, steps: tuple[float, ...]) -> float:
    return min(steps, key=lambda step: abs(np.log(step / max(wanted, 1e-9))))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [round(k * step, 9) for k in range(first, last + 1)][:400]


def _lines(wcs: Wcs, sky: list[Sky]) -> list[GridLine]:
    """Return what the frame shows of lines; all are projected at once, which takes a fraction of the time."""
    if not sky:
        return []
    x, y = wcs.to_pixel(np.concatenate([line.ra for line in sky]), np.concatenate([line.dec for line in sky]))
    ends = np.cumsum([line.ra.size for line in sky])[:-1]
    found = [_line(wcs, *each) for each in zip(sky, np.split(x, ends), np.split(y, ends), strict=True)]
    return [line for line in found if line is not None]


def _line(wcs: Wcs, sky: Sky, x: Points, y: Points) -> GridLine | None:
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5 - MARGIN_PX) & (x <= wcs.width - 0.5 + MARGIN_PX)
        inside &= (y >= -0.5 - MARGIN_PX) & (y <= wcs.height - 0.5 + MARGIN_PX)
    finite = np.isfinite(x) & np.isfinite(y)
    # one point beyond each end keeps the line going to the very edge
    keep = inside.copy()
    keep[:-1] |= inside[1:]
    keep[1:] |= inside[:-1]
    keep &= finite
    if not inside.any():
        return None
    pieces = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.view(np.int8), [0]])))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin > 1:
            pieces.append(np.stack([x[begin:end], y[begin:end]], axis=-1))
    if not pieces:
        return None
    seen = np.flatnonzero(inside)
    distance = np.minimum.reduce([x[seen], wcs.width - 1 - x[seen], y[seen], wcs.height - 1 - y[seen]])
    at = seen[int(np.argmin(distance))]
    return GridLine(sky.axis, float(sky.value_deg), sky.label, tuple(pieces), (float(x[at]), float(y[at])))


def _ra_label(value_deg: float, step_deg: float) -> str:
    seconds = round(value_deg * 240, 3) % 86_400
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{int(hours)}h"
    step_s = step_deg * 240
    if step_s < 3599:
        text += f"{int(minutes):02d}m"
    if step_s < 59.9:
        text += f"{seconds:04.1f}s" if step_s >= 0.09 else f"{seconds:05.2f}s"
        text = text.replace(".0s", "s") if step_s >= 0.9 else text
    return text


def _dec_label(value: float, step: float) -> str:
    tenths = round(abs(value) * 36_000)
    degrees, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    text = f"{'-' if value < 0 else '+' if tenths else ''}{degrees}\u00b0"
    if step < 0.999:
        text += f"{minutes:02d}'"
    if step < 59 / 3600:
        text += f'{rest / 10:04.1f}"' if step < 0.9 / 3600 else f'{rest // 10:02d}"'
    return text
