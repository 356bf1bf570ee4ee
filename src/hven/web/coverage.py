"""Which field widths the solver covers, and what a user's own cameras still need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hven.accounts.models import User
from hven.archive.models import DataFile
from hven.imaging.models import Run, Solution
from hven.science.catalogues.indexes import IndexFile, whole_sky
from hven.science.catalogues.patterns import NARROWEST_DEG, WIDEST_DEG
from hven.science.catalogues.series import advice, is_covered, size_of, word_for

_FROM_DEG, _TO_DEG = 1 / 60, 180.0  # the ends of the bar
_TICKS = ((1 / 60, "1′", True), (4 / 60, "4′", False), (10 / 60, "10′", True), (0.5, "30′", False), (1.0, "1°", True),
          (3.0, "3°", False), (10.0, "10°", True), (30.0, "30°", False), (180.0, "180°", True))  # fmt: skip
_RELIABLE = 2.1  # sizes of an index's smallest asterisms that a frame is wide, for nearly all to be placed
_LATEST = 1000  # files that are looked at
_SAME_WIDTH = 1.06  # ratio within which frames of one camera count as equally wide
_MOST_CAMERAS = 12


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the bar, in percent of its width."""

    start: float
    length: float
    kind: str  # patterns, public (the whole sky), own (parts of it); "edge" where only some frames are placed
    top: int  # pixels


@dataclass(frozen=True, slots=True)
class Camera:
    """Frames of one camera and one width."""

    name: str
    width_deg: float
    frames: int
    solved: int
    covered: bool  # wherever it points
    partly: bool  # where an own or incomplete index reaches
    words: tuple[str, ...]  # for `hven index fetch`
    bytes: int

    @property
    def at(self) -> float:
        """Its place on the bar, percent."""
        return place(self.width_deg)


def place(width_deg: float) -> float:
    """Return where a width lies on the bar, percent; logarithmic."""
    share = np.log(np.clip(width_deg, _FROM_DEG, _TO_DEG) / _FROM_DEG) / np.log(_TO_DEG / _FROM_DEG)
    return round(100 * float(share), 2)


def ticks() -> list[tuple[float, str, bool]]:
    """Return the marks of the bar: place in percent, words, and whether a narrow screen shows them."""
    return [(place(width), words, always) for width, words, always in _TICKS]


def segments(installed: Sequence[IndexFile]) -> list[Segment]:
    """Return what is covered: by star patterns, by indexes of the whole sky, by those of parts of it, each merged."""
    found = [_segment(NARROWEST_DEG, WIDEST_DEG, "patterns", 0)]
    whole, part = _split(installed)
    for row, (kind, indexes) in enumerate((("public", whole), ("own", part)), 1):
        some = _merged((i.field_low_deg, i.field_high_deg) for i in indexes)
        found += [_segment(low, high, "edge", row) for low, high in some]
        found += [_segment(low, high, kind, row) for low, high in _reliable(indexes)]
    return found


def in_words(installed: Sequence[IndexFile]) -> str:
    """Return what the bar shows, as a sentence."""
    whole, part = _split(installed)
    said = f"Covered are fields of {_spans(_merged([(NARROWEST_DEG, WIDEST_DEG), *_reliable(whole)]))}"
    return f"{said}, in parts of the sky also of {_spans(_reliable(part))}." if part else f"{said}."


def _split(installed: Sequence[IndexFile]) -> tuple[list[IndexFile], list[IndexFile]]:
    whole = set(whole_sky(installed))
    return [i for i in installed if i in whole], [i for i in installed if i not in whole]


def _reliable(indexes: Sequence[IndexFile]) -> list[tuple[float, float]]:
    return _merged((_RELIABLE * i.quad_low_arcmin / 60, i.field_high_deg) for i in indexes)


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    return " and ".join(f"{_angle(low)} to {_angle(min(high, 180))}" for low, high in spans)


def cameras(user: User, installed: Sequence[IndexFile]) -> list[Camera]:
    """Return the cameras of a user's latest frames, those that need something first."""
    files = list(
        DataFile.objects.filter(owner=user).order_by("-id").values_list(
            "pk", "camera", "width", "height", "meaning__scale_arcsec", "meaning__telescope"
        )[:_LATEST]
    )  # fmt: skip
    numbers = [row[0] for row in files]
    solved = {
        pk: 2 * radius * width / float(np.hypot(width, height))
        for pk, radius, width, height in Solution.objects.filter(run__reduction__data_file__in=numbers)
        .order_by("id")
        .values_list("run__reduction__data_file", "radius_deg", "width", "height")
    }
    told = _told(numbers)
    groups: dict[tuple[str, int], list[tuple[float, bool]]] = {}
    for pk, camera, width, _height, scale, telescope in files:
        wide = solved.get(pk) or _width(width, scale) or _width(width, told.get(pk))
        if wide is None:
            continue
        name = ", ".join(str(word) for word in (camera, telescope) if word) or "no camera named"
        groups.setdefault((name, round(np.log(wide) / np.log(_SAME_WIDTH))), []).append((wide, pk in solved))
    found = [_camera(name, frames, installed) for (name, _), frames in groups.items()]
    return sorted(found, key=lambda c: (c.covered, -c.frames, c.width_deg))[:_MOST_CAMERAS]


def _camera(name: str, frames: list[tuple[float, bool]], installed: Sequence[IndexFile]) -> Camera:
    width = float(np.median([wide for wide, _ in frames]))
    whole, part = _split(installed)
    scales = advice(width, whole)
    covered = is_covered(width, whole)
    return Camera(
        name=name,
        width_deg=width,
        frames=len(frames),
        solved=sum(solved for _, solved in frames),
        covered=covered,
        partly=not covered and is_covered(width, part),
        words=tuple(word_for(scale) for scale in scales),
        bytes=size_of(scales),
    )


def _told(files: Sequence[int]) -> dict[int, float]:
    """Return the scales, arcseconds per pixel, that users gave with frames."""
    rows = (
        Run.objects.filter(reduction__data_file__in=files).order_by("id").values_list("reduction__data_file", "config")
    )
    found: dict[int, float] = {}
    for pk, config in rows:
        low, high = config.get("scale_low"), config.get("scale_high")
        if low and high and pk is not None:
            found[pk] = float(np.sqrt(low * high))
    return found


def _width(pixels: int | None, scale: Any) -> float | None:
    if not pixels or not isinstance(scale, int | float) or not 0 < scale < 1e5:
        return None
    return min(pixels * scale / 3600, 180.0)


def _segment(low: float, high: float, kind: str, row: int) -> Segment:
    start, end = place(low), place(high)
    return Segment(start, round(max(end - start, 0.4), 2), kind, 4 + 18 * row)


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _angle(degrees: float) -> str:
    return f"{degrees:.2g}°" if degrees < 1 else f"{degrees:.0f}°"
