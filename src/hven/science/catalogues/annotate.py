"""Which named objects a solved frame shows, and where.

The rules are those of the nova API: NGC and IC objects for fields of less than 10 degrees radius, bright stars for
all, each with its pixel by the full projection. Cones are cut by unit vectors, so poles and 0h need no care.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.science.catalogues.bright import BrightStars
from hven.science.catalogues.constellations import Figures, constellations_in_field
from hven.science.catalogues.deepsky import DeepSky, deep_sky
from hven.science.sky.sphere import unit_vectors
from hven.science.sky.wcs import Wcs

NGC_BELOW_DEG = 10.0  # radius of the field from which on NGC and IC objects would only clutter it
SHOWN_FRACTION = 0.02  # an object at least this large in the shorter side is worth a line in a list
SHOWN_MAGNITUDE = 9.0  # and so is a smaller one as bright as this


@dataclass(frozen=True, slots=True)
class Annotation:
    """One object on the frame."""

    type: str  # "ngc", "ic", "bright", or "other" (objects of neither catalogue, such as M 45)
    names: tuple[str, ...]  # the catalogue's name first ("NGC 3627"); stars: proper, Bayer, Flamsteed
    x: float  # 0-based pixels by the full projection
    y: float
    ra: float  # ICRS degrees
    dec: float
    radius_px: float = 0.0  # half the major axis; 0: unknown, or a star
    v_mag: float | None = None
    messier: int | None = None
    common: tuple[str, ...] = ()  # "Pleiades"
    object_type: str = ""  # OpenNGC's: G, OCl, HII, ...

    @property
    def label(self) -> str:
        """The name to write beside it: Messier's number, else the catalogue's; a star's best known one."""
        return f"M {self.messier}" if self.messier else self.names[0]

    @property
    def kind(self) -> str:
        """The type, with Messier's objects apart."""
        return "messier" if self.messier else self.type

    @property
    def rank(self) -> float:
        """What is labelled first where room is short: low before high."""
        if self.type == "bright":
            return (self.v_mag or 0.0) + (0.0 if len(self.names) > 1 else 1.0)
        return (1.0 if self.messier else 4.0) + (0.0 if self.common else 1.0) - min(3.0, self.radius_px / 50)


def annotate(
    wcs: Wcs,
    stars: BrightStars | None = None,
    *,
    nbright: int = 0,
    messier_always: bool = False,
    catalogue: DeepSky | None = None,
) -> list[Annotation]:
    """Return the named objects whose centre is on the frame: deep sky by falling size, then stars by magnitude.

    Parameters
    ----------
    wcs
        The frame's projection; carries its width and height.
    stars
        Named stars; None for no stars.
    nbright
        At most so many stars, the brightest; 0 for all.
    messier_always
        Give Messier's objects on fields of 10 degrees radius and more too, where other NGC and IC objects are
        left out.
    catalogue
        Deep-sky objects; the installed OpenNGC where None.
    """
    found = _deep(wcs, deep_sky() if catalogue is None else catalogue, messier_always=messier_always)
    return found + (_stars(wcs, stars, nbright) if stars is not None else [])


def _inside(wcs: Wcs, vectors: NDArray[np.float64], ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[
    NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]
]:  # fmt: skip
    """Return indices and pixels of the positions on the frame: a cone first, then the projection."""
    corners_x = np.array([-0.5, wcs.width - 0.5, -0.5, wcs.width - 0.5])
    corners_y = np.array([-0.5, -0.5, wcs.height - 0.5, wcs.height - 0.5])
    centre = unit_vectors(*wcs.centre)
    cosine = float((unit_vectors(*wcs.to_sky(corners_x, corners_y)) @ centre).min())
    widest = np.pi / 2 if wcs.radial is None else np.pi
    reach = np.cos(min(widest, np.arccos(np.clip(np.nan_to_num(cosine, nan=-1.0), -1, 1)) * 1.05 + 1e-6))
    near = np.flatnonzero(vectors @ centre >= reach)
    x, y = wcs.to_pixel(ra[near], dec[near])
    with np.errstate(invalid="ignore"):
        good = (x >= -0.5) & (x <= wcs.width - 0.5) & (y >= -0.5) & (y <= wcs.height - 0.5)
    return near[good], x[good], y[good]


def _deep(wcs: Wcs, objects: DeepSky, *, messier_always: bool) -> list[Annotation]:
    every = wcs.radius_deg < NGC_BELOW_DEG
    if not every and not messier_always:
        return []
    found = []
    for i, x, y in zip(*_inside(wcs, objects.vector, objects.ra, objects.dec), strict=True):
        messier = int(objects.messier[i])
        if not (every or messier):
            continue
        radius = float(objects.radius_deg[i])
        magnitude = float(objects.v_mag[i])
        found.append(
            Annotation(
                type=objects.kind[i],
                names=(objects.name[i],),
                x=float(x),
                y=float(y),
                ra=float(objects.ra[i]),
                dec=float(objects.dec[i]),
                radius_px=radius * 3600 / wcs.scale_arcsec if np.isfinite(radius) else 0.0,
                v_mag=magnitude if np.isfinite(magnitude) else None,
                messier=messier or None,
                common=objects.common[i],
                object_type=objects.type[i],
            )
        )
    return sorted(found, key=lambda a: -a.radius_px)


def _stars(wcs: Wcs, stars: BrightStars, nbright: int) -> list[Annotation]:
    if not len(stars):
        return []
    index, x, y = _inside(wcs, stars.vector, stars.ra, stars.dec)  # brightest first, as the list is
    if nbright > 0:
        index = index[:nbright]
    return [
        Annotation(
            type="bright",
            names=stars.names(i),
            x=float(px),
            y=float(py),
            ra=float(stars.ra[i]),
            dec=float(stars.dec[i]),
            v_mag=float(stars.v_mag[i]),
        )
        for i, px, py in zip(index.tolist(), x, y, strict=False)
    ]


def objects_in_field(wcs: Wcs, annotations: list[Annotation], figures: Figures | None = None) -> list[str]:
    """Return the names worth listing, large objects first: "M 66", "NGC 3627", "The star Dubhe (\u03b1UMa)".

    Deep-sky objects count when Messier or the people gave them a name, or when they are large or bright. With
    `figures` the constellations whose lines cross the field follow.
    """
    least = SHOWN_FRACTION * min(wcs.width, wcs.height)
    names: list[str] = []
    for item in annotations:
        if item.type == "bright":
            names.append(_star_name(item))
        elif item.messier or item.common or 2 * item.radius_px >= least or (item.v_mag or 99) <= SHOWN_MAGNITUDE:
            names += [f"M {item.messier}"] if item.messier else []
            names += [item.names[0], *item.common]
    if figures is not None:
        names += constellations_in_field(wcs, figures)
    return list(dict.fromkeys(names))


def _star_name(item: Annotation) -> str:
    designations = [n for n in item.names if " " in n and len(n.rsplit(" ", 1)[1]) == 3]
    proper = next((n for n in item.names if n not in designations), "")
    designation = designations[0].replace(" ", "") if designations else ""
    if proper and designation:
        return f"The star {proper} ({designation})"
    return f"The star {proper or designation}"
