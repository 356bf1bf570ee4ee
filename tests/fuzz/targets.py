"""What is fuzzed. A new subject joins by adding a `Target` to TARGETS: seeds, mutations, and what to call."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from tests.fuzz import calls, seeds
from tests.fuzz import mutations as m

from hven.errors import HvenError
from hven.science.frames.frame import Card
from hven.science.frames.header import meaning_of, wcs_from
from hven.science.frames.limits import MIB, Limits
from hven.science.frames.members import MemberLimits, is_archive, unpack_members
from hven.science.frames.read import kind_of, planes, read_frame
from hven.science.sky.wcs import Wcs
from hven.science.stars.subject import read_subject

LIMITS = Limits(max_pixels=4_000_000, max_bytes=16 * MIB, max_unpacked_bytes=32 * MIB, ratio_from_bytes=8 * MIB)
MEMBER_LIMITS = MemberLimits(max_members=50, max_bytes=8 * MIB, max_total_bytes=32 * MIB, ratio_from_bytes=8 * MIB)
CHOICES = ("1", "SCI", "SCI,2", "0:2", ":2", "1:1", "7", "0:x", "IMAGE", "2:3")
KEYWORDS = (
    *seeds.CARDS, "DATE-END", "DATE_OBS", "UT", "TIME-OBS", "UTSTART", "UTSTOP", "JD", "JULIAN", "TIMESYS", "CDELT1",
    "CDELT2", "CROTA2", "PC1_1", "A_ORDER", "AP_ORDER", "AP_1_1", "B_ORDER", "BP_ORDER", "LONPOLE", "CCDSUM",
    "PLTSCALE",
    "OBJCTRA", "OBJCTDEC", "GPSLatitude", "DateTimeOriginal", "OffsetTimeOriginal", "SubsecTimeOriginal", "GAIN",
    "Observation:Time:Start", "Instrument:Telescope:FocalLength", "FocalPlaneXResolution", "FocalLengthIn35mmFilm",
)  # fmt: skip
DATES = (
    "2015-02-19 T11:04:00", "29/11/51", "26/07/102", "2002-01-28T02:45:1.875", "Thu Feb 19 11:04:00 2015", "24:00:00",
    "11:04:60", "+02:00", "2,451,545.0", "57072.46", "19 Feb 2015 11:04 PM",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One reader: right inputs, ways to spoil them, and a call that may raise hven.errors and nothing else.

    `call` returns True where the input was taken, raises HvenError where it was refused. Its second argument is the
    source of chance for whatever else may vary; `folder` is an empty one for files.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    mutations: tuple[m.Mutation, ...]
    call: "Callable[[bytes, Random, Path], bool]"


def read_everything(content: bytes, random: Random, folder: Path) -> bool:
    """Ask every reader of files the same question; return whether a frame came out."""
    taken = False
    for function in (_kind, _planes, _frame, _chosen):
        try:
            taken = function(content, random) or taken
        except HvenError as error:
            check(error)
    path = folder / "file"
    path.write_bytes(content)
    try:
        read_subject(path, limits=LIMITS)
        taken = True
    except HvenError as error:
        check(error)
        if not taken:
            raise
    return taken


def check(error: HvenError) -> None:
    """Fail where the readers were saved by the net that is under all of them, or say nothing."""
    text = str(error)
    unforeseen = "did not foresee" in text or "more memory than there is" in text
    assert not unforeseen, f"{text} <- {error.__cause__!r}"
    assert len(text) > 10 and text[-1] in ".!?" and "\n" not in text, f"no sentence: {text!r}"
    assert len(text) < 1500, f"a long one: {text[:100]!r}"


def _kind(content: bytes, _random: Random) -> bool:
    kind_of(io.BytesIO(content), limits=LIMITS)
    return False


def _planes(content: bytes, _random: Random) -> bool:
    planes(io.BytesIO(content), limits=LIMITS)
    return False


def _frame(content: bytes, _random: Random) -> bool:
    frame = read_frame(io.BytesIO(content), limits=LIMITS)
    assert frame.data.ndim == 2 and min(frame.data.shape) >= 1
    assert np.isfinite(frame.data).all()
    assert frame.data.flags.c_contiguous and frame.data.dtype in (np.uint8, np.uint16, np.float32)
    assert frame.rgb is None or (frame.rgb.shape == (*frame.data.shape, 3) and frame.rgb.dtype == frame.data.dtype)
    assert frame.mask is None or frame.mask.shape == frame.data.shape
    wcs = wcs_from(frame)
    assert wcs is None or isinstance(wcs.scale_arcsec, float)
    return True


def _chosen(content: bytes, random: Random) -> bool:
    read_frame(io.BytesIO(content), limits=LIMITS, plane=random.choice(CHOICES))
    return True


def read_cards(content: bytes, random: Random, _folder: Path) -> bool:
    """Read the meaning of cards that `content` writes one a line: keyword, value, comment."""
    cards = []
    for line in content.decode("latin-1").split("\n"):
        keyword, _, rest = line.partition("=")
        value, _, comment = rest.partition("/ ")
        cards.append(Card(keyword, _typed(value, random), comment))
    notes: list[str] = []
    meaning = meaning_of(tuple(cards), 1000, 800, notes)
    for moment in (meaning.start, meaning.middle, meaning.end):
        assert moment is None or moment.utcoffset() is not None
    Wcs.from_cards({card.keyword: card.value for card in cards}, 1000, 800)
    return True


def _typed(text: str, random: Random) -> object:
    kind = random.randrange(6)
    try:
        if kind == 0:
            return int(text)
        if kind in {1, 2}:
            return float(text)
    except (ValueError, OverflowError):
        pass
    return text if kind < 5 else random.choice((None, True, text, float("nan"), 10**60, -1e308))


def cards_seeds() -> list[bytes]:
    """Headers of all keywords that mean something."""
    told = "\n".join(f"{key}={value}/ a comment" for key, value in seeds.CARDS.items())
    odd = "\n".join(f"{key}={DATES[n % len(DATES)]}/ [s] mid of hours" for n, key in enumerate(KEYWORDS))
    return [told.encode(), odd.encode()]


def card_words(content: bytes, random: Random) -> bytes:
    """Change one value of a header's lines."""
    lines = content.decode("latin-1").split("\n")
    n = random.randrange(len(lines))
    keyword, _, rest = lines[n].partition("=")
    value, _, comment = rest.partition("/ ")
    value = random.choice(
        (random.choice(m.WORDS), random.choice(DATES), str(random.choice(m.NUMBERS)), value * 2, value[1:])
    )
    comment = random.choice(
        (comment, "[s]", "hours", "[deg]", "local time", "mid-exposure", "end", "mm", "degrees west")
    )
    lines[n] = f"{random.choice((keyword, random.choice(KEYWORDS)))}={value}/ {comment}"
    return "\n".join(lines).encode("latin-1", "replace")


