"""Stars too bright for their detector: plateaus and blooming, each one source."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
_LARGEST = 0.005  # of the frame, for a star


@dataclass(frozen=True, slots=True)
class Plateaus:
    """Connected saturated areas; arrays of one length n."""

    x: Floats  # 0-based centre
    y: Floats
    area: Floats  # pixels
    is_star: NDArray[np.bool_]  # False for defects of the detector and burnt-out parts of the scene
    rows: NDArray[np.intp]  # (m,) every saturated pixel
    columns: NDArray[np.intp]
    owner: NDArray[np.intp]  # (m,) the area that each belongs to

    def nearest(self, x: Floats, y: Floats, reach: float) -> NDArray[np.intp]:
        """Return the area within `reach` pixels of each position, -1 where there is none."""
        distance, pixel = cKDTree(np.column_stack([self.columns, self.rows])).query(
            np.column_stack([x, y]), distance_upper_bound=reach
        )
        owner = np.append(self.owner, -1)
        return np.asarray(np.where(np.isfinite(distance), owner[pixel], -1), np.intp)


def saturation_level(data: NDArray[np.generic], told: float | None = None) -> float | None:
    """Return the value at which pixels are full, ADU; None where nothing suggests any.

    A detector that clips shows its highest value many times over, in pixels that touch each other.
    """
    if data.size == 0:
        return None
    top = float(np.nanmax(data))
    if told is not None and told <= top:
        return told
    if not np.isfinite(top):
        return None
    # compressed pictures ring around their plateaus
    level = top - 5.0 if data.dtype == np.uint8 else top - 0.002 * abs(top)
    full = cv2.compare(_comparable(data), float(level), cv2.CMP_GE)
    count = cv2.countNonZero(full)
    if count < 4 or count > 0.5 * data.size:
        return None
    core = cv2.erode(full, np.ones((2, 2), np.uint8))
    return level if cv2.countNonZero(core) else None


def find_plateaus(data: NDArray[np.generic], level: float) -> Plateaus | None:
    """Return the saturated areas, None where there are none."""
    full = cv2.compare(_comparable(data), float(level), cv2.CMP_GE)
    if not cv2.countNonZero(full):
        return None
    # compression and anti-blooming drains leave gaps of a pixel
    full = cv2.morphologyEx(full, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    rows, columns = np.divmod(nonzero_bytes(full), full.shape[1])
    count, owner = _connected(rows, columns, full.shape[1])
    area = np.bincount(owner, minlength=count).astype(float)
    x = np.bincount(owner, columns, count) / area
    y = np.bincount(owner, rows, count) / area
    spread_x = np.sqrt(np.bincount(owner, (columns - x[owner]) ** 2, count) / area)
    spread_y = np.sqrt(np.bincount(owner, (rows - y[owner]) ** 2, count) / area)
    # a full column or row is a defect of the detector, not a star
    line = np.minimum(spread_x, spread_y) < 0.45
    line &= np.maximum(spread_x, spread_y) > 3.0
    long = np.maximum(spread_x, spread_y) > 2.0 * np.minimum(spread_x, spread_y) + 0.5
    for k in np.flatnonzero(long & (area > 12)):
        mine = owner == k
        if spread_y[k] > spread_x[k]:
            y[k], x[k] = _bloomed_centre(rows[mine], columns[mine])
        else:
            x[k], y[k] = _bloomed_centre(columns[mine], rows[mine])
    return Plateaus(x, y, area, ~line & (area < _LARGEST * full.size), rows, columns, owner)


def _connected(rows: NDArray[np.intp], columns: NDArray[np.intp], width: int) -> tuple[int, NDArray[np.intp]]:
    """Label pixels given in the order of reading that touch each other, corners included.

    Saturated pixels are few: a graph of them is quicker than a walk over the whole frame.
    """
    key = rows * (width + 2) + columns + 1
    pairs = []
    for step in (1, width + 1, width + 2, width + 3):
        place = np.searchsorted(key, key + step).clip(max=key.size - 1)
        touching = np.flatnonzero(key[place] == key + step)
        pairs.append((touching, place[touching]))
    one, two = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
    graph = coo_matrix((np.ones(one.size, np.int8), (one, two)), shape=(key.size, key.size))
    count, labels = connected_components(graph, directed=False)
    return int(count), np.asarray(labels, np.intp)


def _bloomed_centre(along: NDArray[np.intp], across: NDArray[np.intp]) -> tuple[float, float]:
    """Return the centre, along and across, of a bloomed star: where its bleeding trail is widest."""
    first = int(along.min())
    breadth = np.bincount(along - first).astype(float)
    weight = np.maximum(breadth - np.median(breadth), 0) ** 2
    if weight.sum() == 0:
        weight = breadth
    middle = float((weight * np.arange(weight.size)).sum() / weight.sum()) + first
    near = np.abs(along - middle) < 0.5 * breadth.max() + 1
    return middle, float(across[near].mean() if near.any() else across.mean())


def nonzero_bytes(flags: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the flat indices of the few bytes that are not zero, looking at eight at a time."""
    flat = np.ascontiguousarray(flags).ravel()
    whole = flat.size // 8 * 8
    words = np.flatnonzero(flat[:whole].view(np.uint64))
    which, byte = np.nonzero(flat[:whole].reshape(-1, 8)[words])
    rest = np.flatnonzero(flat[whole:]) + whole
    return np.concatenate([words[which] * 8 + byte, rest])


def _comparable(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the pixels in a type that OpenCV compares."""
    return data if data.dtype in (np.uint8, np.uint16, np.int16, np.float32) else data.astype(np.float32)
