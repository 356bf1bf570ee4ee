"""The frame's projection measured anew on the catalogue that calibrates it."""

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.photometry.objects import Flag
from hven.science.sky.wcs import Wcs
from hven.science.stars.refine import References, examine, refine
from hven.science.stars.solution import Solution, SourceList

Floats = NDArray[np.float64]
_TOLERANCE = 0.01  # of the frame's longer side, that the given projection may be off
_LEAST_TOLERANCE_PX = 8.0
_FEW = 12  # catalogue stars on a frame, among which a wrong start is hard to tell from a right one
_BAD = int(Flag.SATURATED | Flag.TRUNCATED | Flag.SHAPE | Flag.MASKED_APERTURE)


def refine_projection(
    wcs: Wcs, objects: Table, ra: Floats, dec: Floats, mag: Floats, *, fwhm_px: float, order: int
) -> Solution:
    """Return a projection that puts catalogue stars on their objects, with its matches.

    Parameters
    ----------
    wcs : Wcs
        Near the truth: within a hundredth of the frame's side.
    objects : Table
        Measured objects (x, y, flux, fluxerr, bg, flags).
    ra, dec, mag : (n,)
        Catalogue stars, ICRS degrees.
    fwhm_px : float
        Of the frame's stars.
    order : int
        The highest of the distortion polynomials; 1 for none. A lower one is taken where the stars do not warrant it.

    Raises
    ------
    Invalid
        The catalogue does not fit the frame; the sentence says how many of each there were.

    """
    good = (np.asarray(objects["flags"]) & _BAD) == 0
    if np.count_nonzero(good) < 12:
        good = np.ones(len(objects), np.bool_)
    rows = objects[good]
    flux = np.asarray(rows["flux"], float)
    sources = SourceList(
        x=np.asarray(rows["x"], float),
        y=np.asarray(rows["y"], float),
        flux=flux,
        background=np.asarray(rows["bg"], float),
        snr=flux / np.maximum(np.asarray(rows["fluxerr"], float), 1e-9),
        width=wcs.width,
        height=wcs.height,
        fwhm_px=fwhm_px,
    )
    known = np.isfinite(ra) & np.isfinite(dec) & np.isfinite(mag)
    place = np.flatnonzero(known)[np.argsort(mag[known], kind="stable")]
    references = References(ra[place], dec[place], mag[place], np.full(place.size, "catalogue"))
    tolerance = max(_TOLERANCE * max(wcs.width, wcs.height), _LEAST_TOLERANCE_PX)
    found = None
    # a good start is checked with its distortion, a bad one within a wide circle
    for reach in (max(2.0 * fwhm_px, 4.0), tolerance):
        found = examine(wcs, sources, references, tolerance_px=reach)
        if found is not None and found[1].accepted:
            break
    if found is None or not found[1].accepted:
        inside = int(np.count_nonzero(wcs.contains(references.ra, references.dec)))
        next_step = "Solve the frame anew" if inside >= _FEW else "Choose a catalogue with fainter stars, solve it anew"
        raise Invalid(
            f"The projection could not be refined: {len(sources)} objects and {inside} catalogue stars on the frame "
            f"do not agree within {tolerance:.0f} pixels. {next_step}, or switch the refinement off."
        )
    start, evidence = found
    if wcs.sip_a is not None and reach < tolerance:
        start = wcs
    solution = refine(start, sources, references, evidence, "refinement", epoch=None, most_order=max(order, 1))
    if solution is None:
        raise Invalid(
            "The projection could not be refined: too few catalogue stars stay on their objects. Solve the frame "
            "anew, or switch the refinement off."
        )
    return solution
