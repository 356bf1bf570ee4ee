"""Cuts of all-sky surveys (HiPS; Fernique et al. 2015, A&A 578, A114) by CDS's service hips2fits, as FITS.

The projection is handed over as FITS cards in JSON, so that what comes lies on the frame's own grid (without its
distortion, which the service does not know). Documented at https://alasky.cds.unistra.fr/hips-image-services/hips2fits.
"""

from __future__ import annotations

import json
from pathlib import Path

from hven.errors import Invalid
from hven.outside.ask import MIB, Asking, ask_into, with_query
from hven.science.sky.wcs import Wcs

SERVICE = "CDS's hips2fits"
ADDRESS = "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
MOST_PIXELS = 40_000_000  # the service refuses more than 50 million


def question(hips: str, wcs: Wcs) -> dict[str, str]:
    """Return what the service is asked for a cut on a frame's grid; Invalid where that has too many pixels."""
    if wcs.width * wcs.height > MOST_PIXELS:
        raise Invalid(f"{SERVICE} cuts at most {MOST_PIXELS / 1e6:.0f} million pixels at once.")
    cards = {name: value for name, value in wcs.linear().to_cards().items() if name not in {"IMAGEW", "IMAGEH"}}
    cards |= {"NAXIS": 2, "NAXIS1": wcs.width, "NAXIS2": wcs.height}
    return {"hips": hips, "wcs": json.dumps(cards), "format": "fits"}


def cut(hips: str, wcs: Wcs, target: Path, asking: Asking, *, address: str = ADDRESS) -> int:
    """Write a cut of a HiPS on a frame's grid, without the frame's distortion, into a file; return its size.

    Parameters
    ----------
    hips
        The survey's identifier, such as CDS/P/DES-DR2/r.
    wcs
        The frame's projection; gnomonic.
    target
        A file that must not exist.
    asking
        How services are asked.

    Raises
    ------
    Unavailable, NotFound, Invalid
        As of `hven.outside.ask.ask`.
    """
    if wcs.radial is not None:
        raise Invalid("A cut of a survey is made for gnomonic projections; this frame has a fisheye's.")
    url = with_query(address, question(hips, wcs))
    return ask_into(SERVICE, url, target, asking, limit=4 * wcs.width * wcs.height + 8 * MIB)
