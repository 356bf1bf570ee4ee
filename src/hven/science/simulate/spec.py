"""What to simulate: a pointing, a camera, a sky."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from hven.errors import Invalid
from hven.science.sky import zenithal
from hven.science.sky.wcs import Wcs

Lens = Literal["rectilinear", "equidistant", "equisolid"]
Stars = Literal["real", "random", "none"]


# What a frame can be drawn with; beyond, numpy fails or the numbers mean nothing.
_RANGES = {
    "orientation_deg": (-360.0, 360.0), "distortion": (-0.2, 0.2), "exposure_s": (0.0, 1e6), "limit_mag": (-5.0, 25.0),
    "sky_e": (0.0, 1e6), "gradient": (-2.0, 2.0), "vignetting": (0.0, 1.0), "clouds": (0.0, 1.0), "gain": (1e-3, 1e3),
    "read_noise_e": (0.0, 1e4), "hot_pixels": (0, 1e6), "cosmic_rays": (0, 1e5), "trail_px": (0.0, 1000.0),
    "random_stars": (0, 1e6), "missing": (0.0, 1.0), "seed": (0, 2**63),
    "horizon_deg": (1.0, 170.0), "axis_off_px": (-1000.0, 1000.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spec:
    """One exposure; the same specification gives the same frame."""

    ra: float = 83.8  # ICRS degrees of the frame's centre, or of a fisheye's axis
    dec: float = -5.4
    width_deg: float = 12.0  # of the longer side, at the nominal scale
    width: int = 2048  # pixels
    height: int = 2048
    orientation_deg: float = 0.0  # east of north, of rising rows
    parity: int = -1  # sign of det(CD): -1 is a FITS frame that is not mirrored
    distortion: float = 0.0  # radial, as a fraction of the distance at the corner; negative is barrel
    lens: Lens = "rectilinear"  # the others are fisheyes: radius by the angle from the axis, or by its half's sine
    horizon_deg: float = 90.0  # from the axis, where a fisheye's picture ends
    axis_off_px: float = 0.0  # of a fisheye's axis from the middle of the frame, along either side
    start: datetime = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    exposure_s: float = 30.0
    filter: str = "Clear"
    fwhm_px: float = 2.6
    beta: float = 3.5  # of the Moffat profile (Moffat 1969, A&A 3, 455); 0 for a Gaussian
    limit_mag: float | None = None  # of a star at a signal-to-noise ratio of 5; None: by the field's width
    sky_e: float = 250.0  # electrons per pixel in the exposure
    gradient: float = 0.1  # of the sky, from edge to edge, as a fraction
    vignetting: float = 0.0  # light lost in the corners, as a fraction
    clouds: float = 0.0  # light lost in the thickest part, as a fraction
    gain: float = 1.5  # electrons per ADU
    read_noise_e: float = 6.0
    bias_adu: float = 500.0
    saturation_adu: float = 65535.0
    hot_pixels: int = 100
    cosmic_rays: int = 10
    trail_px: float = 0.0  # length of every star's trail
    trail_angle_deg: float = 30.0  # from the rows
    stars: Stars = "real"
    random_stars: int = 300  # with stars="random": how many
    missing: float = 0.0  # fraction of the catalogue's stars left out
    hints: bool = False  # whether the header tells pointing, focal length and pixel size
    seed: int = 1

    def __post_init__(self) -> None:
        if not 8 <= min(self.width, self.height) <= max(self.width, self.height) <= 20000:
            raise Invalid("A simulated frame is 8 to 20,000 pixels wide and high.")
        widest = 100 if self.lens == "rectilinear" else 340
        if not 0.01 <= self.width_deg <= widest:
            raise Invalid(f"A simulated field is 0.01 to {widest} degrees wide, for a {self.lens} lens.")
        if not -90 <= self.dec <= 90 or not np.isfinite(self.ra):
            raise Invalid("The declination lies between -90 and 90 degrees.")
        if not 0.5 <= self.fwhm_px <= 50:
            raise Invalid("The full width at half maximum of a star is 0.5 to 50 pixels.")
        if self.parity not in {-1, 1}:
            raise Invalid("The parity is +1 or -1.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise Invalid(f"{name} lies between {low:g} and {high:g}, not at {value:g}.")

    @property
    def scale_arcsec(self) -> float:
        """Arcseconds per pixel at the centre."""
        return self.width_deg * 3600 / max(self.width, self.height)

    @property
    def limit(self) -> float:
        """The magnitude of a star at a signal-to-noise ratio of 5, as asked for or usual for such a field."""
        if self.limit_mag is not None:
            return self.limit_mag
        # Lenses of wide fields are small: about 11 mag at 20 degrees, 16 at one.
        return float(np.clip(16.0 - 3.8 * np.log10(self.width_deg), 7.0, 19.0))

    def wcs(self) -> Wcs:
        """Return the true projection: TAN, with the distortion as SIP of order 3 (exactly); ZPN for a fisheye."""
        scale = self.scale_arcsec / 3600
        angle, p = np.radians(self.orientation_deg), self.parity
        # The inverse of Wcs.orientation_deg: rising rows point to `angle` east of north.
        cd = ((p * scale * np.cos(angle), scale * np.sin(angle)), (-p * scale * np.sin(angle), scale * np.cos(angle)))
        centre = (self.width - 1) / 2, (self.height - 1) / 2
        if self.lens != "rectilinear":
            axis = centre[0] + self.axis_off_px, centre[1] + self.axis_off_px
            return Wcs((self.ra % 360.0, self.dec), axis, cd, self.width, self.height, radial=self._radial())
        a = b = None
        if self.distortion:
            corner = (self.width**2 + self.height**2) / 4
            k = self.distortion / corner
            a, b = np.zeros((4, 4)), np.zeros((4, 4))
            a[3, 0] = a[1, 2] = k
            b[0, 3] = b[2, 1] = k
        return Wcs((self.ra % 360.0, self.dec), centre, cd, self.width, self.height, a, b)

    def _radial(self) -> tuple[float, ...]:
        """Return the radius of a fisheye by the angle from its axis; the distortion is reached at the horizon."""
        lens = list(zenithal.EQUIDISTANT if self.lens == "equidistant" else zenithal.EQUISOLID)
        lens += [0.0] * (4 - len(lens))
        lens[3] += self.distortion / np.radians(self.horizon_deg) ** 2
        return tuple(float(value) for value in lens)

    @property
    def epoch(self) -> float:
        """Julian year of the middle of the exposure."""
        days = (self.start - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400
        return 2000.0 + (days + self.exposure_s / 172800) / 365.25
