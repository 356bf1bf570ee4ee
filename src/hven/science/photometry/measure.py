"""From a frame to a list of measured objects: places, shapes, aperture and total light, flags.

The columns have the names that astronomers' programs expect: those of SExtractor for what it defines, and short ones
for the rest (see `COLUMNS`). Positions are 0-based pixels, fluxes ADU, angles degrees.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import sep
from astropy.table import Table
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.photometry.apertures import Rings, Sums, aperture_flux, measure_rings, optimal_flux
from hven.science.photometry.masks import Bits, MaskBit, bridged
from hven.science.photometry.moments import Windowed, levelled, windowed
from hven.science.photometry.objects import Flag, Objects, Trail, common_trail, find_objects
from hven.science.photometry.psf import PsfModel, fit_psf
from hven.science.photometry.shapes import shape_outliers, star_locus
from hven.science.stars.background import Background

Floats = NDArray[np.float64]
_KRON, _LEAST_KRON, _KRON_REACH = 2.5, 3.5, 6.0  # SExtractor's
_DISTURBED = 0.1  # of an aperture's area
_STAR_SNR = 20.0
_FEWEST = 5
_TRAIL_TURNS = 4
_SAME_WIDTH = 0.03  # of the FWHM, within which the sky's rings need not be measured again
_SIGMA = 2.3548
_ALONE = 2.5  # FWHM from any other object, for stars that make the profile
NOT_CLEAN = ~int(Flag.DEBLENDED)

COLUMNS = {  # name: (unit, meaning)
    "mag": ("mag", "-2.5 log10 of flux"),
    "magerr": ("mag", "its standard error"),
    "flux": ("ct", "light in the aperture above bg_local"),
    "fluxerr": ("ct", "standard error: photons, sky, and the level of the ring"),
    "x": ("pix", "windowed centroid, 0-based"),
    "y": ("pix", "windowed centroid, 0-based"),
    "xerr": ("pix", "standard error of x"),
    "yerr": ("pix", "standard error of y"),
    "a": ("pix", "standard deviation of the light above the threshold, along the major axis"),
    "b": ("pix", "the same along the minor axis"),
    "theta": ("deg", "of the major axis, from rising x towards rising y"),
    "FLUX_RADIUS": ("pix", "radius of the circle that holds half of FLUX_AUTO"),
    "fwhm": ("pix", "full width at half maximum of a Gaussian with the object's windowed moments"),
    "flags": ("", "what is wrong, as bits"),
    "bg": ("ct", "level of the sky's mesh, a pixel"),
    "NUMBER": ("", "in the segmentation map"),
    "MAG_AUTO": ("mag", "-2.5 log10 of FLUX_AUTO"),
    "ISOAREA_IMAGE": ("pix2", "pixels above the threshold"),
    "FLUX_MAX": ("ct", "brightest pixel above the sky"),
    "FLUX_AUTO": ("ct", "light in a Kron ellipse"),
    "bg_local": ("ct", "level of the ring above bg, a pixel"),
    "npix_aper": ("pix2", "area of the aperture"),
    "bg_fluxerr": ("ct", "error of flux by the sky alone"),
}


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """How objects are found and measured."""

    threshold: float = 3.0  # deviations of the smoothed frame
    least_area_px: int = 5
    smoothing_px: float = 0.0  # standard deviation of the Gaussian applied before detection; 0: the stars' own
    least_snr: float = 5.0
    fwhm_px: float | None = None  # measured where not given
    aperture_fwhm: float = 1.0  # radii in FWHM
    ring_inner_fwhm: float = 5.0
    ring_outer_fwhm: float = 7.0
    optimal: bool = False  # weighted with the stars' profile
    filter_shapes: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found on a frame."""

    objects: Table  # the columns of COLUMNS, brightest first
    fwhm_px: float  # median of twice FLUX_RADIUS of clean stars above a S/N of 20
    fwhm_stars: int  # of how many
    aperture_px: float
    segmentation: NDArray[np.int32]  # (height, width), NUMBER of the object
    image: NDArray[np.float32]  # (height, width): the frame less its sky, holes and cosmic rays bridged
    psf: PsfModel | None
    moments: Windowed  # of `objects`
    notes: tuple[str, ...] = ()


