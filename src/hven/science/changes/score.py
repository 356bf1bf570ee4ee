"""The best statistic for a new point source on a difference whose noise is correlated.

A source of profile P on noise of power spectrum V is told best by filtering with conj(P) / V; with V of both frames
this is the proper score image of Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27 (their eq. 17), written for a kernel fitted
in real space. The filter is short, so masks and the frame's edges stay local.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SIZE = 96  # of the squares on which spectra are computed, pixels
_FLOOR = 1e-3  # of the largest noise power: what no frame resolves is not amplified


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """A filter that turns a difference into the flux of a point source at each pixel."""

    image: Floats  # (size, size), convolved with the difference; the result is ADU of flux
    deviation: float  # of the result on empty sky, ADU
    peak_density: float  # of noise peaks per pixel: those above u deviations are this times u exp(-u^2 / 2)
    frame_weight: Floats  # (size, size), squares of what a pixel of the frame contributes: to convolve variances
    template_weight: Floats  # the same for a pixel of the template


def embedded(image: Floats, size: int = _SIZE) -> Floats:
    """Return an odd-sized image on a larger square with its middle at pixel (0, 0), as transforms want it."""
    half = image.shape[0] // 2
    whole = np.zeros((size, size))
    if 2 * half + 1 > size:
        cut = half - size // 2 + 1
        image = image[cut:-cut, cut:-cut]
        half = image.shape[0] // 2
    whole[: 2 * half + 1, : 2 * half + 1] = image
    return np.roll(whole, (-half, -half), axis=(0, 1))


def extracted(whole: Floats, half: int) -> Floats:
    """Return the odd-sized middle of what `embedded` made."""
    return np.roll(whole, (half, half), axis=(0, 1))[: 2 * half + 1, : 2 * half + 1]


def spectrum(image: Floats) -> NDArray[np.complex128]:
    """Return the transform (96, 49) of an odd-sized image about its middle."""
    return np.asarray(scipy.fft.rfft2(embedded(image)))


def score_filter(
    psf: Floats, smoothing: Floats, kernel: Floats, frame_noise: float, template_noise: float, *, half: int
) -> ScoreFilter:
    """Return the filter for a profile.

    Parameters
    ----------
    psf : (size, size)
        Of a point source in the difference, unit sum.
    smoothing, kernel : (size, size)
        What the frame and the template were convolved with.
    frame_noise, template_noise : float
        Standard deviations of a pixel of either on empty sky, ADU, before that.
    half : int
        Pixels on each side of the filter's middle.

    """
    profile, smooth, match = spectrum(psf), spectrum(smoothing), spectrum(kernel)
    power = np.abs(smooth) ** 2 * frame_noise**2 + np.abs(match) ** 2 * template_noise**2
    power = np.maximum(power, 1e-30)
    best = np.conj(profile) / (power + _FLOOR * power.max())
    image = extracted(scipy.fft.irfft2(best, (_SIZE, _SIZE)), half)
    # a source of unit flux comes out as 1
    response = scipy.fft.irfft2(spectrum(image) * profile, (_SIZE, _SIZE))[0, 0]
    image = image / response
    used = spectrum(image)
    deviation = float(np.sqrt(scipy.fft.irfft2(np.abs(used) ** 2 * power, (_SIZE, _SIZE))[0, 0]))
    # Adler 1981, The Geometry of Random Fields, ch. 6: high maxima of a Gaussian field in two dimensions
    filtered = np.abs(scipy.fft.fft2(embedded(image))) ** 2 * _whole(power)
    k = 2 * np.pi * scipy.fft.fftfreq(_SIZE)
    total = filtered.sum()
    xx, yy = (filtered * k[None, :] ** 2).sum() / total, (filtered * k[:, None] ** 2).sum() / total
    xy = (filtered * k[None, :] * k[:, None]).sum() / total
    peak_density = float(np.sqrt(max(xx * yy - xy**2, 0.0)) / (2 * np.pi) ** 1.5)
    wide = min(half + max(smoothing.shape[0], kernel.shape[0]) // 2, _SIZE // 2 - 1)
    frame_weight = extracted(scipy.fft.irfft2(used * smooth, (_SIZE, _SIZE)), wide) ** 2
    template_weight = extracted(scipy.fft.irfft2(used * match, (_SIZE, _SIZE)), wide) ** 2
    return ScoreFilter(image, deviation, peak_density, frame_weight, template_weight)


def _whole(half_spectrum: Floats) -> Floats:
    """Return a real, symmetric spectrum (96, 49) as all of its (96, 96)."""
    whole = np.zeros((_SIZE, _SIZE))
    columns = half_spectrum.shape[1]
    whole[:, :columns] = half_spectrum
    mirrored = np.roll(half_spectrum[::-1], 1, axis=0)
    whole[:, columns:] = mirrored[:, 1 : _SIZE - columns + 1][:, ::-1]
    return whole


def correlation(smoothing: Floats, kernel: Floats, frame_noise: float, template_noise: float, *, half: int) -> Floats:
    """Return the autocovariance of the difference's noise over its variance, (2 half + 1, 2 half + 1)."""
    power = np.abs(spectrum(smoothing)) ** 2 * frame_noise**2 + np.abs(spectrum(kernel)) ** 2 * template_noise**2
    covariance = extracted(scipy.fft.irfft2(power, (_SIZE, _SIZE)), half)
    return np.asarray(covariance / max(covariance[half, half], 1e-30))


def convolved(image: NDArray[np.float32], kernel: Floats) -> NDArray[np.float32]:
    """Return an image convolved with a small kernel, as if nothing lay beyond the edges."""
    turned = np.ascontiguousarray(kernel[::-1, ::-1].astype(np.float32))
    return np.asarray(cv2.filter2D(image, -1, turned, borderType=cv2.BORDER_CONSTANT), np.float32)


def smoothed_like(image: NDArray[np.float32], weight: Floats) -> NDArray[np.float32]:
    """Return an image smoothed by a Gaussian of a kernel's sum and mean width: quick, and enough for variances."""
    half = weight.shape[0] // 2
    axis = np.arange(-half, half + 1.0)
    total = float(weight.sum())
    variance = float((weight * (axis[:, None] ** 2 + axis**2)).sum()) / max(2 * total, 1e-30)
    line = gaussian_line(float(np.sqrt(max(variance, 0.05))))
    turned = line.astype(np.float32)
    out = cv2.sepFilter2D(image, -1, turned, (total * line).astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(out, np.float32)


def gaussian_line(sigma: float) -> Floats:
    """Return a Gaussian averaged over pixels, of unit sum; a single 1 for sigma 0."""
    if sigma <= 0:
        return np.ones(1)
    half = max(int(np.ceil(3.5 * sigma)), 1)
    fine = np.arange(-half, half + 1.0)[:, None] + (np.arange(5) - 2) / 5
    line = np.exp(-0.5 * (fine / sigma) ** 2).mean(axis=1)
    return np.asarray(line / line.sum(), np.float64)
