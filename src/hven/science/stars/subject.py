"""Reading what can be solved, whatever it is: a frame, a FITS table of sources, or a text list of them."""

from __future__ import annotations

from pathlib import Path

from hven.errors import Invalid, TooLarge
from hven.science.frames.frame import Frame
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.read import kind_of, read_frame
from hven.science.frames.sniff import Kind
from hven.science.stars.lists import read_text_list
from hven.science.stars.solution import SourceList
from hven.science.stars.tables import read_source_list


def read_subject(
    path: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    plane: str | None = None,
    width: int | None = None,
    height: int | None = None,
) -> Frame | SourceList:
    """Read a frame, or a list of sources where a file holds no picture.

    Parameters
    ----------
    path
        Of the file.
    limits
        What may be spent on it.
    plane
        Which plane of several; see `hven.science.frames.read.read_frame`.
    width, height
        Of the frame that a list was measured on, pixels; frames have their own.

    Raises
    ------
    Invalid
        The file is neither; the sentence says why it is no frame.
    TooLarge
        It exceeds the limits.
    """
    try:
        return read_frame(path, limits=limits, plane=plane)
    except TooLarge:
        raise  # to look for a table in it would unpack what was just refused
    except Invalid as error:
        return _list(path, error, limits=limits, width=width, height=height)


def _list(path: Path, error: Invalid, *, limits: Limits, width: int | None, height: int | None) -> SourceList:
    """Read a list where there is one; else say why the file is no frame."""
    kind = kind_of(path, limits=limits)
    if kind is Kind.XY_LIST:
        return read_text_list(path, width=width, height=height, limits=limits)
    readers = {Kind.FITS: read_source_list, Kind.TEXT: read_text_list}
    if kind not in readers:
        raise error
    try:
        return readers[kind](path, width=width, height=height, limits=limits)
    except TooLarge:
        raise
    except Invalid:
        raise error from None
