"""The figures of the constellations: which of them a field shows, whole or in part.

The data are those of d3-celestial (Frohn, BSD-3): `constellations.lines.json` and `constellations.json`.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import angles, unit_vectors
from hven.science.sky.wcs import Wcs

LINES, NAMES = "constellations.lines.json", "constellations.json"
STEP_DEG = 0.1  # between points of a line; a smaller field may miss a line that cuts its corner


@dataclass(frozen=True, slots=True)
class Figures:
    """Points along the lines of all figures; empty, with a note, where the files are missing."""

    short: tuple[str, ...]  # "Ori", one for each constellation
    name: tuple[str, ...]  # "Orion"
    owner: NDArray[np.int16]  # (n,), index of the constellation that a point belongs to
    vector: NDArray[np.float64]  # (n, 3), unit
    note: str = ""


@lru_cache(maxsize=4)
def constellation_figures(folder: Path) -> Figures:
    """Read the figures from d3-celestial's data folder; where they are missing or broken, none and a note."""
    try:
        lines = json.loads((folder / LINES).read_text(encoding="utf-8"))["features"]
        named = json.loads((folder / NAMES).read_text(encoding="utf-8"))["features"]
        names = {str(one["id"]): str(one["properties"]["name"]) for one in named}
        shapes: dict[str, list[NDArray[np.float64]]] = {}
        for one in lines:
            parts = shapes.setdefault(str(one["id"]), [])
            parts += [_along(np.asarray(part, float)) for part in one["geometry"]["coordinates"]]
        shapes = {short: parts for short, parts in shapes.items() if parts}
        owner = np.concatenate([np.full(len(p), i, np.int16) for i, s in enumerate(shapes.values()) for p in s])
        vector = np.concatenate([part for parts in shapes.values() for part in parts])
    except OSError:
        return _none("The constellations are not installed; the page assets bring them (npm ci).")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return _none("The file with the constellations is broken; install the page assets again (npm ci).")
    return Figures(tuple(shapes), tuple(names.get(short, short) for short in shapes), owner, vector)


def _none(note: str) -> Figures:
    return Figures((), (), np.empty(0, np.int16), np.empty((0, 3)), note)


def _along(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors along the great circles between corners of shape (k, 2), degrees."""
    vectors = unit_vectors(corners[:, 0], corners[:, 1])
    pieces = [vectors[:1]]
    for a, b in pairwise(vectors):
        angle = float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
        count = max(1, int(np.ceil(np.degrees(angle) / STEP_DEG)))
        t = (np.arange(count) + 1)[:, None] / count
        sine = np.sin(angle) or 1.0
        between = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine
        pieces.append(between if angle > 0 else np.repeat(b[None], count, axis=0))
    return np.concatenate(pieces)


def constellations_in_field(wcs: Wcs, figures: Figures) -> list[str]:
    """Return "The constellation Orion (Ori)" for whole figures, "Part of the constellation ..." for others."""
    if not figures.short:
        return []
    centre = unit_vectors(*wcs.centre)
    reach = np.cos(np.radians(min(90.0 if wcs.radial is None else 180.0, 1.3 * wcs.radius_deg + 1.0)))
    near = np.flatnonzero(figures.vector @ centre > reach)
    inside = near[wcs.contains(*angles(figures.vector[near]))]
    seen = np.bincount(figures.owner[inside], minlength=len(figures.short))
    total = np.bincount(figures.owner, minlength=len(figures.short))
    return [
        f"{'The' if seen[i] == total[i] else 'Part of the'} constellation {figures.name[i]} ({figures.short[i]})"
        for i in np.flatnonzero(seen).tolist()
    ]
