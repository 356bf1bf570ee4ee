"""What a frame's own header says of its place: hints, none of which is believed without a match."""

import numpy as np

from hven.science.frames.frame import Frame
from hven.science.frames.header import wcs_from
from hven.science.stars.solution import Hints

_SCALE_ERROR = 0.12  # of a scale from focal length and pixel size: reducers and focusers change it
_RADIUS_DEG = 3.0  # of a mount's pointing, or more for wide frames


def header_hints(frame: Frame) -> tuple[Hints, ...]:
    """Return the hints in a frame's header, the most telling first: projection, then place and scale."""
    hints: list[Hints] = []
    wcs = wcs_from(frame)
    if wcs is not None and 1e-4 < wcs.scale_arcsec < 1e5:
        hints.append(Hints(wcs=wcs, source="header"))
    meaning = frame.meaning
    scale = meaning.scale_arcsec
    if scale is not None and not (np.isfinite(scale) and 1e-4 < scale < 1e5):
        scale = None
    ra, dec = meaning.ra, meaning.dec
    if ra is None or dec is None or not (np.isfinite(ra) and -90 <= dec <= 90):
        ra = dec = None
    if scale is None and ra is None:
        return tuple(hints)
    radius = None
    if ra is not None:
        half = 0.0 if scale is None else scale * float(np.hypot(frame.width, frame.height)) / 7200
        radius = max(_RADIUS_DEG, half)
    hints.append(
        Hints(
            scale_low=None if scale is None else scale * (1 - _SCALE_ERROR),
            scale_high=None if scale is None else scale * (1 + _SCALE_ERROR),
            ra=ra,
            dec=dec,
            radius=radius,
            source="header",
        )
    )
    return tuple(hints)
