"""What is subtracted from what: one frame's pixels with what is known of their noise, and the result."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.kernel import SpatialKernel
from hven.science.sky.wcs import Wcs

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plane:
    """A frame as it enters a subtraction."""

    data: NDArray[np.generic]  # (height, width), ADU, any real type; NaN count as masked
    mask: NDArray[np.bool_] | None = None  # True where a pixel has no value, saturated ones included
    gain: float | None = None  # electrons per ADU; None: photon noise of sources is left out
    wcs: Wcs | None = None
    saturation: float | None = None  # ADU, at and above which pixels have no value

    def checked(self, name: str) -> "Plane":
        """Return it with finite pixels alone, or raise Invalid with a sentence about the frame called `name`."""
        if self.data.ndim != 2 or min(self.data.shape) < 64:
            raise Invalid(f"The {name} is no plane of at least 64 by 64 pixels.")
        if self.mask is not None and self.mask.shape != self.data.shape:
            raise Invalid(f"The {name} and its mask differ in size.")
        if self.gain is not None and not (np.isfinite(self.gain) and self.gain > 0):
            raise Invalid(
                f"The gain of the {name} is {self.gain:g}; it must be a positive number of electrons per ADU."
            )
        if not np.issubdtype(self.data.dtype, np.floating):
            return self
        finite = np.isfinite(self.data)
        if finite.all():
            return self
        mask = ~finite if self.mask is None else self.mask | ~finite
        return replace(self, data=np.where(finite, self.data, 0).astype(np.float32), mask=mask)

    def bad(self) -> NDArray[np.bool_]:
        """Return where the frame has no value: masked, not finite, saturated."""
        bad = np.zeros(self.data.shape, np.bool_) if self.mask is None else self.mask.copy()
        if np.issubdtype(self.data.dtype, np.floating):
            bad |= ~np.isfinite(self.data)
        if self.saturation is not None:
            bad |= np.asarray(self.data, np.float32) >= self.saturation
        return bad


@dataclass(frozen=True, slots=True)
class Stars:
    """Where stars of the frame are; arrays of one length n."""

    x: Floats  # 0-based pixels
    y: Floats
    flux: Floats  # ADU
    snr: Floats

    def chosen(self, which: NDArray[np.generic]) -> "Stars":
        """Return a selection or another order."""
        return Stars(self.x[which], self.y[which], self.flux[which], self.snr[which])


@dataclass(frozen=True, slots=True)
class Difference:
    """A frame minus its template, in the frame's photometric scale and on its grid.

    Where the template is not the sharper one the frame was convolved too, by `smoothing_px`; then `diff` has the
    wider star images of `psf`, and photometry corrects for the light that leaves an aperture by it.
    """

    diff: NDArray[np.float32]  # (height, width), ADU
    noise: NDArray[np.float32]  # standard deviation of a pixel of `diff`, ADU
    convolved: NDArray[np.float32]  # the template as it was subtracted, ADU above its background
    significance: NDArray[np.float32]  # matched-filtered difference over its noise, residuals of bright stars included
    mask: NDArray[np.bool_]  # True where there is no difference
    kernel: SpatialKernel
    psf: Floats  # (size, size), of a new point source in the middle of `diff`, unit sum
    profiles: SpatialKernel  # the same as it varies over the frame
    frame_psf: Floats  # the same in the frame itself
    smoothing_px: float  # sigma of the Gaussian that the frame was convolved with; 0 where it was not
    correlation: (
        Floats  # (k, k), autocovariance of the noise of `diff` over its variance, k odd, zero lag in the middle
    )
    star_error: tuple[float, float, float]  # what stars leave: position error in pixels, shares of light and halo
    stars: int  # that the kernel rests on
    chi2: float  # of them, per degree of freedom
    peak_density: float  # of noise peaks of `significance` per pixel: times u exp(-u^2 / 2) above u
    fwhm_px: float  # of the frame's stars
    template_fwhm_px: float  # of the template's, on the frame's grid
    identical: bool = False  # the template was the frame itself

    @property
    def scaled(self) -> NDArray[np.float32]:
        """The difference over its noise, 0 where there is none."""
        ratio = np.zeros_like(self.diff)
        np.divide(self.diff, self.noise, out=ratio, where=~self.mask & (self.noise > 0))
        return ratio

    @property
    def kernel_norm(self) -> float:
        """Template counts become frame counts by this factor, in the middle of the frame."""
        x, y = np.array([(self.kernel.width - 1) / 2]), np.array([(self.kernel.height - 1) / 2])
        return float(self.kernel.scale(x, y)[0])

    def threshold(self, false_alarms: float) -> float:
        """Return the significance above which noise is expected to make so many peaks in the whole difference."""
        pixels = float(np.count_nonzero(~self.mask))
        u = np.linspace(1.0, 9.0, 801)
        expected = pixels * self.peak_density * u * np.exp(-0.5 * u**2)
        return float(u[np.argmax(expected <= false_alarms)])
