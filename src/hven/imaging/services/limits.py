"""What reading one frame may spend, by the operator's settings."""

from __future__ import annotations

from django.conf import settings

from hven.science.frames.limits import Limits


def frame_limits() -> Limits:
    """Return the limits for reading frames."""
    return Limits(max_pixels=settings.HVEN_MAX_PIXELS)
