"""The mask that a person draws: rectangles over the frame, kept to be changed again, and the mask made of them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction
from hven.imaging.services import folder
from hven.imaging.services.previews import blob_plane
from hven.imaging.steps.workspace import IMAGE
from hven.storage import services as storage

MASKS = {IMAGE: "custom_mask", "custom_template.fits": "custom_template_mask"}
MOST = 1000


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of the frame: columns x1 <= x < x2 and rows y1 <= y < y2, 0-based pixels."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn: what lies in the rectangles is left out, or with `invert` all but that."""

    rectangles: tuple[Rectangle, ...] = ()
    invert: bool = False


def read_drawn(reduction: Reduction, frame: str = IMAGE) -> Drawn:
    """Return what was drawn on a frame before; nothing where nobody drew."""
    try:
        row = folder.find_file(reduction, f"{MASKS[frame]}.json")
        with storage.open_blob(row.blob) as file:
            return parse(json.loads(file.read(10_000_000)))
    except (NotFound, ValueError, RecursionError, Invalid):
        return Drawn()


def parse(found: Any) -> Drawn:
    """Return what JSON says was drawn.

    Raises
    ------
    Invalid
        It is no such object.
    """
    try:
        rectangles = [
            Rectangle(*(round(float(one[side])) for side in ("x1", "y1", "x2", "y2"))) for one in found["rectangles"]
        ]
        invert = bool(found.get("invert", False))
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
        raise Invalid("A mask is an object with rectangles, each of x1, y1, x2, y2 in pixels.") from None
    if len(rectangles) > MOST:
        raise Invalid(f"A mask has at most {MOST} rectangles.")
    whole = [one for one in rectangles if one.x1 < one.x2 and one.y1 < one.y2]
    return Drawn(tuple(whole), invert)


def save_drawn(actor: Actor, reduction: Reduction, drawn: Drawn, frame: str = IMAGE) -> int:
    """Keep what was drawn on a frame and lay the mask made of it into the folder; return how many pixels it leaves out.

    Nothing drawn takes the mask away.

    Raises
    ------
    Unauthenticated, Forbidden, Conflict
        The actor may not change the reduction, or it is being processed.
    NotFound
        There is no such frame.
    """
    import numpy as np  # noqa: PLC0415 - wanted by few requests
    from astropy.io import fits  # noqa: PLC0415 - the same

    access.check(actor, access.Verb.CHANGE, reduction)
    folder.check_idle(reduction)
    name = MASKS[frame]
    if not drawn.rectangles:
        for path in (f"{name}.json", f"{name}.fits"):
            if reduction.files.filter(current=True, path=path).exists():
                folder.delete_file(actor, reduction, path)
        return 0
    plane = blob_plane(folder.find_file(reduction, frame).blob)
    mask = np.zeros((plane.height, plane.width), np.uint8)
    for one in drawn.rectangles:
        mask[max(one.y1, 0) : max(one.y2, 0), max(one.x1, 0) : max(one.x2, 0)] = 1
    if drawn.invert:
        mask = 1 - mask
    scratch: Path = settings.HVEN_FOLDERS.scratch
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="mask-", dir=scratch) as place:
        plain = Path(place) / "mask.fits"
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(mask)]).writeto(plain)
        blob = storage.put_file(plain)
    folder.put_file(actor, reduction, f"{name}.fits", blob)
    folder.put_file(actor, reduction, f"{name}.json", storage.put(json.dumps(asdict(drawn)).encode()))
    return int(mask.sum())
