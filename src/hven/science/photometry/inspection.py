"""The first look at a frame: its gain, saturation, filter, mask, sky and the width of its stars."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.catalogues.photometric.filters import filter_named, normalise
from hven.science.frames.frame import Meaning
from hven.science.photometry.cosmics import find_cosmics
from hven.science.photometry.masks import (
    Bits,
    MaskBit,
    as_pixels,
    basic_mask,
    check_share,
    mark_pits,
    saturation_of,
)
from hven.science.stars.background import Background, estimate_background
from hven.science.stars.detect import measure_fwhm

Log = Callable[[str], None]
Progress = Callable[[float, str], None]
USUAL_MESH_PX = 256
_DEFAULT_BAND = "r"
_LOUDEST = 1e12  # ADU: squares of the frame's values must fit 32 bits
_QUIETEST = 0.02  # electrons: less noise than any detector has, so what counts as ADU was scaled
_FULL = 65535  # electrons of the brightest pixel of a scaled frame
_SMALLEST_MESH_PX = 48
_FOLLOWED = 0.35  # of the noise, that the sky may differ from what larger cells say
_ABOVE = 1.05  # of the highest pixel: the saturation of a frame that shows none


def silent(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class InspectSettings:
    """What a user may say; None leaves it to the header and the frame."""

    gain: float | None = None  # electrons per ADU
    saturation: float | None = None  # ADU
    band: str | None = None
    mesh_px: int | None = None
    mask_cosmics: bool = True


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a frame before anything on it is measured."""

    data: NDArray[np.float32]  # (height, width), ADU
    residual: NDArray[np.float32]  # less the sky; 0 where there is no value
    bits: Bits
    background: Background
    gain: float  # electrons per ADU
    saturation: float  # ADU
    band: str  # a key of the filters
    mesh_px: int
    guess_fwhm_px: float
    masked_share: float
    cosmic_px: int  # pixels hit by cosmic rays

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.data.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.data.shape[0])


def inspect(
    data: NDArray[np.generic],
    meaning: Meaning,
    settings: InspectSettings | None = None,
    *,
    missing: NDArray[np.bool_] | None = None,
    excluded: NDArray[Any] | None = None,
    log: Log = silent,
    progress: Progress = silent,
) -> Inspection:
    """Look at a frame and mask what cannot be trusted.

    Parameters
    ----------
    data : (height, width)
        Pixels, ADU.
    meaning : Meaning
        What the header says.
    settings : InspectSettings, optional
        What the user says.
    missing, excluded : (height, width), optional
        Pixels without a value, and the user's mask (above 0).
    log : callable
        Takes sentences.
    progress : callable
        Takes a fraction and words.

    Raises
    ------
    Invalid
        The frame has no sky or is nearly all masked, the saturation lies below the sky, or a setting cannot be.

    """
    settings = settings or InspectSettings()
    pixels = as_pixels(data)
    told = settings.gain
    if told is not None and not (np.isfinite(told) and told >= 0):
        raise Invalid("The gain is a positive number of electrons for one ADU.")
    band = _band(settings, meaning, log)
    mesh = mesh_size(pixels.shape, settings.mesh_px)
    level = saturation_of(pixels, settings.saturation or meaning.saturation)
    if level is not None:
        log(f"Pixels are full from {level:g} ADU.")
    progress(0.1, "Measuring the sky")
    bits = basic_mask(pixels, missing=missing, excluded=excluded, saturation=level)
    check_share(bits)
    closed = bits > 0 if bits.any() else None
    background = estimate_background(pixels, closed, cell=mesh)
    if settings.mesh_px is None:
        background = _followed(pixels, closed, background)
        mesh = background.level.cell
    sky, noise = float(np.median(background.level.values)), float(np.median(background.noise.values))
    log(f"The sky is {sky:.4g} ADU with a noise of {noise:.3g} ADU, in cells of {mesh} pixels.")
    if not noise > 0:
        raise Invalid("The frame has no noise at all: it is empty, constant, or not an exposure of the sky.")
    if noise > _LOUDEST:
        raise Invalid(f"The frame's noise is {noise:.1e} ADU, more than can be reckoned with; scale its values down.")
    gain = told or _gain(meaning, noise, float(np.max(np.where(bits == 0, pixels, -np.inf))), log)
    if level is not None and level <= sky + 3 * noise:
        raise Invalid(
            f"The saturation level, {level:g} ADU, lies at or below the sky of {sky:.4g} ADU; set it to what the "
            "detector holds."
        )
    if level is None:
        level = float(_ABOVE * np.max(np.where(bits == 0, pixels, -np.inf)))
        log(f"No pixel looks full; the saturation is taken as {level:.5g} ADU.")
    progress(0.4, "Masking")
    residual = _residual(pixels, background, bits)
    pits = mark_pits(residual, background, bits)
    if pits:
        log(f"{pits} pixels lie far below the sky and are masked.")
    fwhm = _width(pixels, bits, sky)
    cosmic = 0
    if settings.mask_cosmics:
        progress(0.6, "Looking for cosmic rays")
        hits = find_cosmics(residual, background, bits, gain=gain, fwhm_px=fwhm)
        bits.ravel()[hits] |= MaskBit.COSMIC
        cosmic = int(hits.size)
        log(f"{cosmic} pixels are hit by cosmic rays or hot.")
    share = check_share(bits)
    log(f"{100 * share:.2f} % of the pixels are masked; stars are about {fwhm:.1f} pixels wide.")
    progress(1.0, "Inspected")
    return Inspection(pixels, residual, bits, background, gain, level, band, mesh, fwhm, share, cosmic)


