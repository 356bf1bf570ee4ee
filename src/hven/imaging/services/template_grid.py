"""Bringing images with a projection of their own onto a frame's grid: flux by pixel kept, gaps masked.

An image that is finer than the frame is first summed in blocks, so that no light falls between the samples; then it
is sampled with Lanczos's kernel of order 4 (cv2), and multiplied with the ratio of the pixels' areas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hven.outside.surveys import SurveyImage
from hven.science.sky.wcs import Wcs

_ROWS = 256  # of the frame, worked on at once
_LOST = 0.5  # share of a kernel's weight on bad pixels from which a pixel is masked
Aligned = tuple[NDArray[np.float32], NDArray[np.bool_]]


def aligned(images: Iterable[SurveyImage], wcs: Wcs) -> Aligned:
    """Return the mean of some images on a frame's grid, and where none of them has a good pixel.

    Parameters
    ----------
    images
        In linear flux on one zero point; each is dropped before the next is asked for.
    wcs
        The frame's projection, its distortion included.

    Returns
    -------
    data : (height, width) float32
        Flux by pixel of the frame; 0 where masked.
    mask : (height, width) bool
    """
    total = np.zeros((wcs.height, wcs.width), np.float32)
    weight = np.zeros((wcs.height, wcs.width), np.float32)
    for image in images:
        _add(_binned(image, wcs), wcs, total, weight)
    mask = weight <= 0
    np.divide(total, weight, out=total, where=~mask)
    total[mask] = 0
    return total, mask


def coverage(image: Wcs, wcs: Wcs, steps: int = 12) -> float:
    """Return the share of a frame that an image covers, from a grid of points on the frame."""
    x, y = np.meshgrid(np.linspace(0, wcs.width - 1, steps), np.linspace(0, wcs.height - 1, steps))
    return float(np.mean(image.contains(*wcs.to_sky(x.ravel(), y.ravel()))))


def _binned(image: SurveyImage, wcs: Wcs) -> SurveyImage:
    factor = int(wcs.scale_arcsec / image.wcs.scale_arcsec + 0.05)
    if factor < 2:
        return image
    height, width = (size // factor * factor for size in image.data.shape)
    blocks = height // factor, factor, width // factor, factor
    good = ~image.mask[:height, :width].reshape(blocks)
    data = np.where(good, np.nan_to_num(image.data[:height, :width]).reshape(blocks), 0)
    count = good.sum(axis=(1, 3))
    # the flux of the whole block, what is lost of it made up for
    flux = data.sum(axis=(1, 3), dtype=np.float64) * factor**2 / np.maximum(count, 1)
    cropped = replace(image.wcs, width=width, height=height)
    # more than a quarter of a block lost makes it unlike its neighbours
    return SurveyImage(flux.astype(np.float32), count < 0.75 * factor**2, cropped.binned_to(1 / factor), image.name)


def _add(image: SurveyImage, wcs: Wcs, total: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    import cv2  # noqa: PLC0415 - not for the web

    area = np.float32((wcs.scale_arcsec / image.wcs.scale_arcsec) ** 2)
    good = (~image.mask).astype(np.float32)
    data = np.where(image.mask, 0, np.nan_to_num(image.data)).astype(np.float32)
    height, width = data.shape
    for start in range(0, wcs.height, _ROWS):
        rows = np.arange(start, min(start + _ROWS, wcs.height))
        x, y = np.meshgrid(np.arange(wcs.width), rows)
        u, v = image.wcs.to_pixel(*wcs.to_sky(x, y))
        with np.errstate(invalid="ignore"):
            inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
        if not inside.any():
            continue
        u = np.where(inside, u, -9.0).astype(np.float32)
        v = np.where(inside, v, -9.0).astype(np.float32)
        sampled = cv2.remap(data, u, v, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.remap(good, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        use = inside & (known > 1 - _LOST)
        part = slice(start, start + len(rows))
        total[part] += np.where(use, sampled * area, 0)
        weight[part] += use
