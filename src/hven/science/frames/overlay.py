"""Pictures with something drawn on them: named objects, detected sources, reference stars, the grid.

Positions are a frame's 0-based pixels; a Placement puts them on the picture. Text is in Latin letters, since the
one font that is always there has no Greek.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hven.science.frames.frame import Frame
from hven.science.frames.grid import Grid
from hven.science.frames.preview import Placement, encode, picture
from hven.science.frames.stretch import AUTOMATIC, Bytes, Stretch

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom

COLOURS: dict[str, Colour] = {  # chosen to differ in lightness as well as in hue
    "ngc": (120, 235, 130),
    "ic": (110, 200, 255),
    "messier": (255, 225, 90),
    "bright": (255, 180, 90),
    "other": (215, 165, 255),
    "source": (255, 90, 80),
    "reference": (90, 230, 120),
    "grid": (120, 150, 190),
}
DISPLAY_SIDE = 640  # pixels of the longer side of a picture "for display"
_MARKS_AT_640 = 160  # drawn on a picture of 640 pixels
SHIFT = 4  # OpenCV's fixed point: sixteenths of a pixel
MAX_LABELS = 60
# The four strokes of a cross, each from (x, y) to (x, y), open in the middle so that the star stays visible.
CROSS = np.array([[(near, near * s), (far, far * s)] for s in (1, -1) for near, far in ((0.4, 1.1), (-1.1, -0.4))])


class Drawable(Protocol):
    """What can be drawn: a Mark, or anything with its attributes, such as an Annotation."""

    @property
    def x(self) -> float: ...  # noqa: D102  # as in Mark
    @property
    def y(self) -> float: ...  # noqa: D102
    @property
    def radius_px(self) -> float: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def rank(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to draw at a place of the frame."""

    x: float  # 0-based pixels of the frame
    y: float
    radius_px: float = 0.0  # of the frame; 0: a small fixed circle
    label: str = ""
    kind: str = "source"  # a key of COLOURS
    rank: float = 0.0  # the lowest are labelled first


def annotated(
    frame: Frame,
    marks: Sequence[Drawable],
    *,
    grid: Grid | None = None,
    size: int = DISPLAY_SIDE,
    stretch: Stretch = AUTOMATIC,
    form: str = "jpeg",
) -> bytes:
    """Return the frame with circles and labels; frames smaller than `size` are enlarged for their labels' sake.

    Of many marks those of the lowest rank are drawn, as many as leave the frame to be seen.
    """
    most = round(_MARKS_AT_640 * (size / DISPLAY_SIDE) ** 2)
    marks = sorted(marks, key=lambda mark: mark.rank)[:most]
    image, place = _canvas(frame, size, stretch)
    if grid is not None:
        _draw_grid(image, place, grid)
    _circles(image, place, marks)
    return encode(_labelled(image, place, marks, grid), form, 88, drawn=True)


def detections(
    frame: Frame,
    sources: tuple[NDArray[Any], NDArray[Any]],
    references: tuple[NDArray[Any], NDArray[Any]] | None = None,
    *,
    size: int = DISPLAY_SIDE,
    stretch: Stretch = AUTOMATIC,
    form: str = "jpeg",
) -> bytes:
    """Return the frame with red circles at the sources found and green crosses at reference stars (x, y arrays)."""
    image, place = _canvas(frame, size, stretch)
    radius = max(3.0, size / 160)
    width = _line_width(image)
    for centre in _fixed(_visible(image, place, *sources)).tolist():
        cv2.circle(image, centre, int(radius * 2**SHIFT), COLOURS["source"], width, cv2.LINE_AA, SHIFT)
    if references is not None:
        crosses = _fixed(_visible(image, place, *references)[:, None, None] + radius * CROSS)  # (n, 4, 2, 2)
        lines = list(crosses.reshape(-1, 2, 2))
        cv2.polylines(image, lines, False, COLOURS["reference"], width, cv2.LINE_AA, SHIFT)
    return encode(image, form, 88, drawn=True)


def _canvas(frame: Frame, size: int, stretch: Stretch) -> tuple[Bytes, Placement]:
    image, place = picture(frame, size, stretch, enlarge=size <= DISPLAY_SIDE)
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    return image, place


