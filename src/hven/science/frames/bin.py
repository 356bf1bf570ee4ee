"""Making planes smaller by averaging whole pixels, and where a pixel then lies."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def halved(data: NDArray[Any]) -> NDArray[Any]:
    """Average 2 x 2 pixels; an odd last row or column is repeated, so the size is rounded up."""
    height, width = data.shape[:2]
    if height % 2 or width % 2:
        data = cv2.copyMakeBorder(data, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = (data.shape[1] // 2, data.shape[0] // 2)
    return np.asarray(cv2.resize(data, size, interpolation=cv2.INTER_AREA))


def binned(data: NDArray[Any], factor: int) -> NDArray[Any]:
    """Average factor x factor pixels of (height, width[, 3]); what does not fill a bin at the far edges is left out.

    Factors of two go first: OpenCV averages 2 x 2 many times faster than anything else.
    """
    factor = max(1, min(factor, *data.shape[:2]))
    height, width = (length // factor * factor for length in data.shape[:2])
    data = data[:height, :width]
    while factor % 2 == 0:
        data = cv2.resize(data, (data.shape[1] // 2, data.shape[0] // 2), interpolation=cv2.INTER_AREA)
        factor //= 2
    if factor > 1:
        size = (data.shape[1] // factor, data.shape[0] // factor)
        data = cv2.resize(data, size, interpolation=cv2.INTER_AREA)
    return np.asarray(data)


def fitted(data: NDArray[Any], size: int, *, enlarge: bool = False) -> NDArray[Any]:
    """Return the plane with `size` pixels along its longer side (smaller ones as they are, unless `enlarge`)."""
    height, width = data.shape[:2]
    longest = max(height, width)
    if longest <= size and not enlarge:
        return data
    target = max(1, round(width * size / longest)), max(1, round(height * size / longest))
    if longest > size:
        small = binned(data, longest // size)
        if small.shape[1::-1] == target:
            return small
        return np.asarray(cv2.resize(small, target, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(data, target, interpolation=cv2.INTER_CUBIC))
