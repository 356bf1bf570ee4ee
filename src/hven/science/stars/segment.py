"""Sources with shapes: connected pixels above a threshold, deblended, with their moments (Barbary 2016, JOSS 1, 58)."""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.stars.background import Background, estimate_background
from hven.science.stars.solution import SourceList

Floats = NDArray[np.float64]
_PIXEL_STACK = 4_000_000
_DEBLENDED = 1_000_000
_CONTRAST = 0.005  # sep's own


@dataclass(frozen=True, slots=True)
class Segments:
    """Sources with shapes, brightest first; arrays of one length n."""

    x: Floats  # 0-based centroid
    y: Floats
    flux: Floats  # ADU above the background, of the pixels above the threshold
    a_px: Floats  # semi-major axis: standard deviation of the light along it
    b_px: Floats
    theta_deg: Floats  # of the major axis, from rising x towards rising y
    area_px: NDArray[np.int64]
    peak: Floats  # ADU above the background
    flags: NDArray[np.int64]  # of sep

    def __len__(self) -> int:
        return int(self.x.size)


def segment(
    data: NDArray[np.generic],
    mask: NDArray[np.bool_] | None = None,
    *,
    threshold: float = 1.5,
    least_area_px: int = 5,
    background: Background | None = None,
    deblend: bool = True,
) -> Segments:
    """Return the connected sources of a frame whose pixels exceed `threshold` deviations of its noise.

    Areas with several peaks are taken apart unless `deblend` is False.

    Raises
    ------
    Invalid
        `data` is no plane, or has more connected pixels than can be told apart.

    """
    if data.ndim != 2:
        raise Invalid("Sources are looked for in a plane of numbers; this is not one.")
    pixels = np.array(data, dtype=np.float32, order="C")
    bad = ~np.isfinite(pixels)
    if bad.any():
        mask = bad if mask is None else mask | bad
        pixels[bad] = 0
    background = background or estimate_background(data, mask)
    pixels -= background.level.rows(0, pixels.shape[0])
    noise = np.ascontiguousarray(background.noise.rows(0, pixels.shape[0]))
    if not np.any(noise > 0):
        return _as_segments(np.zeros(0, dtype=[(n, float) for n in _FIELDS]))
    np.maximum(noise, np.float32(1e-6), out=noise)
    sep.set_extract_pixstack(_PIXEL_STACK)
    sep.set_sub_object_limit(_DEBLENDED // 1000)
    try:
        contrast = _CONTRAST if deblend else 1.0
        found = sep.extract(pixels, threshold, err=noise, mask=mask, minarea=least_area_px, deblend_cont=contrast)
    except Exception as error:
        if "internal pixel buffer" in str(error) or "object deblending overflow" in str(error):
            raise Invalid("Too much of the frame is above its background to tell sources apart.") from error
        raise
    return _as_segments(found)


def segmented_sources(
    data: NDArray[np.generic], mask: NDArray[np.bool_] | None = None, *, limit: int | None = None
) -> SourceList:
    """Return the segments of a frame as a list of sources, brightest first.

    `snr` is of the light above the threshold against the noise of its area; `fwhm_px` the median of 2.355 times
    the geometric mean of the axes.

    Raises
    ------
    Invalid
        As `segment`.

    """
    background = estimate_background(data, mask)
    found = segment(data, mask, background=background)
    which = slice(None, limit)
    x, y, flux, area = found.x[which], found.y[which], found.flux[which], found.area_px[which]
    noise = background.noise.at(x, y) * np.sqrt(np.maximum(area, 1))
    height, width = data.shape
    return SourceList(
        x=x,
        y=y,
        flux=flux,
        background=background.level.at(x, y),
        snr=flux / np.maximum(noise, 1e-6),
        width=width,
        height=height,
        fwhm_px=float(2.355 * np.median(np.sqrt(found.a_px * found.b_px))) if len(found) else None,
    )


_FIELDS = ("x", "y", "flux", "a", "b", "theta", "npix", "peak", "flag")


def _as_segments(found: NDArray[np.void]) -> Segments:
    order = np.argsort(-found["flux"], kind="stable")
    x, y, flux, a, b, theta, area, peak, flags = (np.asarray(found[n])[order] for n in _FIELDS)
    return Segments(
        x=x.astype(float),
        y=y.astype(float),
        flux=flux.astype(float),
        a_px=a.astype(float),
        b_px=b.astype(float),
        theta_deg=np.degrees(theta.astype(float)),
        area_px=area.astype(np.int64),
        peak=peak.astype(float),
        flags=flags.astype(np.int64),
    )
