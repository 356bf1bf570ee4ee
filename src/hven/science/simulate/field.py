"""The stars of a simulated field: the catalogue's, and fainter ones at a realistic density."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hven.science.catalogues.reference import TYCHO2, ReferenceStars
from hven.science.simulate.spec import Spec
from hven.science.sky.sphere import separation, unit_vectors
from hven.science.sky.wcs import Wcs

# Stars brighter than G per square degree, mean of the whole sky, from the counts of Gaia DR3.
_COUNT_MAG = np.array([8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0])
_COUNT_LOG = np.log10([1.5, 11.7, 75.0, 400.0, 1850.0, 7300.0, 26000.0])
_GALACTIC_POLE = unit_vectors(192.85948, 27.12825)
_TYCHO2_WIDEST = 8.0  # degrees: wider fields are drawn from Gaia's bright stars
_COMPLETE = {"gaia": 10.0, "tycho2": 11.3}


@dataclass(frozen=True, slots=True)
class FieldStars:
    """Every star drawn onto the frame; arrays of one length n."""

    x: NDArray[np.float64]  # 0-based pixels
    y: NDArray[np.float64]
    ra: NDArray[np.float64]  # ICRS degrees at the exposure's epoch
    dec: NDArray[np.float64]
    mag: NDArray[np.float64]
    catalogue: NDArray[np.str_]  # "gaia", "tycho2", "drawn" or "random"

    def __len__(self) -> int:
        return int(self.x.size)

    def taken(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "FieldStars":
        """Return some of the stars."""
        return FieldStars(
            self.x[chosen], self.y[chosen], self.ra[chosen], self.dec[chosen], self.mag[chosen], self.catalogue[chosen]
        )

    def with_more(self, other: "FieldStars") -> "FieldStars":
        """Return both lists, brightest first."""
        both = FieldStars(
            np.concatenate([self.x, other.x]),
            np.concatenate([self.y, other.y]),
            np.concatenate([self.ra, other.ra]),
            np.concatenate([self.dec, other.dec]),
            np.concatenate([self.mag, other.mag]),
            np.concatenate([self.catalogue, other.catalogue]),
        )
        return both.taken(np.argsort(both.mag, kind="stable"))


def field_stars(spec: Spec, reference: ReferenceStars | None, rng: np.random.Generator) -> FieldStars:
    """Draw the stars of a specification; `reference` is needed for stars="real" only."""
    wcs = spec.wcs()
    faintest = spec.limit + 1.5
    if spec.stars == "none":
        return _made(wcs, rng, np.empty(0), "random")
    if spec.stars == "random":
        u = rng.random(spec.random_stars)
        return _made(wcs, rng, spec.limit + np.log10(np.maximum(u, 1e-4)) / 0.3, "random")
    if reference is None:
        raise ValueError("Stars of the real sky need the reference stars.")

    rows = reference.cone(*wcs.crval, 1.15 * wcs.radius_deg + 0.01, epoch=spec.epoch)
    narrow = spec.width_deg < _TYCHO2_WIDEST and bool(np.any(rows.catalogue == TYCHO2))
    x, y = wcs.to_pixel(rows.ra, rows.dec)
    real = FieldStars(x, y, rows.ra, rows.dec, rows.mag.astype(float), rows.names)
    margin = 4 * spec.fwhm_px + spec.trail_px
    with np.errstate(invalid="ignore"):
        keep = (x > -margin) & (x < spec.width + margin) & (y > -margin) & (y < spec.height + margin)
    keep &= rows.mag < faintest
    if not narrow:
        keep &= rows.catalogue != TYCHO2
    if spec.missing:
        keep &= rng.random(len(rows)) >= spec.missing
    complete = _COMPLETE["tycho2" if narrow else "gaia"]
    drawn = _made(wcs, rng, _faint_magnitudes(wcs, complete, faintest, rng), "drawn")
    stars = real.taken(keep).with_more(drawn)
    if spec.lens != "rectilinear":
        stars = stars.taken(separation(stars.ra, stars.dec, *wcs.crval) <= spec.horizon_deg)
    return stars


def placed(stars: FieldStars, spec: Spec) -> FieldStars:
    """Return those of known stars that a specification's frame shows, on its pixels, in the order given.

    As many as `field_stars` would draw: to 1.5 magnitudes below the limit, those just outside the frame included.
    """
    x, y = spec.wcs().to_pixel(stars.ra, stars.dec)
    margin = 4 * spec.fwhm_px + spec.trail_px
    with np.errstate(invalid="ignore"):
        keep = (x > -margin) & (x < spec.width + margin) & (y > -margin) & (y < spec.height + margin)
    keep &= stars.mag < spec.limit + 1.5
    return replace(stars, x=x, y=y).taken(keep)


def density(mag: float, galactic_latitude: float) -> float:
    """Return stars brighter than `mag` per square degree.

    The mean of the sky times a concentration to the plane that grows with magnitude, as star counts show.
    """
    mean = 10 ** float(np.interp(mag, _COUNT_MAG, _COUNT_LOG))
    power = float(np.interp(mag, [8.0, 20.0], [0.4, 1.1]))
    sines = (np.arange(200) + 0.5) / 200
    mean_of_sky = float(np.mean((sines + 0.15) ** -power))
    return float(mean * (abs(np.sin(np.radians(galactic_latitude))) + 0.15) ** -power / mean_of_sky)


def _faint_magnitudes(wcs: Wcs, bright: float, faint: float, rng: np.random.Generator) -> NDArray[np.float64]:
    if faint <= bright:
        return np.empty(0)
    latitude = float(np.degrees(np.arcsin(unit_vectors(*wcs.crval) @ _GALACTIC_POLE)))
    area = wcs.width * wcs.height * (wcs.scale_arcsec / 3600) ** 2
    edges = np.linspace(bright, faint, 40)
    below = np.array([density(edge, latitude) for edge in edges]) * area
    count = rng.poisson(below[-1] - below[0])
    return np.asarray(np.interp(rng.uniform(below[0], below[-1], count), below, edges))


def _made(wcs: Wcs, rng: np.random.Generator, mag: NDArray[np.float64], kind: str) -> FieldStars:
    x = rng.uniform(-0.5, wcs.width - 0.5, mag.size)
    y = rng.uniform(-0.5, wcs.height - 0.5, mag.size)
    ra, dec = wcs.to_sky(x, y)
    return FieldStars(x, y, ra, dec, mag, np.full(mag.size, kind))