def unpack_archive(content: bytes, _random: Random, folder: Path) -> bool:
    """Unpack an archive into its members."""
    source, members = folder / "archive", folder / "members"
    source.write_bytes(content)
    members.mkdir()
    with source.open("rb") as file:
        if not is_archive(file):
            return False
    return any(member.path is not None for member in unpack_members(source, members, MEMBER_LIMITS))


def nothing() -> list[bytes]:
    """Beginnings of every kind, with nothing right behind them."""
    heads = (
        b"", b"SIMPLE  =", b"XISF0100", b"II*\0\x08\0\0\0", b"MM\0*", b"II+\0", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n",
        b"GIF89a", b"\x1f\x8b\x08", b"BZh9", b"PK\x03\x04", b"FUJIFILMCCD-RAW ", b"\0\0\0\x18ftypcrx ", b"IIRO",
        b"IIU\0",
 b"\0MRM", b"FOVb", b"1 2\n", b"<html", b"{", b"%PDF", b"BM",
    )  # fmt: skip
    return [head + bytes(4096) for head in heads]


FITS = (m.cards, m.cards, m.cards, m.hdus, m.cut)
TARGETS: list[Target] = [
    Target("FITS", seeds.fits_files, FITS, read_everything),
    Target(".fz", seeds.tiled_files, (*FITS, m.flipped, m.numbered), read_everything),
    Target("XISF", seeds.xisf_files, (m.attributes, m.attributes, m.attributes, m.flipped), read_everything),
    Target("raw", seeds.raw_files, (m.entries, m.entries, m.numbered), read_everything),
    Target("TIFF", seeds.tiff_files, (m.entries, m.entries, m.numbered, m.cut), read_everything),
    Target("PNG", seeds.png_files, (m.chunks, m.chunks, m.numbered), read_everything),
    Target("JPEG", seeds.jpeg_files, (m.segments, m.segments, m.numbered, m.cut), read_everything),
    Target("GIF", seeds.gif_files, (m.numbered, m.cut, m.flipped), read_everything),
    Target(
        "gz, bz2, zip",
        seeds.packed_files,
        (m.repacked(m.gzipped, FITS), m.repacked(m.zipped, FITS), m.numbered, m.cut, m.flipped),
        read_everything,
    ),
    Target("text lists", seeds.lists, (m.words, m.words, m.cut), read_everything),
    Target("noise", nothing, (m.noise, m.numbered), read_everything),
    Target("header cards", cards_seeds, (card_words, card_words, card_words, m.flipped), read_cards),
    Target("nova calls", calls.seeds, (calls.spoil_words,) * 4 + (m.flipped, m.cut), calls.call_nova),
    Target("archives", seeds.archives, (m.cut, m.numbered, m.flipped), unpack_archive),
]


def folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder for the files of one call."""
    return tempfile.TemporaryDirectory(prefix="hven-fuzz-")