def measure_objects(
    residual: NDArray[np.float32],
    background: Background,
    bits: Bits,
    settings: MeasureSettings,
    *,
    gain: float,
    guess_fwhm_px: float,
) -> Measured:
    """Find and measure all objects.

    Parameters
    ----------
    residual : (height, width) float32
        The frame less its sky, ADU.
    background : Background
        The sky, for its noise and level.
    bits : (height, width) uint8
        The mask of `masks`.
    gain : float
        Electrons per ADU.
    guess_fwhm_px : float
        Of the stars, roughly: the window's width.

    Raises
    ------
    Invalid
        There are no objects; the sentence says what may help.

    """
    closed = (bits & ~MaskBit.SATURATED) > 0
    holes = MaskBit.MISSING | MaskBit.COSMIC | MaskBit.PIT | MaskBit.EXCLUDED
    image = bridged(residual, bits, holes) if closed.any() else residual
    found = _found(image, background, bits, settings, gain=gain, guess=guess_fwhm_px)
    if not len(found):
        raise Invalid(
            f"No objects stand {settings.threshold:g} deviations above the sky in {settings.least_area_px} connected "
            "pixels; the frame may be empty, clouded out, or its mask too large."
        )
    numbers = np.arange(1, len(found) + 1, dtype=np.int64)
    noise = background.noise.at(found.x, found.y)
    auto, half_light, auto_flags = _total_light(image, found, numbers)
    flags = found.flags | auto_flags
    first = _typical_width(half_light, flags, auto, noise, guess=guess_fwhm_px)
    window = max(first / _SIGMA, 0.7)
    moments = windowed(
        image, found.x, found.y, window,
        noise=noise, gain=gain, closed=closed, segmentation=found.segmentation, numbers=numbers,
    )  # fmt: skip
    x, y = np.where(moments.moved, moments.x, found.x), np.where(moments.moved, moments.y, found.y)
    owned = cv2.dilate((found.segmentation > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rings = _rings(image, x, y, first, settings, noise=noise, closed=owned | closed)
    # where the mesh misses the sky, as in a vignetted corner, stars would look narrow or wide
    moments = levelled(moments, rings.level, window)
    snr = moments.signal / np.maximum(noise * np.sqrt(4 * np.pi) * window, 1e-12)
    notes: list[str] = []
    if settings.filter_shapes:
        flags = flags | _shape_flags(moments, flags, snr, image.shape, notes)
    fwhm, stars = _fwhm(half_light, flags, snr, first)
    fwhm = settings.fwhm_px or fwhm
    radius = settings.aperture_fwhm * fwhm
    if abs(fwhm / first - 1) > _SAME_WIDTH:
        rings = _rings(image, x, y, fwhm, settings, noise=noise, closed=owned | closed)
    sums = aperture_flux(image, x, y, radius, rings, noise=noise, gain=gain, closed=bits > 0)
    flags = flags | sums.flags | _disturbed(found, x, y, radius)
    flux, error, psf = sums.flux, sums.error, None
    if settings.optimal:
        psf = _profile(image, x, y, sums, flags=flags, snr=snr, fwhm=fwhm, closed=closed)
        if psf is None:
            notes.append("Too few clean stars for a profile: plain apertures were used.")
        else:
            flux, error = optimal_flux(image, x, y, psf, sums, radius_px=radius, noise=noise, gain=gain, closed=closed)
    table = _table(found, moments, x, y, flux=flux, error=error, sums=sums, noise=noise,
                   auto=auto, half_light=half_light, flags=flags, background=background, window=window)  # fmt: skip
    with np.errstate(invalid="ignore"):
        # a window of the stars' width is nearly as sensitive as a detection can be, and an aperture is not
        # the place was moved to where the light is most, which adds two degrees of freedom of noise
        local = np.sqrt(np.maximum(snr**2 - 2, 0)) * (snr > 0)
        best = np.maximum(flux / error, np.where(moments.moved & (flux > 0), local, 0))
        strong = np.isfinite(flux) & (best > settings.least_snr)
    order = np.flatnonzero(strong)
    order = order[np.argsort(-flux[order], kind="stable")]
    if not order.size:
        raise Invalid(
            f"None of {len(found)} objects reaches a signal-to-noise ratio of {settings.least_snr:g} in an aperture of "
            f"{radius:.1f} pixels."
        )
    kept = Windowed(*(getattr(moments, name)[order] for name in Windowed.__slots__))
    return Measured(table[order], float(fwhm), stars, float(radius), found.segmentation, image, psf, kept, tuple(notes))


def _rings(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    fwhm: float,
    settings: MeasureSettings,
    *,
    noise: Floats,
    closed: NDArray[np.bool_],
) -> Rings:
    inner, outer = settings.ring_inner_fwhm * fwhm, settings.ring_outer_fwhm * fwhm
    return measure_rings(image, x, y, inner, outer, noise=noise, closed=closed)


def _found(
    image: NDArray[np.float32],
    background: Background,
    bits: Bits,
    settings: MeasureSettings,
    *,
    gain: float,
    guess: float,
) -> Objects:
    """Find objects, with a filter as long as the stars where these are trails."""
    smoothing = settings.smoothing_px or max(guess / _SIGMA, 0.5)
    trail: Trail | None = None
    for _ in range(_TRAIL_TURNS):
        found = find_objects(
            image, background, bits, threshold=settings.threshold, gain=gain, least_area_px=settings.least_area_px,
            smoothing_px=smoothing, trail=trail,
        )  # fmt: skip
        longer = common_trail(found)
        if longer is None or (trail is not None and longer.length_px < 1.2 * trail.length_px):
            break
        trail = longer
    return found


def _total_light(
    image: NDArray[np.float32], found: Objects, numbers: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return FLUX_AUTO, FLUX_RADIUS and flags: Kron's ellipse (1980, ApJS 43, 305), neighbours left out."""
    theta = np.clip(found.theta_rad, -np.pi / 2, np.pi / 2)
    own = {"seg_id": numbers.astype(np.int32), "segmap": found.segmentation}
    kron, _ = sep.kron_radius(image, found.x, found.y, found.a_px, found.b_px, theta, _KRON_REACH, **own)
    kron = np.where(np.isfinite(kron), kron, 0.0)
    scale = np.clip(_KRON * kron, _LEAST_KRON, 20.0)
    auto, _, own_flags = sep.sum_ellipse(image, found.x, found.y, found.a_px, found.b_px, theta, scale, subpix=1, **own)
    reach = np.minimum(np.maximum(scale * found.a_px, 3.0), 60.0)
    radius, _ = sep.flux_radius(image, found.x, found.y, reach, 0.5, normflux=auto, subpix=5, **own)
    flags = np.where(own_flags & sep.APER_TRUNC, int(Flag.APERTURE_INCOMPLETE), 0)
    return np.asarray(auto), np.where(auto > 0, radius, np.nan), flags.astype(np.int64)


def _typical_width(half_light: Floats, flags: NDArray[np.int64], auto: Floats, noise: Floats, *, guess: float) -> float:
    """Return a first width: where the widths of clean and bright objects crowd, near the guess if many are there.

    The median would be that of the galaxies where these are in the majority.
    """
    snr = auto / np.maximum(noise * 8 * guess, 1e-12)
    for wanted, level in ((0, 30.0), (NOT_CLEAN, 10.0)):
        keep = ((flags & wanted if wanted else flags) == 0) & (snr > level) & np.isfinite(half_light) & (half_light > 0)
        if np.count_nonzero(keep) < _FEWEST:
            continue
        widths = 2 * half_light[keep]
        near = widths[(widths > 0.6 * guess) & (widths < 1.7 * guess)]
        some = near if near.size >= max(0.15 * widths.size, _FEWEST) else widths
        ordered = np.sort(some)
        span = max(ordered.size // 3, min(ordered.size, _FEWEST))
        first = int(np.argmin(ordered[span - 1 :] - ordered[: ordered.size - span + 1]))
        return float(np.median(ordered[first : first + span]))
    return guess


def _shape_flags(
    moments: Windowed, flags: NDArray[np.int64], snr: Floats, shape: tuple[int, ...], notes: list[str]
) -> NDArray[np.int64]:
    """Mark objects that are not of the stars' shape."""
    clean = (flags == 0) & (snr > _STAR_SNR)
    if np.count_nonzero(clean) < 3 * _FEWEST:
        clean = ((flags & NOT_CLEAN) == 0) & (snr > 10)
    locus = star_locus(moments, clean, shape[1], shape[0])
    if locus is None:
        notes.append("Too few stars to tell their shape: the shape filter was left out.")
        return np.zeros(flags.size, np.int64)
    outlier = shape_outliers(moments, locus, (flags & int(Flag.DEBLENDED | Flag.DISTURBED)) > 0)
    # a full core has no shape
    return np.where(outlier & ((flags & int(Flag.SATURATED)) == 0), int(Flag.SHAPE), 0).astype(np.int64)


def _fwhm(half_light: Floats, flags: NDArray[np.int64], snr: Floats, guess: float) -> tuple[float, int]:
    """Return the median of twice the half-light radius of unflagged stars above S/N 20, and their number."""
    shape = int(Flag.SHAPE)
    known = np.isfinite(half_light) & (half_light > 0.3)
    for allowed, level in ((0, _STAR_SNR), (int(Flag.DEBLENDED), _STAR_SNR), (int(Flag.DEBLENDED), 8.0)):
        keep = ((flags & ~allowed) == 0) & (snr > level) & known
        if np.count_nonzero(keep) >= _FEWEST:
            return float(2 * np.median(half_light[keep])), int(np.count_nonzero(keep))
    keep = known & ((flags & (shape | int(Flag.SATURATED))) == 0)
    return (float(2 * np.median(half_light[keep])) if keep.any() else guess), int(np.count_nonzero(keep))


def _profile(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    sums: Sums,
    *,
    flags: NDArray[np.int64],
    snr: Floats,
    fwhm: float,
    closed: NDArray[np.bool_],
) -> PsfModel | None:
    """Make the stars' profile of clean and lonely ones; None where there are hardly any."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - for those who want profiles only

    nearest = cKDTree(np.column_stack([x, y])).query(np.column_stack([x, y]), k=2)[0][:, 1] if x.size > 1 else np.inf
    with np.errstate(invalid="ignore"):
        usable = (sums.flux > 0) & np.isfinite(sums.flux)
    for apart, level in ((_ALONE, 50.0), (_ALONE, 20.0), (1.0, 20.0), (0.0, 10.0)):
        keep = (flags == 0) & (snr > level) & (nearest > apart * fwhm) & usable
        if np.count_nonzero(keep) >= 2 * _FEWEST:
            return fit_psf(
                image, x[keep], y[keep], sums.flux[keep], fwhm_px=fwhm, level=sums.rings.level[keep], closed=closed,
                half_px=int(np.ceil(2.5 * fwhm)) + 1,
            )  # fmt: skip
    return None


def _disturbed(found: Objects, x: Floats, y: Floats, radius: float) -> NDArray[np.int64]:
    """Mark objects of whose aperture neighbours cover more than a tenth."""
    reach = int(np.ceil(radius))
    axis = np.arange(-reach, reach + 1)
    dy, dx = (g.ravel() for g in np.meshgrid(axis, axis, indexing="ij"))
    inside = np.hypot(dx, dy) <= radius
    dy, dx = dy[inside], dx[inside]
    height, width = found.segmentation.shape
    flags = np.zeros(len(found), np.int64)
    step = max(3_000_000 // dx.size, 1)
    for start in range(0, len(found), step):
        some = slice(start, start + step)
        rows = (np.rint(y[some]).astype(np.intp)[:, None] + dy).clip(0, height - 1)
        columns = (np.rint(x[some]).astype(np.intp)[:, None] + dx).clip(0, width - 1)
        owner = found.segmentation[rows, columns]
        number = np.arange(start, start + owner.shape[0])[:, None] + 1
        share = np.mean((owner != 0) & (owner != number), axis=1)
        flags[some] = np.where(share > _DISTURBED, int(Flag.DISTURBED), 0)
    return flags


def _table(
    found: Objects, moments: Windowed, x: Floats, y: Floats, *, flux: Floats, error: Floats, sums: Sums,
    noise: Floats, auto: Floats, half_light: Floats, flags: NDArray[np.int64], background: Background,
    window: float,
) -> Table:  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        light = np.where(flux > 0, flux, np.nan)
        # a Gaussian star's windowed moment is that of star and window in parallel
        size = 0.5 * (moments.xx + moments.yy)
        own = 1 / np.maximum(1 / size - 1 / window**2, 1e-3)
        values = {
            "mag": -2.5 * np.log10(light),
            "magerr": 2.5 / np.log(10) * error / light,
            "flux": flux,
            "fluxerr": error,
            "x": x,
            "y": y,
            "xerr": moments.x_error,
            "yerr": moments.y_error,
            "a": found.a_px,
            "b": found.b_px,
            "theta": np.degrees(found.theta_rad),
            "FLUX_RADIUS": half_light,
            "fwhm": _SIGMA * np.sqrt(own),
            "flags": flags,
            "bg": background.level.at(x, y),
            "NUMBER": np.arange(1, len(found) + 1, dtype=np.int64),
            "MAG_AUTO": -2.5 * np.log10(np.where(auto > 0, auto, np.nan)),
            "ISOAREA_IMAGE": found.area_px,
            "FLUX_MAX": found.peak,
            "FLUX_AUTO": auto,
            "bg_local": sums.rings.level,
            "npix_aper": sums.area_px,
            "bg_fluxerr": np.sqrt(sums.noise_area_px * noise**2 + (sums.area_px * sums.rings.error) ** 2),
        }
    table = Table(values)
    for name, (unit, meaning) in COLUMNS.items():
        table[name].description = meaning
        if unit:
            table[name].unit = unit
    return table
