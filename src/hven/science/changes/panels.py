"""Pictures of cutouts: the planes side by side, each with its name, drawn straight into pixels."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.changes.cutout import PLANES, Cutout

Bytes = NDArray[np.uint8]
_GAP = 4  # pixels between panels
_LABEL = 18  # pixels above each
_MOST_COLUMNS = 6
_MOST_WIDTH = 8000
_INK = (32, 32, 32)
_PAPER = 255
_MARK = (60, 60, 230)  # BGR
_FRAME = (190, 190, 190)
_SIGNED = ("DIFF", "ADJUSTED")


def panel_names(cutout: Cutout) -> list[str]:
    """Return which planes are drawn: not those without a value."""
    return [name for name in PLANES if name in cutout.planes and np.isfinite(cutout.planes[name]).any()]


def draw_cutout(
    cutout: Cutout, width: int = 800, *, kind: Literal["jpeg", "png"] = "jpeg", quality: int = 80, mark: bool = True
) -> bytes:
    """Return a picture of a cutout's planes, row 0 at the bottom.

    Parameters
    ----------
    width : int
        Of the whole picture, pixels.
    quality : int
        Of a JPEG, 1 to 100.
    mark : bool
        Whether the middle is pointed at.

    Raises
    ------
    Invalid
        The width, kind or quality is none, or there is nothing to draw.

    """
    if not 50 <= width <= _MOST_WIDTH:
        raise Invalid(f"The width of a picture lies between 50 and {_MOST_WIDTH} pixels.")
    if kind not in {"jpeg", "png"} or not 1 <= quality <= 100:
        raise Invalid("A picture is a jpeg or png, of a quality between 1 and 100.")
    names = panel_names(cutout)
    if not names:
        raise Invalid("The cutout holds nothing to draw.")
    columns = min(len(names), _MOST_COLUMNS)
    side = max((width - _GAP * (columns + 1)) // columns, 8)
    rows = -(-len(names) // columns)
    height = rows * (side + _LABEL) + (rows + 1) * _GAP
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    for number, name in enumerate(names):
        line, column = divmod(number, columns)
        top, left = _GAP + line * (side + _LABEL + _GAP), _GAP + column * (side + _GAP)
        part = _panel(cutout.planes[name], name, side, mark)
        bottom, right = min(top + _LABEL + side, height), min(left + side, width)
        sheet[top + _LABEL : bottom, left:right] = part[: bottom - top - _LABEL, : right - left]
        scale = float(np.clip(side / 260, 0.3, 0.5))
        cv2.putText(sheet, name, (left + 1, top + 13), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == "jpeg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, encoded = cv2.imencode(".jpg" if kind == "jpeg" else ".png", sheet, options)
    if not done:
        raise Invalid("The picture cannot be encoded.")
    return bytes(encoded)


def _panel(plane: NDArray[np.generic], name: str, side: int, mark: bool) -> Bytes:
    grey = _grey(np.asarray(plane, np.float32)[::-1], name)
    enlarged = cv2.resize(
        grey, (side, side), interpolation=cv2.INTER_NEAREST if side >= grey.shape[0] else cv2.INTER_AREA
    )
    coloured = np.asarray(cv2.cvtColor(enlarged, cv2.COLOR_GRAY2BGR), np.uint8)
    cv2.rectangle(coloured, (0, 0), (side - 1, side - 1), _FRAME, 1)
    if mark:
        middle, inner, outer = side // 2, max(side // 12, 3), max(side // 5, 6)
        cv2.line(coloured, (middle + inner, middle), (middle + outer, middle), _MARK, 1)
        cv2.line(coloured, (middle, middle - inner), (middle, middle - outer), _MARK, 1)
    return coloured


def _grey(plane: NDArray[np.float32], name: str) -> Bytes:
    """Return dark on light: sources are dark, as on a plate."""
    good = np.isfinite(plane)
    values = plane[good]
    if name in {"MASK", "FOOTPRINT"}:
        low, high = 0.0, max(float(values.max()), 1.0)
    elif name in _SIGNED:
        middle = float(np.median(values))
        spread = float(np.percentile(np.abs(values - middle), 99.5)) or 1.0
        low, high = middle - spread, middle + spread
    else:
        low, high = (float(v) for v in np.percentile(values, [0.5, 99.5]))
    scaled = np.clip((np.where(good, plane, low) - low) / max(high - low, 1e-30), 0, 1)
    return np.asarray(np.rint(255 * (1 - scaled)), np.uint8)
