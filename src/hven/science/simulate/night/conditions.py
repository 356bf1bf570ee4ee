"""The air and the light of a night: filters, extinction, seeing, a cloud, the brightness of the sky.

Magnitudes are Vega's. What differs between filters is what a zero point needs; moonlight and twilight are those of V.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_EFOLD = 0.4 * float(np.log(10))


@dataclass(frozen=True, slots=True)
class Band:
    """What a filter lets through."""

    photons: float  # per second and square centimetre of a star of magnitude 0, above the air
    extinction: float  # magnitudes per airmass
    dark_sky: float  # magnitudes per square arcsecond at the zenith, without Moon


# Photons: flux densities of Bessell, Castelli and Plez (1998, A&A 333, 231) and Fukugita et al. (1996, AJ 111, 1748)
# times the filters' widths, to a tenth. Extinction and dark sky: usual values of a good site.
_CLEAR = Band(3.2e6, 0.18, 21.0)
_BANDS = {
    "U": Band(4.5e5, 0.50, 22.0), "B": Band(1.3e6, 0.25, 22.5), "V": Band(8.8e5, 0.15, 21.7),
    "R": Band(9.7e5, 0.10, 20.9), "I": Band(6.7e5, 0.06, 19.8), "u": Band(3.0e5, 0.48, 22.5),
    "g": Band(1.6e6, 0.19, 22.0), "r": Band(1.2e6, 0.11, 21.0), "i": Band(9.0e5, 0.07, 20.2),
    "z": Band(5.0e5, 0.05, 19.0), "Ha": Band(3.5e4, 0.10, 20.9), "OIII": Band(5.5e4, 0.17, 21.7),
    "SII": Band(3.3e4, 0.10, 20.9),
}  # fmt: skip


def band(name: str) -> Band:
    """Return what is known of a filter; one of another name lets through what clear glass does."""
    return _BANDS.get(name, _CLEAR)


def zero_point(name: str, aperture_mm: float, efficiency: float) -> float:
    """Return the magnitude of a star of one electron per second, above the air."""
    area = np.pi / 4 * (aperture_mm / 10) ** 2
    return 2.5 * float(np.log10(band(name).photons * area * efficiency))


@dataclass(frozen=True, slots=True)
class Weather:
    """How the air of one night changes; times are minutes since its noon."""

    seeing_arcsec: float  # at the zenith, mean
    waves: tuple[tuple[float, float, float], ...]  # amplitude as a fraction, period in minutes, phase
    haze: float  # the night's extinction, as a factor
    cloud_mag: float  # light lost where it is thickest
    cloud_at: float
    cloud_minutes: float  # the Gaussian's sigma

    def fwhm_arcsec(self, minutes: float, airmass: float) -> float:
        """Return the seeing, which grows with airmass^0.6 (Kolmogorov turbulence) and drifts."""
        drift = sum(a * float(np.sin(2 * np.pi * minutes / period + phase)) for a, period, phase in self.waves)
        return self.seeing_arcsec * float(np.exp(drift) * airmass**0.6)

    def cloud(self, minutes: float) -> float:
        """Return the magnitudes that the cloud takes."""
        return self.cloud_mag * float(np.exp(-0.5 * ((minutes - self.cloud_at) / self.cloud_minutes) ** 2))

    def extinction(self, name: str, minutes: float, airmass: float) -> float:
        """Return the magnitudes that air and cloud take in a filter."""
        return band(name).extinction * self.haze * airmass + self.cloud(minutes)


def draw_weather(
    seeing_arcsec: float, clouds_mag: float, times: Sequence[float], seed: int | tuple[int, ...]
) -> Weather:
    """Draw the air of a night; the cloud passes at about one of some times, in minutes since its noon."""
    rng = np.random.default_rng(seed)
    waves = tuple((float(rng.uniform(0.03, 0.12)), period * float(rng.uniform(0.7, 1.4)), float(rng.uniform(0, 6.28)))
                  for period in (400.0, 130.0, 35.0))  # fmt: skip
    haze, sigma, away = float(rng.uniform(0.9, 1.15)), float(rng.uniform(15, 40)), float(rng.normal(0, 10))
    at = float(rng.choice(times)) + away if len(times) else 720.0
    return Weather(seeing_arcsec, waves, haze, clouds_mag, at, sigma)


def sky_mag(
    name: str, *, sun_deg: float, moon_deg: float = -90.0, moon_lit: float = 0.0, apart_deg: float = 90.0,
    altitude_deg: float = 90.0,
) -> float:  # fmt: skip
    """Return the brightness of the sky, magnitudes per square arcsecond.

    Parameters
    ----------
    name
        The filter's.
    sun_deg, moon_deg
        Altitudes.
    moon_lit
        Share of the Moon's disc, 0 to 1.
    apart_deg, altitude_deg
        Of the place in the sky: from the Moon, above the horizon.
    """
    path = 1 / np.sqrt(1 - 0.96 * np.cos(np.radians(altitude_deg)) ** 2)  # that of airglow, from the same paper
    dark = band(name).dark_sky - 2.5 * np.log10(path) + band(name).extinction * (path - 1)
    light = 10 ** (-0.4 * dark) + _twilight(sun_deg) + _moonlight(moon_deg, moon_lit, apart_deg, float(path))
    return -2.5 * float(np.log10(light))


def _twilight(sun_deg: float) -> float:
    """Return the light of the zenith in V, as a flux of magnitude 0 per square arcsecond.

    After the measurements of Patat, Ugolnikov and Postylyakov (2006, A&A 455, 385) with the Sun 5 to 18 degrees below
    the horizon; before, the same slope goes on.
    """
    if sun_deg <= -18:
        return 0.0
    below = -sun_deg - 5
    mag = 11.84 + 1.518 * below - (0.057 * below**2 if below > 0 else 0.0)
    fade = min(1.0, (sun_deg + 18) / 4)  # that it ends with the astronomical twilight
    return float(fade * 10 ** (-0.4 * max(mag, 4.0)))


def _moonlight(moon_deg: float, lit: float, apart_deg: float, path: float) -> float:
    """Return the scattered light in V, as above (Krisciunas and Schaefer 1991, PASP 103, 1033)."""
    if moon_deg <= 0:
        return 0.0
    phase = float(np.degrees(np.arccos(np.clip(2 * lit - 1, -1, 1))))
    moon = 10 ** (-0.4 * (3.84 + 0.026 * phase + 4e-9 * phase**4))
    scattered = 10**5.36 * (1.06 + np.cos(np.radians(apart_deg)) ** 2) + 10 ** (6.15 - apart_deg / 40)
    moon_path = 1 / np.sqrt(1 - 0.96 * np.cos(np.radians(moon_deg)) ** 2)
    k = _EFOLD * band("V").extinction
    nanolamberts = scattered * moon * np.exp(-k * moon_path) * (1 - np.exp(-k * path))
    return float(nanolamberts / 34.08 * np.exp(-20.7233))  # 34.08 exp(20.7233 - 0.92104 V) nL: their definition
