"""What a night consists of: where, when, with which camera, how many frames of what."""

from dataclasses import dataclass
from datetime import date, datetime

from hven.errors import Invalid
from hven.science.simulate.spec import Stars
from hven.science.sky.almanac import Place
from hven.science.sky.nights import night_bounds

TEIDE = Place(-16.51, 28.30, 2390.0)  # the observatory on Tenerife

_MOST_FRAMES = 5000
_MOST_TARGETS = 12
_BELOW, _ABOVE = 1.0, 3600.0  # seconds that an exposure may last


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera on a small telescope."""

    name: str = "hven simulated camera"
    telescope: str = "hven simulated telescope"
    width: int = 512  # pixels
    height: int = 512
    width_deg: float = 1.0  # of the longer side
    orientation_deg: float = 4.0  # east of north, of rising rows, before the mount turns over at the meridian
    pixel_um: float = 9.0
    largest_mm: float = 100.0  # of its aperture; that of a wide field's lens is smaller
    efficiency: float = 0.5  # electrons per photon at the top of the telescope
    optics_fwhm_px: float = 1.7  # of a star without air
    gain: float = 1.5  # electrons per ADU
    setting: int = 100  # what the header calls GAIN, as CMOS cameras do
    read_noise_e: float = 6.0
    bias_adu: float = 500.0
    saturation_adu: float = 65535.0
    temperature_c: float = -10.0
    dark_e_s: float = 0.2  # electrons per second and pixel
    hot_pixels: int = 150
    vignetting: float = 0.25  # light lost in the corners, as a fraction
    dust: int = 6  # specks
    uneven: float = 0.005  # scatter of the pixels' sensitivities, as a fraction

    @property
    def scale_arcsec(self) -> float:
        """Arcseconds per pixel."""
        return self.width_deg * 3600 / max(self.width, self.height)

    @property
    def focal_mm(self) -> float:
        """The focal length that this scale needs."""
        return self.pixel_um * 206.264806 / self.scale_arcsec

    @property
    def aperture_mm(self) -> float:
        """The aperture: no lens is faster than f/2."""
        return min(self.largest_mm, self.focal_mm / 2)


@dataclass(frozen=True, slots=True)
class NightPlan:
    """One night; the same plan gives the same files."""

    place: Place = TEIDE
    night: date = date(2026, 3, 15)  # of the noon with which it begins
    camera: Camera = Camera()
    observer: str = "hven"
    bias: int = 6  # frames
    darks: int = 5
    flats: int = 3  # of each filter
    lights: int = 2  # of each target in each filter
    exposure_s: float = 60.0  # of lights and darks
    filters: tuple[str, ...] = ("B", "V", "R")
    targets: tuple[str, ...] = ()  # names of deep-sky objects; none: three that stand high
    seeing_arcsec: float = 3.0  # full width at half maximum at the zenith, mean of the night
    clouds_mag: float = 0.0  # light lost where a passing cloud is thickest
    stars: Stars = "real"
    random_stars: int = 300  # with stars="random": how many a frame has
    seed: int = 1  # nights of the same seed have the same camera

    def __post_init__(self) -> None:
        if not -180 <= self.place.longitude_deg <= 180 or not -90 <= self.place.latitude_deg <= 90:
            raise Invalid("A site lies between -180 and 180 degrees of longitude, east positive, and -90 and 90 of"
                          " latitude.")  # fmt: skip
        if min(self.bias, self.darks, self.flats, self.lights) < 0 or not 1 <= self.frames <= _MOST_FRAMES:
            raise Invalid(f"A simulated night has 1 to {_MOST_FRAMES:,} frames, and no fewer than none of each kind.")
        if not _BELOW <= self.exposure_s <= _ABOVE:
            raise Invalid(f"Lights and darks are exposed for {_BELOW:g} to {_ABOVE:,.0f} seconds.")
        if not self.filters or len(set(self.filters)) < len(self.filters):
            raise Invalid("A night needs the names of its filters, each once.")
        if any(not name.strip() or "/" in name or not name.isascii() for name in self.filters):
            raise Invalid("A filter's name is ASCII text without a slash, because headers and file names carry it.")
        if len(self.targets) > _MOST_TARGETS:
            raise Invalid(f"A night has at most {_MOST_TARGETS} targets.")
        if not 0.3 <= self.seeing_arcsec <= 30 or not 0 <= self.clouds_mag <= 10:
            raise Invalid("The seeing lies between 0.3 and 30 arcseconds, a cloud takes 0 to 10 magnitudes.")
        if self.seed < 0:
            raise Invalid("The seed is a whole number from 0 on.")

    @property
    def target_count(self) -> int:
        """How many targets the night has."""
        return len(self.targets) or 3

    @property
    def frames(self) -> int:
        """How many files the night has."""
        per_filter = self.flats + self.lights * self.target_count
        return self.bias + self.darks + per_filter * len(self.filters)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The two noons (UTC) between which the night lies."""
        return night_bounds(self.night, self.place.longitude_deg)

    def seeds(self, *more: int) -> tuple[int, ...]:
        """Return the seed of something that differs from night to night."""
        return (self.seed, self.night.toordinal(), *more)
