"""Orders of a source list that suit matching."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hven.science.stars.solution import SourceList

Floats = NDArray[np.float64]


def uniform_order(x: Floats, y: Floats, width: int, height: int, cells: int = 6) -> NDArray[np.intp]:
    """Return the order that takes the brightest of every cell first, then every cell's second, and so on.

    Positions must come brightest first. `cells` is the number of cells along the longer side. A cluster or a
    bright nebula then cannot fill the head of the list.
    """
    side = max(width, height) / cells
    column = np.clip((x / side).astype(int), 0, cells - 1)
    row = np.clip((y / side).astype(int), 0, cells - 1)
    cell = row * cells + column
    by_cell = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[by_cell], np.arange(cells * cells))
    rank = np.empty(x.size, np.intp)
    rank[by_cell] = np.arange(x.size) - starts[cell[by_cell]]
    return np.argsort(rank, kind="stable")


def without_crowding(x: Floats, y: Floats, distance: float) -> NDArray[np.bool_]:
    """Say which positions have no brighter one within `distance` pixels (positions come brightest first)."""
    keep = np.ones(x.size, np.bool_)
    if x.size < 2:
        return keep
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(distance, output_type="ndarray")
    for brighter, fainter in np.sort(pairs, axis=1)[np.argsort(np.sort(pairs, axis=1)[:, 0], kind="stable")]:
        if keep[brighter]:
            keep[fainter] = False
    return keep


def matching_list(sources: SourceList, limit: int, cells: int = 0) -> tuple[Floats, Floats, Floats]:
    """Return x, y and flux of the sources to match, best first: deduplicated, spread evenly where `cells` > 0."""
    head = min(len(sources), 6 * limit + 200)
    x, y, flux = sources.x[:head], sources.y[:head], sources.flux[:head]
    keep = without_crowding(x, y, max(2.0 * (sources.fwhm_px or 3.0), 3.0))
    x, y, flux = x[keep], y[keep], flux[keep]
    if cells and x.size > 12:
        order = uniform_order(x, y, sources.width, sources.height, cells)
        x, y, flux = x[order], y[order], flux[order]
    return x[:limit], y[:limit], flux[:limit]
