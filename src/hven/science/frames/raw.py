"""Reading cameras' raw files through LibRaw (CR2, CR3, NEF, ARW, DNG, RAF, ORF, RW2, PEF...).

The sensor's visible pixels are taken as they are stored: not turned, not scaled, in the camera's own numbers.
"""

import time
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.errors import HvenError, Invalid
from hven.science.frames.exif import cards_of_raw
from hven.science.frames.frame import Card
from hven.science.frames.limits import Limits
from hven.science.frames.mosaic import SMOOTHED, balanced, light_of
from hven.science.frames.pixels import Decoded, is_grey, luminance, plain_type
from hven.science.frames.selection import Plane, Selection

if TYPE_CHECKING:
    import rawpy

NOT_READ = "This is a camera's raw file of a kind that is not read: convert it to DNG, TIFF or FITS."


def read_raw(source: BinaryIO, limits: Limits, selection: Selection) -> Decoded:
    """Read the sensor's pixels: the light of a colour mosaic, with the mosaic itself kept as `stored`.

    Raises
    ------
    Invalid
        LibRaw does not know the file, or finds it damaged.
    TooLarge
        It has more pixels than allowed; looked at before they are unpacked.
    """
    if selection.unit not in {None, "0"} or selection.plane is not None:
        raise Invalid("A camera's raw file holds one image, number 0.")
    _check_size(source, limits)
    notes: list[str] = []
    with _opened(source) as raw:
        _call(raw.unpack)
        cards = _cards(source, raw, limits)
        if _is_stack(raw):
            values = _call(_developed, raw)
            stored = None
        else:
            values, stored = _mosaic(raw, notes)
        if raw.sizes.pixel_aspect not in {0.0, 1.0}:
            notes.append(f"The camera's pixels are not square ({raw.sizes.pixel_aspect:.3f} times as wide as high).")
    data, mask = plain_type(values)
    rgb = None
    if data.ndim == 3:
        data, rgb = (np.ascontiguousarray(data[..., 0]), None) if is_grey(data) else (luminance(data), data)
    limits.check_pixels(data.shape[1], data.shape[0])
    return Decoded(data, rgb, mask, cards, "", tuple(notes), stored)


def raw_planes(source: BinaryIO) -> list[Plane]:
    """Say what a raw file holds: one image."""
    with _opened(source) as raw:
        sizes = raw.sizes
        return [Plane("0", "", (int(sizes.height), int(sizes.width)), "uint16", "image")]


def _opened(source: BinaryIO) -> "rawpy.RawPy":
    import rawpy  # noqa: PLC0415 - 0.1 s and 30 MB that other files need not pay

    source.seek(0)
    raw = rawpy.RawPy()
    try:
        _call(raw.open_buffer, source)
    except HvenError:
        raw.close()
        raise
    return raw


def _check_size(source: BinaryIO, limits: Limits) -> None:
    # LibRaw takes sizes only before or after unpacking, not between: hence a look of its own
    with _opened(source) as raw:
        sizes = raw.sizes
        limits.check_pixels(int(sizes.raw_width), int(sizes.raw_height))
        if min(sizes.width, sizes.height) < 2:
            raise Invalid("The camera's raw file holds no image.")


def _call(function: Any, *arguments: Any) -> Any:
    import rawpy  # noqa: PLC0415 - as above

    try:
        return function(*arguments)
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
        raise Invalid(NOT_READ) from error
    except MemoryError as error:
        raise Invalid("The camera's raw file asks for more memory than there is; it may be damaged.") from error
    except (
        rawpy.LibRawError,
        NotImplementedError,
        ValueError,
        RuntimeError,
        OSError,
        TypeError,
        AttributeError,
    ) as error:
        text = error.args[0] if error.args else error
        text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
        raise Invalid(f"The camera's raw file is damaged or cut short ({text:.80}).") from error


def _is_stack(raw: "rawpy.RawPy") -> bool:
    """Tell files that hold colours at every pixel already (linear DNG, sRAW, Foveon)."""
    return raw.raw_type.name == "Stack" or raw.raw_image_visible is None


def _developed(raw: "rawpy.RawPy") -> NDArray[Any]:
    return np.array(
        raw.postprocess(gamma=(1, 1), no_auto_bright=True, output_bps=16, user_flip=0, use_camera_wb=False), order="C"
    )


def _mosaic(raw: "rawpy.RawPy", notes: list[str]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    stored = np.array(raw.raw_image_visible, order="C")
    pattern = _call(lambda: raw.raw_pattern)
    if raw.num_colors < 2 or pattern is None or len(np.unique(pattern)) < 2:
        return stored, None
    notes.append(SMOOTHED)
    if pattern.shape == (2, 2):
        return light_of(stored), stored
    black = np.array(raw.black_level_per_channel, np.float32)
    return light_of(balanced(stored, _call(lambda: raw.raw_colors_visible), black)), stored


# --- what the file says -------------------------------------------------------------------------------------


def _cards(source: BinaryIO, raw: "rawpy.RawPy", limits: Limits) -> tuple[Card, ...]:
    """Return EXIF of the file, completed by what LibRaw found in places of the maker's own."""
    cards = list(cards_of_raw(source, limits))
    known = {card.keyword for card in cards}
    other = raw.other
    more: dict[str, Any] = {
        "ExposureTime": other.shutter_speed,
        "FocalLength": other.focal_length,
        "ISOSpeedRatings": other.iso_speed,
        "FNumber": other.aperture,
    }
    if other.timestamp:
        # LibRaw took the camera's clock for this machine's local time
        more["DateTimeOriginal"] = _clock(other.timestamp)
    lens = getattr(raw.lens, "model", "")
    more["LensModel"] = lens.decode("latin-1") if isinstance(lens, bytes) else lens
    for name, value in more.items():
        if name not in known and value:
            cards.append(Card(name, float(value) if isinstance(value, float | np.floating) else value))
    return tuple(cards)


def _clock(timestamp: Any) -> str:
    if hasattr(timestamp, "strftime"):
        return str(timestamp.strftime("%Y:%m:%d %H:%M:%S"))
    try:
        return time.strftime("%Y:%m:%d %H:%M:%S", time.localtime(int(timestamp)))
    except (OverflowError, ValueError, OSError):
        return ""
