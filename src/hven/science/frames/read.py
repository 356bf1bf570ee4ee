"""Reading a frame from a file of any known kind."""

import contextlib
import io
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from hven.errors import HvenError, Invalid, NotFound, TooLarge
from hven.science.frames.fits import fits_planes, read_fits
from hven.science.frames.frame import Frame
from hven.science.frames.header import meaning_of
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.pictures import picture_planes, read_picture
from hven.science.frames.pixels import Decoded
from hven.science.frames.raw import NOT_READ, raw_planes, read_raw
from hven.science.frames.selection import Plane, Selection, parse_selection
from hven.science.frames.sniff import WHAT_IT_IS, Kind, is_plain_tiff
from hven.science.frames.unpack import unpack
from hven.science.frames.xisf import read_xisf, xisf_planes

Source = str | PathLike[str] | BinaryIO
UNFORESEEN = "The file is damaged in a way that its reader did not foresee"  # a fault of hven's, to be mended


def read_frame(source: Source, *, limits: Limits = DEFAULT_LIMITS, plane: str | int | None = None) -> Frame:
    """Read one plane of a FITS, XISF, raw camera, JPEG, PNG, TIFF or GIF file, which may lie in a .gz, .bz2 or .zip.

    Parameters
    ----------
    source
        A path, or a seekable binary file that stays open.
    limits
        What may be spent; checked before memory is taken.
    plane
        Which one, where there are several: "2" (a FITS HDU, an image of an XISF, a page of a TIFF or GIF, counted
        from 0 as FITS counts its HDUs), "SCI" (EXTNAME, or an image's id), "SCI,2" (EXTNAME and EXTVER), each with
        ":3" for the third plane of a cube. Without it the first that can be used.

    Raises
    ------
    hven.errors.Invalid, hven.errors.TooLarge, hven.errors.NotFound
        With a sentence that says what is wrong with the file.
    """
    selection = parse_selection(plane)
    with _guarded(), opened(source, limits) as (file, found, containers):
        image, kind = _decoded(file, found, limits, selection)
    notes = list(image.notes)
    if image.mask is not None and image.mask.all():
        notes.append("No pixel of the image has a value: all are NaN or blank.")
    elif _is_even(image.data):
        notes.append(f"All pixels of the image have the same value ({image.data.flat[0]}).")
    height, width = image.data.shape
    meaning = meaning_of(image.cards, width, height, notes)
    return Frame(
        data=image.data,
        rgb=image.rgb,
        mask=image.mask,
        cards=image.cards,
        meaning=meaning,
        format=kind.value,
        plane=", ".join(part for part in (*containers, image.plane) if part),
        notes=tuple(notes),
        stored=image.stored,
    )


def planes(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> list[Plane]:
    """List what a file holds and `read_frame` may be asked for, without reading pixels.

    Raises
    ------
    hven.errors.Invalid, hven.errors.TooLarge, hven.errors.NotFound
        As `read_frame`.
    """
    with _guarded(), opened(source, limits) as (file, kind, _containers):
        if kind is Kind.FITS:
            return fits_planes(file, limits)
        if kind is Kind.XISF:
            return xisf_planes(file, limits)
        if kind is Kind.RAW:
            return raw_planes(file)
        if kind.is_image:
            return picture_planes(file, kind, limits)
        raise Invalid(WHAT_IT_IS[kind])


def _decoded(file: BinaryIO, kind: Kind, limits: Limits, selection: Selection) -> tuple[Decoded, Kind]:
    if kind is Kind.FITS:
        return read_fits(file, limits, selection), kind
    if kind is Kind.XISF:
        return read_xisf(file, limits, selection), kind
    if kind is Kind.RAW:
        try:
            return read_raw(file, limits, selection), kind
        except Invalid as error:
            # Scanners and editors write TIFF that looks like a camera's
            if str(error) != NOT_READ or not is_plain_tiff(file):
                raise
            return read_picture(file, Kind.TIFF, limits, selection), Kind.TIFF
    if kind.is_image:
        return read_picture(file, kind, limits, selection), kind
    raise Invalid(WHAT_IT_IS[kind])


def kind_of(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Kind:
    """Return the kind of a file, inside its compression: image, list, archive, page..."""
    with _guarded(), opened(source, limits) as (_, kind, _containers):
        return kind


def _is_even(data: NDArray[Any]) -> bool:
    first = data.flat[0]
    return bool((data[::64, ::64] == first).all()) and bool((data == first).all())


@contextlib.contextmanager
def _guarded() -> Iterator[None]:
    """Make a sentence of what no reader foresaw, so that no file ever ends a worker."""
    try:
        yield
    except MemoryError as error:
        raise TooLarge("The file asks for more memory than there is: it is too large, or damaged.") from error
    except HvenError as error:
        text = str(error)
        if text.isprintable():
            raise
        # What a header says is repeated in some sentences
        raise type(error)("".join(c if c.isprintable() else "?" for c in text)) from error
    except OSError:
        raise
    except Exception as error:
        raise Invalid(f"{UNFORESEEN} ({type(error).__name__}).") from error


@contextlib.contextmanager
def opened(source: Source, limits: Limits) -> Iterator[tuple[BinaryIO, Kind, tuple[str, ...]]]:
    """Yield (file inside its compression, kind, names of the containers) of a path or an open file."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_open(source)) if isinstance(source, str | PathLike) else source
        size = file.seek(0, io.SEEK_END)
        if size > limits.max_bytes:
            raise TooLarge(f"The file has {size:,} bytes; this server reads at most {limits.max_bytes:,}.")
        yield unpack(file, limits)


def _open(path: str | PathLike[str]) -> BinaryIO:
    try:
        if not Path(path).is_file():
            raise NotFound("There is no such file.")
        return Path(path).open("rb")
    except ValueError as error:  # a NUL in the name
        raise Invalid("The name of the file cannot be a name: it holds a NUL character.") from error
    except OSError as error:
        raise Invalid(f"The file cannot be opened: {error.strerror or type(error).__name__}.") from error