def inspected_again(
    data: NDArray[np.generic], bits: Bits, *, gain: float, saturation: float, band: str, mesh_px: int
) -> Inspection:
    """Return an inspection whose mask was made before: the sky is measured on what it leaves.

    Raises
    ------
    Invalid
        The mask is of another size, or leaves nearly nothing.

    """
    pixels = as_pixels(data)
    if bits.shape != pixels.shape:
        raise Invalid("The mask and the frame differ in size; inspect the frame again.")
    bits = bits.copy()
    bits[~np.isfinite(pixels)] |= MaskBit.MISSING
    share = check_share(bits)
    background = estimate_background(pixels, bits > 0 if bits.any() else None, cell=mesh_size(pixels.shape, mesh_px))
    if not float(np.median(background.noise.values)) > 0:
        raise Invalid("The frame has no noise at all: it is empty, constant, or not an exposure of the sky.")
    sky = float(np.median(background.level.values))
    fwhm = _width(pixels, bits, sky)
    cosmic = int(np.count_nonzero(bits & MaskBit.COSMIC))
    return Inspection(
        pixels, _residual(pixels, background, bits), bits, background, gain, saturation, band, background.level.cell,
        fwhm, share, cosmic,
    )  # fmt: skip


def with_mask(inspection: Inspection, excluded: NDArray[Any]) -> Inspection:
    """Return the inspection with more pixels left out (above 0)."""
    bits = inspection.bits.copy()
    bits[~(excluded <= 0)] |= MaskBit.EXCLUDED
    return replace(inspection, bits=bits, masked_share=check_share(bits))


def mesh_size(shape: tuple[int, ...], wanted: int | None) -> int:
    """Return the side of the sky's cells, pixels: what is wanted, or 256 and on small frames a quarter of the side."""
    least = min(shape)
    return int(np.clip(wanted or min(USUAL_MESH_PX, least // 4), 8, max(least, 8)))


def _followed(pixels: NDArray[np.float32], closed: NDArray[np.bool_] | None, background: Background) -> Background:
    """Return a sky on cells small enough to follow it: halved while that changes the level by much of its noise."""
    while background.level.cell >= 2 * _SMALLEST_MESH_PX:
        cell = background.level.cell // 2
        finer = estimate_background(pixels, closed, cell=cell)
        rows, columns = finer.level.values.shape
        x = (np.arange(columns) + 0.5) * cell - 0.5
        y = (np.arange(rows) + 0.5) * cell - 0.5
        grid_x, grid_y = np.meshgrid(np.minimum(x, pixels.shape[1] - 1), np.minimum(y, pixels.shape[0] - 1))
        coarse = background.level.at(grid_x.ravel(), grid_y.ravel())
        off = np.abs(finer.level.values.ravel() - coarse)
        if np.percentile(off, 97) < _FOLLOWED * np.median(finer.noise.values):
            break
        background = finer
    return background


def _gain(meaning: Meaning, noise: float, brightest: float, log: Log) -> float:
    """Return the gain by the header, and of frames whose values were scaled down a guess."""
    gain = meaning.gain
    known = gain is not None and np.isfinite(gain) and gain > 0
    gain = float(gain) if gain is not None and known else 1.0
    if noise * gain < _QUIETEST and brightest > 0:
        gain = _FULL / brightest
        log(f"The values were scaled down; with {_FULL} electrons in the brightest pixel the gain is {gain:.4g}.")
    elif not known:
        log("The gain is not known; 1 electron for one ADU is taken, so errors of bright stars are rough.")
    else:
        log(f"The gain is {gain:g} electrons for one ADU.")
    return gain


def _band(settings: InspectSettings, meaning: Meaning, log: Log) -> str:
    if settings.band:
        return filter_named(settings.band)
    band = normalise(meaning.filter or "")
    if band is None:
        named = f"The header's filter {meaning.filter} is not known" if meaning.filter else "The header names no filter"
        log(f"{named}; {_DEFAULT_BAND} is taken.")
        return _DEFAULT_BAND
    return band


def _width(pixels: NDArray[np.float32], bits: Bits, sky: float) -> float:
    """Return the width of the frame's stars, roughly; pixels without a value count as sky."""
    empty = (bits & MaskBit.MISSING) > 0
    if empty.any():
        pixels = np.where(empty, np.float32(sky), pixels)
    with np.errstate(over="ignore", invalid="ignore"):
        return measure_fwhm(pixels, bits > 0 if bits.any() else None)


def _residual(pixels: NDArray[np.float32], background: Background, bits: Bits) -> NDArray[np.float32]:
    residual = pixels - background.level.rows(0, pixels.shape[0])
    empty = (bits & MaskBit.MISSING) > 0
    if empty.any():
        residual[empty] = 0
    return np.ascontiguousarray(residual, np.float32)
