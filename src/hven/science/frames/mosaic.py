"""Frames behind a colour filter array: one plane of light out of a mosaic of colours.

A 3 x 3 binomial kernel (1 2 1 over 4, both ways) gives each of the four sites of a 2 x 2 pattern the same weight at
every pixel, whatever the gains of the colours: the pattern vanishes and no star moves, since the kernel is even. It is
what bilinear interpolation of every colour and their mean would give.
"""

import re
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.science.frames.fields import number_of
from hven.science.frames.pixels import finite_or

SMOOTHED = (
    "The frame is a mosaic of colours (a one-shot-colour camera): stars were sought on its light, smoothed over"
    " the four colour sites."
)
_PATTERN = re.compile(r"[RGBCMYWLE]{4,36}\d?\Z")
_KEYS = ("BAYERPAT", "BAYRPAT", "BAYER", "CFAPAT", "COLORTYP", "CFATYPE")
_SMALLEST = 64  # pixels of a side below which a pattern is not told from noise
_SITES = 250_000  # cells looked at
_PATTERN_TO_NOISE = 0.5  # a weaker pattern does not mislead a detector
_KERNEL = np.array([0.25, 0.5, 0.25], np.float32)


def is_mosaic(data: NDArray[Any], header: Mapping[str, Any]) -> bool:
    """Say whether a plane of (height, width) is a mosaic: its header says so, or its sites have unlike levels."""
    if data.ndim != 2 or min(data.shape) < 4:
        return False
    said = any(_PATTERN.match(str(header.get(key) or "").strip().upper()) for key in _KEYS)
    binned = any((number_of(header.get(key)) or 1) > 1 for key in ("XBINNING", "YBINNING"))  # most mix the colours
    return (said and not binned) or _sites_differ(data)


def _sites_differ(data: NDArray[Any]) -> bool:
    height, width = data.shape
    if min(height, width) < _SMALLEST:
        return False
    step = 2 * max(1, int(np.sqrt(data.size / 4 / _SITES)))
    rows, columns = slice(0, height - 1, step), slice(0, width - 1, step)
    first = data[rows, columns].astype(np.float32)
    for down, right in ((0, 1), (1, 0), (1, 1)):
        other = data[down:, right:][: height - 1, : width - 1][::step, ::step][: first.shape[0], : first.shape[1]]
        with np.errstate(over="ignore", invalid="ignore"):
            difference = other.astype(np.float32) - first[: other.shape[0], : other.shape[1]]
            level = float(np.median(difference))
            noise = 1.4826 * float(np.median(np.abs(difference - level)))
        if 0 < noise < np.inf and abs(level) > _PATTERN_TO_NOISE * noise:
            return True
    return False


def light_of(mosaic: NDArray[Any]) -> NDArray[np.float32]:
    """Return the light of a 2 x 2 mosaic, (height, width) float32, every star where it was."""
    values = np.ascontiguousarray(mosaic, np.float32)
    # Reflection about the last pixel keeps each site's own neighbours, and so the equal weights, at the edges
    light = np.asarray(cv2.sepFilter2D(values, cv2.CV_32F, _KERNEL, _KERNEL, borderType=cv2.BORDER_REFLECT_101))
    return finite_or(light, values)


def balanced(mosaic: NDArray[Any], colours: NDArray[np.uint8], black: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the colours of a mosaic of any pattern to one sky level, above their black levels.

    Parameters
    ----------
    colours
        (height, width), the number of each pixel's colour.
    black
        Of each colour, in the mosaic's unit.
    """
    out = mosaic.astype(np.float32)
    skies = {}
    for colour in np.unique(colours[: min(len(colours), 48)]):
        where = colours == colour
        out[where] -= black[min(int(colour), len(black) - 1)]
        skies[int(colour)] = float(np.median(out[where][:: max(1, out.size // 1_000_000)]))
    target = max(skies.values(), default=0.0)
    for colour, sky in skies.items():
        if 0 < sky < target:
            out[colours == colour] *= np.float32(min(target / sky, 16.0))
    return out
