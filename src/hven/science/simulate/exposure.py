"""From a specification to pixels, header and truth."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.science.catalogues.reference import ReferenceStars
from hven.science.simulate.field import FieldStars, field_stars
from hven.science.simulate.psf import add_stars, profile
from hven.science.simulate.sensor import Sensor
from hven.science.simulate.spec import Spec
from hven.science.sky import zenithal
from hven.science.sky.wcs import Wcs

_EXTINCTION = 0.2  # magnitudes an airmass


@dataclass(frozen=True, slots=True)
class Exposure:
    """A simulated frame with its truth."""

    spec: Spec
    data: NDArray[np.uint16]  # (height, width)
    cards: dict[str, tuple[Any, str]]  # what a camera would write: value and comment
    wcs: Wcs  # the true projection
    stars: FieldStars  # every star drawn, those just outside the frame included
    flux_adu: NDArray[np.float64]  # of each star in the whole exposure
    snr: NDArray[np.float64]  # of each star alone, with the best possible extraction
    cosmic_rays: NDArray[np.bool_]  # (height, width)


def simulate(
    spec: Spec,
    reference: ReferenceStars | None = None,
    *,
    stars: FieldStars | None = None,
    sensor: Sensor | None = None,
) -> Exposure:
    """Simulate one exposure; the same arguments and numpy give the same pixels.

    Parameters
    ----------
    spec
        What to simulate.
    reference
        Needed for stars="real", unless `stars` are given.
    stars
        Those to draw, where several frames shall show the same ones: placed on this specification's own pixels.
    sensor
        What every frame of a camera has in common, of the specification's shape.
    """
    rng = np.random.default_rng(spec.seed)
    if stars is None:
        stars = field_stars(spec, reference, rng)
    area, noise = _noise_area(spec), _noise(spec, sensor)
    limit_e = _flux_at_snr(5.0, area, noise)
    flux = limit_e * 10 ** (-0.4 * (stars.mag - spec.limit))

    light = np.zeros((spec.height, spec.width))
    add_stars(light, stars.x, stars.y, flux, fwhm_px=spec.fwhm_px, beta=spec.beta, faint=0.05 * noise)
    if spec.trail_px > 0:
        light = np.maximum(cv2.filter2D(light, -1, _trail(spec), borderType=cv2.BORDER_CONSTANT), 0)
    throughput = _throughput(spec, rng)
    expected = (light + _sky(spec)) * throughput
    if sensor is not None:
        throughput = throughput * sensor.response
        expected = expected * sensor.response + sensor.dark_e(spec.exposure_s)
    electrons = rng.poisson(expected).astype(float)
    cosmic = _add_cosmic_rays(electrons, spec, rng)
    _add_hot_pixels(electrons, spec, rng)
    electrons += rng.normal(0.0, spec.read_noise_e, electrons.shape)
    adu = np.clip(np.rint(electrons / spec.gain + spec.bias_adu), 0, min(spec.saturation_adu, 65535.0))

    column = np.clip(np.rint(stars.x).astype(int), 0, spec.width - 1)
    row = np.clip(np.rint(stars.y).astype(int), 0, spec.height - 1)
    seen = flux * throughput[row, column]
    snr = seen / np.sqrt(seen + area * noise**2)
    return Exposure(
        spec, adu.astype(np.uint16), _cards(spec), spec.wcs(), stars, seen / spec.gain, snr, cosmic
    )  # fmt: skip


def limit_of(spec: Spec, zero_point_e: float, sensor: Sensor | None = None) -> float:
    """Return the magnitude of a star at a signal-to-noise ratio of 5, from that of one electron in the exposure."""
    return zero_point_e - 2.5 * float(np.log10(_flux_at_snr(5.0, _noise_area(spec), _noise(spec, sensor))))


def _noise(spec: Spec, sensor: Sensor | None) -> float:
    """Return the noise of an empty pixel, electrons."""
    dark = 0.0 if sensor is None else float(np.median(sensor.dark_e(spec.exposure_s)))
    return float(np.sqrt(spec.sky_e + dark + spec.read_noise_e**2))


def _noise_area(spec: Spec) -> float:
    """Return the noise-equivalent area of the profile, pixels."""
    half = int(6 * spec.fwhm_px) + 2
    stamps = profile(spec.fwhm_px, spec.beta, half)
    return float(1 / np.sum(stamps[4, 4] ** 2))


def _flux_at_snr(snr: float, area: float, noise: float) -> float:
    """Return electrons of a star at a signal-to-noise ratio, its own photons' noise included."""
    return 0.5 * snr * (snr + float(np.sqrt(snr**2 + 4 * area * noise**2)))


def _trail(spec: Spec) -> NDArray[np.float64]:
    """Return the kernel that draws every star out into a line, of unit sum."""
    half = int(np.ceil(spec.trail_px / 2)) + 1
    along = np.linspace(-0.5, 0.5, 8 * half + 1) * spec.trail_px
    angle = np.radians(spec.trail_angle_deg)
    x, y = half + along * np.cos(angle), half + along * np.sin(angle)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    np.add.at(kernel, (row, column), (1 - down) * (1 - right))
    np.add.at(kernel, (row, column + 1), (1 - down) * right)
    np.add.at(kernel, (row + 1, column), down * (1 - right))
    np.add.at(kernel, (row + 1, column + 1), down * right)
    return np.asarray(kernel / kernel.sum())