def _visible(image: Bytes, place: Placement, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Return those of the frame's positions that the picture shows, (n, 2) in its pixels."""
    px, py = place.to_picture(x, y)
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        good = (px > -20) & (px < width + 20) & (py > -20) & (py < height + 20)
    return np.stack([px[good], py[good]], axis=-1)


def _fixed(pixels: Any) -> NDArray[np.int32]:
    """Return pixels in OpenCV's fixed point."""
    return np.asarray(np.round(np.asarray(pixels, float) * 2**SHIFT), np.int32)


def _line_width(image: Bytes) -> int:
    return max(1, round(int(max(image.shape[:2])) / 1000))


def _radius(place: Placement, mark: Drawable, image: Bytes) -> float:
    return max(mark.radius_px * place.scale, int(max(image.shape[:2])) / 110)


def _circles(image: Bytes, place: Placement, marks: Sequence[Drawable]) -> None:
    width = _line_width(image)
    diagonal = float(np.hypot(*image.shape[:2]))
    for mark in marks:
        px, py = (float(v) for v in place.to_picture(mark.x, mark.y))
        radius = _radius(place, mark, image)
        if not np.isfinite(px + py) or radius > 2 * diagonal or max(abs(px), abs(py)) > 4 * diagonal:
            continue
        colour = COLOURS.get(mark.kind, COLOURS["source"])
        centre = _fixed((px, py)).tolist()
        cv2.circle(image, centre, int(radius * 2**SHIFT), (0, 0, 0), width + 2, cv2.LINE_AA, SHIFT)
        cv2.circle(image, centre, int(radius * 2**SHIFT), colour, width, cv2.LINE_AA, SHIFT)


def _draw_grid(image: Bytes, place: Placement, grid: Grid) -> None:
    layer = image.copy()
    for line in grid.lines:
        for piece in line.pieces:
            px, py = place.to_picture(piece[:, 0], piece[:, 1])
            cv2.polylines(
                layer,
                [_fixed(np.stack([px, py], axis=-1))],
                isClosed=False,
                color=COLOURS["grid"],
                lineType=cv2.LINE_AA,
                shift=SHIFT,
            )
    cv2.addWeighted(layer, 0.6, image, 0.4, 0, dst=image)


# --- labels -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def latin(text: str) -> str:
    """Spell Greek letters out ("\u03b1 UMa" becomes "alpha UMa"), take accents off, drop what the font cannot show."""
    out = []
    for char in text:
        name = unicodedata.name(char, "")
        if name.startswith("GREEK SMALL LETTER "):
            out.append(name.split()[3].lower().replace("lamda", "lambda"))
        elif char == "\u00b0":
            out.append(char)
        else:
            out += [c for c in unicodedata.normalize("NFKD", char) if " " <= c <= "~"]
    return "".join(out)


def _labelled(image: Bytes, place: Placement, marks: Sequence[Drawable], grid: Grid | None) -> Bytes:
    """Write labels where they hide neither each other nor the frame's edge; those without room are left out."""
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    size = max(11, round(max(image.shape[:2]) / 48))
    taken: list[Box] = []
    written = 0
    for mark in sorted(marks, key=lambda m: m.rank):
        if not mark.label or written >= MAX_LABELS:
            continue
        px, py = (float(v) for v in place.to_picture(mark.x, mark.y))
        box = _room(draw, latin(mark.label), (px, py, _radius(place, mark, image)), size, image=image, taken=taken)
        if box is not None:
            _write(draw, box, latin(mark.label), size, COLOURS.get(mark.kind, COLOURS["source"]))
            taken.append(box)
            written += 1
    for line in grid.lines if grid is not None else ():
        small = max(9, round(size * 0.8))
        px, py = (float(v) for v in place.to_picture(*line.label_at))
        box = _room(draw, line.label, (px, py, 1.0), small, image=image, taken=taken)
        if box is not None:
            _write(draw, box, line.label, small, COLOURS["grid"])
            taken.append(box)
    return np.asarray(canvas)


def _room(
    draw: Any,
    text: str,
    circle: tuple[float, float, float],
    size: int,
    *,
    image: Bytes,
    taken: list[Box],
) -> Box | None:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=_font(size))
    wide, high = right - left, bottom - top
    x, y, radius = circle
    height, width = image.shape[:2]
    if not np.isfinite(x + y) or not (-radius < x < width + radius and -radius < y < height + radius):
        return None
    gap = size * 0.35
    beside, slant = radius + gap, (radius + gap) * 0.75
    places = (
        (x + slant, y - slant - high), (x + beside, y - high / 2), (x + slant, y + slant),
        (x - wide / 2, y - beside - high), (x - wide / 2, y + beside), (x - beside - wide, y - high / 2),
        (x - slant - wide, y - slant - high), (x - slant - wide, y + slant),
        (x - wide / 2, y - radius + gap), (x - wide / 2, y - high / 2),  # within a circle larger than the frame
    )  # fmt: skip
    for at_x, at_y in places[: 10 if radius > 4 * size else 8]:
        box = (at_x, at_y, at_x + wide, at_y + high)
        if box[0] < 2 or box[1] < 2 or box[2] > width - 2 or box[3] > height - 2:
            continue
        if not any(_overlap(box, other) for other in taken):
            return box
    return None


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] + 3 and b[0] < a[2] + 3 and a[1] < b[3] + 2 and b[1] < a[3] + 2


def _write(draw: Any, box: Box, text: str, size: int, colour: Colour) -> None:
    left, top, *_ = draw.textbbox((0, 0), text, font=_font(size))
    at = (box[0] - left, box[1] - top)
    draw.text(at, text, font=_font(size), fill=colour, stroke_width=max(1, size // 8), stroke_fill=(0, 0, 0))
