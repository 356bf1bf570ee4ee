"""A frame in memory, and what its header says of the observation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Card:
    """One header card, as it stands in the file."""

    keyword: str
    value: Any  # str, int, float, bool or None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a header says, None where it says nothing; `sources` names the card behind each value."""

    start: datetime | None = None  # UTC, aware
    middle: datetime | None = None
    end: datetime | None = None
    exposure_s: float | None = None
    filter: str | None = None
    object_name: str | None = None
    image_type: str | None = None
    ra: float | None = None  # pointing, ICRS degrees
    dec: float | None = None
    focal_length_mm: float | None = None
    pixel_size_um: float | None = None  # of one binned pixel
    binning: tuple[int, int] | None = None
    scale_arcsec: float | None = None  # arcseconds per binned pixel, as far as the header tells
    gain: float | None = None  # electrons per ADU
    read_noise_e: float | None = None
    saturation: float | None = None  # ADU
    camera: str | None = None
    telescope: str | None = None
    site_latitude: float | None = None  # degrees, north positive
    site_longitude: float | None = None  # degrees, east positive
    site_elevation_m: float | None = None
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """One 2-D plane, with row 0 being the first row of the file (FITS: the bottom; pictures: the top).

    Arrays are contiguous, in the machine's byte order and finite: pixels without a value are True in `mask` and
    hold the median of the others, so that a filter meets no NaN.
    """

    data: NDArray[Any]  # (height, width): uint8, uint16 or float32; a colour picture's luminance
    rgb: NDArray[Any] | None = None  # (height, width, 3), of the same type as data, where the file has colours
    mask: NDArray[np.bool_] | None = None  # True where a pixel has no value
    cards: tuple[Card, ...] = ()
    meaning: Meaning = Meaning()
    format: str = "fits"  # fits, xisf, raw, jpeg, png, tiff, gif
    plane: str = ""  # which HDU or page was taken, for people
    notes: tuple[str, ...] = ()  # what a reader should know, in sentences
    stored: NDArray[Any] | None = None  # (height, width) as in the file, where data are the light of a colour mosaic

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.data.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.data.shape[0])

    @property
    def top_down(self) -> bool:
        """True where row 0 is the top of the picture."""
        return self.format != "fits"
