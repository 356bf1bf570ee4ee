"""Region files for DS9: circles about candidates on the sky."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def ds9_regions(
    ra: ArrayLike, dec: ArrayLike, radius_arcsec: float, names: Sequence[str] = (), colour: str = "green"
) -> str:
    """Return a region file with a circle about each position (n,), ICRS degrees, labelled where names are given."""
    lines = [
        "# Region file format: DS9 version 4.1",
        f'global color={colour} dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 highlite=1 source=1',
        "icrs",
    ]
    places = zip(np.ravel(np.asarray(ra, float)), np.ravel(np.asarray(dec, float)), strict=True)
    for number, (alpha, delta) in enumerate(places):
        if not (np.isfinite(alpha) and np.isfinite(delta)):
            continue
        label = ""
        if number < len(names):
            safe = "".join(c for c in names[number] if c.isprintable() and c not in "{}")
            label = f" # text={{{safe}}}"
        lines.append(f'circle({alpha:.7f},{delta:.7f},{radius_arcsec:.3f}"){label}')
    return "\n".join(lines) + "\n"