def _coordinates(spec: Spec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rows and columns from -1 to 1, shapes (height, 1) and (1, width)."""
    return np.linspace(-1, 1, spec.height)[:, None], np.linspace(-1, 1, spec.width)[None, :]


def _sky(spec: Spec) -> NDArray[np.float64]:
    v, u = _coordinates(spec)
    return np.asarray(spec.sky_e * (1 + spec.gradient / 2 * (0.8 * u + 0.6 * v)))


def _throughput(spec: Spec, rng: np.random.Generator) -> NDArray[np.float64]:
    v, u = _coordinates(spec)
    passed = 1 - spec.vignetting * (u**2 + v**2) / 2
    if spec.lens != "rectilinear":
        passed = passed * _through_air(spec)
    if spec.clouds > 0:
        # A few waves of random direction and length make patchy cloud.
        thickness = np.zeros((spec.height, spec.width))
        for _ in range(6):
            ku, kv = rng.normal(0, 3.0, 2)
            thickness += np.sin(ku * u + kv * v + rng.uniform(0, 2 * np.pi))
        thickness = (thickness - thickness.min()) / max(float(np.ptp(thickness)), 1e-9)
        passed = passed * (1 - spec.clouds * thickness)
    return np.clip(passed, 0.0, 1.0) * np.ones((spec.height, spec.width))


def _through_air(spec: Spec) -> NDArray[np.float64]:
    """Return the share of light that reaches each pixel of a fisheye whose axis is the zenith, none below its horizon.

    The airmass is that of Rozenberg (1966, Twilight).
    """
    wcs = spec.wcs()
    row, column = np.mgrid[: spec.height, : spec.width]
    r = np.hypot(column - wcs.crpix[0], row - wcs.crpix[1]) * np.radians(wcs.scale_arcsec / 3600)
    z = np.nan_to_num(zenithal.distance(wcs.radial or zenithal.EQUIDISTANT, r), nan=np.pi)
    cosine = np.maximum(np.cos(z), 0.0)
    airmass = 1 / (cosine + 0.025 * np.exp(-11 * cosine))
    seen = z <= np.radians(spec.horizon_deg)
    return np.asarray(np.where(seen, 10 ** (-0.4 * _EXTINCTION * (np.minimum(airmass, 40) - 1)), 0.0))


def _add_cosmic_rays(electrons: NDArray[np.float64], spec: Spec, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Add straight tracks of one pixel's width; say which pixels they hit."""
    hit = np.zeros(electrons.shape, bool)
    for _ in range(spec.cosmic_rays):
        x, y = rng.uniform(0, spec.width), rng.uniform(0, spec.height)
        angle, length = rng.uniform(0, np.pi), rng.exponential(4.0) + 1
        per_pixel = rng.lognormal(7.3, 0.7)
        for step in np.arange(0.0, length, 0.5):
            column, row = int(x + step * np.cos(angle)), int(y + step * np.sin(angle))
            if 0 <= column < spec.width and 0 <= row < spec.height and not hit[row, column]:
                hit[row, column] = True
                electrons[row, column] += per_pixel * rng.uniform(0.5, 1.5)
    return hit


def _add_hot_pixels(electrons: NDArray[np.float64], spec: Spec, rng: np.random.Generator) -> None:
    rows, columns = rng.integers(0, spec.height, spec.hot_pixels), rng.integers(0, spec.width, spec.hot_pixels)
    electrons[rows, columns] += rng.lognormal(7.0, 1.2, spec.hot_pixels)


def _cards(spec: Spec) -> dict[str, tuple[Any, str]]:
    start = spec.start.isoformat(timespec="milliseconds").replace("+00:00", "")
    cards: dict[str, tuple[Any, str]] = {
        "OBJECT": ("Simulated field", "target"),
        "IMAGETYP": ("Light Frame", "type of image"),
        "DATE-OBS": (start, "UTC, start of exposure"),
        "EXPTIME": (spec.exposure_s, "seconds"),
        "FILTER": (spec.filter, ""),
        "INSTRUME": ("hven simulated camera", ""),
        "TELESCOP": ("hven simulated telescope", ""),
        "GAIN": (spec.gain, "electrons per ADU"),
        "RDNOISE": (spec.read_noise_e, "electrons"),
        "SATURATE": (spec.saturation_adu, "ADU"),
        "XBINNING": (1, ""),
        "YBINNING": (1, ""),
    }
    if spec.hints:
        pixel_um = 4.5
        focal_mm = pixel_um / 1000 / np.tan(np.radians(spec.scale_arcsec / 3600))
        cards |= {
            "RA": (spec.ra % 360.0, "degrees, of the centre"),
            "DEC": (spec.dec, "degrees, of the centre"),
            "FOCALLEN": (round(float(focal_mm), 4), "mm"),
            "XPIXSZ": (pixel_um, "micrometres"),
            "YPIXSZ": (pixel_um, "micrometres"),
        }
    return cards
