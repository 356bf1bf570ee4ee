"""The headers of a file without its pixels: what an archive files it by. A file without one has an empty header."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from hven.errors import HvenError
from hven.science.frames.fits import STRUCTURE
from hven.science.frames.fits_hdus import scan
from hven.science.frames.frame import Card, Meaning
from hven.science.frames.header import meaning_of
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.read import Source, opened, read_frame
from hven.science.frames.sniff import Kind
from hven.science.frames.xisf import xisf_header

MOST_UNITS = 10  # HDUs whose cards are kept
MOST_CARDS = 5000


@dataclass(frozen=True, slots=True)
class Headers:
    """What the headers of a file say."""

    format: str  # fits, xisf, raw, jpeg ...; "" for what is no picture
    cards: tuple[Card, ...] = ()  # of the first plane with the primary's, else of all units
    meaning: Meaning = field(default_factory=Meaning)
    width: int | None = None  # pixels of the first plane; None where there is none
    height: int | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)  # sentences: what could not be read, and why


def read_headers(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Headers:
    """Read the headers of a file of any kind, inside .gz, .bz2 and .zip as well; it never refuses one.

    Parameters
    ----------
    source
        A path, or a seekable binary file.
    limits
        What may be spent.
    """
    anyhow = replace(limits, max_bytes=sys.maxsize)  # of a large file no more is read than of a small one
    try:
        with opened(source, anyhow) as (file, kind, _):
            if kind is Kind.FITS:
                return _fits(file, limits)
            if kind is Kind.XISF:
                return _xisf(file, limits)
            if not kind.is_image:
                return Headers("")
        frame = read_frame(source, limits=limits)
    except HvenError as error:
        return Headers("", notes=(str(error),))
    except Exception as error:  # noqa: BLE001 - whatever a file holds, it is filed
        return Headers("", notes=(f"The header could not be read ({type(error).__name__}).",))
    return Headers(frame.format, frame.cards, frame.meaning, frame.width, frame.height, frame.notes)


def _fits(file: BinaryIO, limits: Limits) -> Headers:
    notes: list[str] = []
    size = file.seek(0, io.SEEK_END)
    primary: tuple[Card, ...] = ()
    others: list[Card] = []
    for hdu in scan(file, size, limits, notes):
        if hdu.index == 0:
            primary = hdu.cards
        if hdu.is_plane:
            cards = hdu.cards
            if hdu.index:
                cards = (*cards, *(card for card in primary if _tells(card)))
            width, height = hdu.size
            meaning = meaning_of(cards, width, height, notes)
            return Headers("fits", cards[:MOST_CARDS], meaning, width, height, tuple(notes))
        if hdu.index:
            others += [card for card in hdu.cards if _tells(card)]
        if hdu.index + 1 >= MOST_UNITS:
            break
    cards = (*primary, *others)[:MOST_CARDS]
    return Headers("fits", cards, meaning_of(cards, 0, 0, notes), None, None, tuple(notes))


def _xisf(file: BinaryIO, limits: Limits) -> Headers:
    cards, width, height = xisf_header(file, limits)
    notes: list[str] = []
    meaning = meaning_of(cards, width or 0, height or 0, notes)
    return Headers("xisf", cards[:MOST_CARDS], meaning, width, height, tuple(notes))


def _tells(card: Card) -> bool:
    return card.keyword not in STRUCTURE and not card.keyword.startswith(("NAXIS", "TFORM", "TTYPE", "TUNIT"))
