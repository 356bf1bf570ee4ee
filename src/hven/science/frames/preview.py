"""Small pictures of a frame, made in milliseconds: bin first, then look the grey up, then encode."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.bin import fitted
from hven.science.frames.frame import Frame
from hven.science.frames.stretch import AUTOMATIC, Bytes, Curve, Stretch, apply, settle, statistics

FORMATS = {"jpeg": "image/jpeg", "png": "image/png"}
MAX_SIDE = 8192


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a frame's pixels lie in a picture of it; both 0-based, pixel centres at whole numbers."""

    scale_x: float  # picture pixels per frame pixel
    scale_y: float
    height: int  # of the picture
    flipped: bool  # the frame's first row is at the bottom

    @property
    def scale(self) -> float:
        """The mean scale, for radii."""
        return (self.scale_x + self.scale_y) / 2

    def to_picture(self, x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return picture coordinates of frame coordinates."""
        px = (np.asarray(x, float) + 0.5) * self.scale_x - 0.5
        py = (np.asarray(y, float) + 0.5) * self.scale_y - 0.5
        return px, self.height - 1 - py if self.flipped else py


def picture(
    frame: Frame,
    size: int,
    stretch: Stretch = AUTOMATIC,
    *,
    enlarge: bool = False,  # frozen
) -> tuple[Bytes, Placement]:
    """Return a picture as people look at it, (h, w) or (h, w, 3) RGB uint8, and where the pixels went.

    A FITS frame is shown with its first row at the bottom, as its coordinates grow.
    """
    if not 1 <= size <= MAX_SIDE:
        raise Invalid(f"A picture is between 1 and {MAX_SIDE} pixels wide.")
    small = fitted(frame.data if frame.rgb is None else frame.rgb, size, enlarge=enlarge)
    mask = None if frame.mask is None else fitted(frame.mask.astype(np.uint8) * 255, size, enlarge=enlarge) > 127
    shown = apply_all(curves(small, stretch, mask, separate=not frame.top_down), small)
    if mask is not None:
        shown[mask] = 255 if stretch.invert else 0
    if not frame.top_down:
        shown = shown[::-1]
    height, width = shown.shape[:2]
    place = Placement(width / frame.width, height / frame.height, height, not frame.top_down)
    return np.ascontiguousarray(shown), place


def curves(
    plane: NDArray[Any], stretch: Stretch, mask: NDArray[np.bool_] | None = None, *, separate: bool = True
) -> tuple[Curve, ...]:
    """Settle a stretch: one curve for a grey plane, three for colours.

    With `separate` each colour gets limits of its own, which takes the colour out of the sky of a raw frame; a
    picture that someone has finished keeps one curve, and so its colours.
    """
    if plane.ndim == 2:
        return (settle(stretch, statistics(plane, mask)),)
    if separate:
        return tuple(settle(stretch, statistics(plane[..., c], mask)) for c in range(3))
    return (settle(stretch, statistics(plane[..., 1], mask)),) * 3


def apply_all(tones: tuple[Curve, ...], plane: NDArray[Any]) -> Bytes:
    """Return the grey or RGB levels of a plane."""
    if plane.ndim == 2:
        return apply(tones[0], plane)
    if tones[0] == tones[1] == tones[2]:
        return apply(tones[0], plane)
    return np.stack([apply(tone, plane[..., c]) for c, tone in enumerate(tones)], axis=-1)


def encode(image: Bytes, form: str = "jpeg", quality: int = 85, *, drawn: bool = False) -> bytes:
    """Return JPEG or PNG bytes of (h, w) or (h, w, 3) RGB; `drawn` keeps the colours of thin lines in a JPEG."""
    if form not in FORMATS:
        raise Invalid(f"Pictures are made as {' or '.join(FORMATS)}, not as {form!r:.20}.")
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if form == "png":
        options = [cv2.IMWRITE_PNG_COMPRESSION, 3]
    else:
        options = [cv2.IMWRITE_JPEG_QUALITY, int(np.clip(quality, 1, 100))]
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444] if drawn else []
    good, buffer = cv2.imencode(".png" if form == "png" else ".jpg", np.ascontiguousarray(pixels), options)
    if not good:
        raise Invalid("The picture could not be encoded.")
    return bytes(buffer)


def preview(
    frame: Frame,
    size: int = 1024,
    stretch: Stretch = AUTOMATIC,
    *,
    form: str = "jpeg",
    quality: int = 85,
) -> bytes:
    """Return an encoded picture with at most `size` pixels along its longer side."""
    return encode(picture(frame, size, stretch)[0], form, quality)
