"""Images of surveys from their own archives: Pan-STARRS sky cells (STScI) and Legacy Survey bricks (NERSC).

Each survey stands behind one adapter with the same signature: of a filter and a frame's projection it returns the
images that cover the frame, each read, in linear flux on a common zero point, with a mask. Files are kept in a cache.

Pan-STARRS: the list of files comes from ps1filenames.py, one line of text a file; stacks are stored as inverse
hyperbolic sines, undone by BOFFSET + BSOFTEN * 2 sinh(v / 1.0857362) (Waters et al. 2020, ApJS 251, 4, section 6);
the zero point is 25 + 2.5 log10(EXPTIME). Legacy Survey DR10 (Dey et al. 2019, AJ 157, 168): bricks of a quarter degree
by the table survey-bricks.fits.gz, in nanomaggies (zero point 22.5); what DR10 does not have is DR9's north.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid, NotFound, Unavailable
from hven.outside.ask import MIB, Asking, ask, ask_into, with_query
from hven.outside.cones import DiskCache
from hven.science.sky.wcs import Wcs

PS1_ADDRESS = "https://ps1images.stsci.edu"
LEGACY_ADDRESS = "https://portal.nersc.gov/cfs/cosmo/data/legacysurvey"
ZERO_POINT = 25.0  # mag, to which all images are brought
MOST_IMAGES = 36
_PATIENCE_S = 300.0  # of a file of tens of megabytes
_ASINH = 2.5 / np.log(10)
# Pixels of sky cells that hold no sky: all flags of the archive's table but those of doubt (SUSPECT, SPIKE, STARCORE,
# CONV.POOR), which sit on every bright star.
_PS1_BAD = 0x2D7F
_LS_BAD = {"g": 0x0024, "r": 0x0048, "z": 0x0090, "i": 0xC000}  # SATUR and ALLMASK of each band, in maskbits
_SPACING_DEG = 0.15  # of the points that are asked for; a sky cell is 0.4 degrees wide, a brick 0.25
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SurveyImage:
    """One image of a survey."""

    data: NDArray[np.float32]  # (height, width), linear flux at `ZERO_POINT`, or as the file has it
    mask: NDArray[np.bool_]  # true where a pixel is no good
    wcs: Wcs
    name: str


class Survey(Protocol):
    """An adapter: the images of a survey that cover a frame."""

    def template(self, band: str, wcs: Wcs, asking: Asking, cache: DiskCache, log: Log) -> Iterator[SurveyImage]:
        """Yield the images, one in memory at a time.

        Raises
        ------
        Unavailable
            The archive cannot be reached, or the frame is too wide for it.
        NotFound
            The survey has nothing there.
        Invalid
            What came is no image.
        """


class PanStarrs:
    """Stacks of Pan-STARRS DR2."""

    def __init__(self, address: str = PS1_ADDRESS) -> None:
        self.address = address

    def template(self, band: str, wcs: Wcs, asking: Asking, cache: DiskCache, log: Log) -> Iterator[SurveyImage]:
        """Yield the sky cells; see `Survey.template`."""
        stacks: dict[str, str] = {}
        for ra, dec in points(wcs):
            for cell, path in self._files(band, ra, dec, asking, cache).items():
                stacks.setdefault(cell, path)
        if not stacks:
            raise NotFound("Pan-STARRS has no images there; it ends at declination -30.")
        _check_number(len(stacks), "Pan-STARRS")
        log(f"Pan-STARRS: {len(stacks)} sky cells")
        patient = _patient(asking)
        for cell, path in stacks.items():
            name = f"skycell {cell}"
            stack = self._file(path, patient, cache)
            mask = None
            try:
                mask = self._file(path.replace(".unconv.fits", ".unconv.mask.fits"), patient, cache)
            except NotFound:
                log(f"{name} comes without its mask")
            yield _ps1_image(stack, mask, name)

    def _files(self, band: str, ra: float, dec: float, asking: Asking, cache: DiskCache) -> dict[str, str]:
        path = cache.path("ps1", "files", band, f"{ra:.3f}", f"{dec:.3f}", suffix=".txt")
        if cache.get(path) is None:
            parameters = {"ra": f"{ra:.6f}", "dec": f"{dec:.6f}", "filters": band, "type": "stack"}
            url = with_query(f"{self.address}/cgi-bin/ps1filenames.py", parameters)
            answer = ask("The Pan-STARRS archive", url, asking, limit=MIB)
            ps1_files(answer.decode("utf-8", "replace"))  # what cannot be read is not kept
            cache.put(path, lambda target: target.write_bytes(answer))
        return ps1_files(path.read_text(errors="replace"))

    def _file(self, path: str, asking: Asking, cache: DiskCache) -> Path:
        kept = cache.path("ps1", path.rsplit("/", 1)[-1], suffix=".fits")
        return cache.get(kept) or cache.put(
            kept, lambda target: ask_into("The Pan-STARRS archive", f"{self.address}{path}", target, asking)
        )


class LegacySurvey:
    """Coadds of the Legacy Surveys, DR10 and north of it DR9."""

    def __init__(self, address: str = LEGACY_ADDRESS) -> None:
        self.address = address

    def template(self, band: str, wcs: Wcs, asking: Asking, cache: DiskCache, log: Log) -> Iterator[SurveyImage]:
        """Yield the bricks; see `Survey.template`."""
        patient = _patient(asking)
        bricks = self._bricks(wcs, patient, cache)
        _check_number(len(bricks), "The Legacy Survey")
        found = 0
        for brick in bricks:
            try:
                image = self._file(brick, f"image-{band}", patient, cache)
            except NotFound:
                continue
            found += 1
            mask = None
            try:
                mask = self._file(brick, "maskbits", patient, cache)
            except NotFound:
                log(f"brick {brick} comes without its mask")
            yield _legacy_image(image, mask, band, f"brick {brick}")
        log(f"Legacy Survey: {found} of {len(bricks)} bricks have {band}")
        if not found:
            raise NotFound(f"The Legacy Survey has no {band} images there.")

    def _bricks(self, wcs: Wcs, asking: Asking, cache: DiskCache) -> list[str]:
        kept = cache.path("ls", "survey-bricks", suffix=".fits.gz")
        path = cache.get(kept) or cache.put(
            kept,
            lambda target: ask_into("The Legacy Survey", f"{self.address}/dr10/survey-bricks.fits.gz", target, asking),
        )
        return bricks_at(path, points(wcs))

    def _file(self, brick: str, kind: str, asking: Asking, cache: DiskCache) -> Path:
        name = f"legacysurvey-{brick}-{kind}.fits.fz"
        kept = cache.path("ls", name)
        if (path := cache.get(kept)) is not None:
            return path
        for release in ("dr10/south", "dr9/north"):
            url = f"{self.address}/{release}/coadd/{brick[:3]}/{brick}/{name}"
            try:
                return cache.put(kept, partial(_fetched, url, asking))
            except NotFound:
                continue
        raise NotFound(f"The Legacy Survey has no {kind} of brick {brick}.")


ARCHIVES: Mapping[str, Survey] = MappingProxyType({"ps1": PanStarrs(), "ls": LegacySurvey()})


def points(wcs: Wcs) -> list[tuple[float, float]]:
    """Return places on a frame, ICRS degrees, close enough that no sky cell or brick between them is missed."""
    spacing = _SPACING_DEG * 3600 / wcs.scale_arcsec
    xs = np.linspace(0, wcs.width - 1, max(2, int(np.ceil(wcs.width / spacing)) + 1))
    ys = np.linspace(0, wcs.height - 1, max(2, int(np.ceil(wcs.height / spacing)) + 1))
    if xs.size * ys.size > 40 * MOST_IMAGES:
        raise Unavailable("The frame is too wide for templates made of a survey's single images.")
    ra, dec = wcs.to_sky(*(grid.ravel() for grid in np.meshgrid(xs, ys)))
    return [(float(a), float(d)) for a, d in zip(ra, dec, strict=True)]


def ps1_files(answer: str) -> dict[str, str]:
    """Read the archive's list: of each sky cell the path of its stack; Invalid where it is something else."""
    lines = [line.split() for line in answer.splitlines() if line.strip()]
    if not lines or not {"projcell", "subcell", "filename"} <= set(lines[0]):
        raise Invalid("The Pan-STARRS archive answered with something else than a list of files.")
    at = {name: number for number, name in enumerate(lines[0])}
    found = {}
    for cells in lines[1:]:
        if len(cells) < len(lines[0]) or cells[at.get("type", at["filename"])] == "stack.mask":
            continue
        path = cells[at["filename"]]
        if path.startswith("/") and ".." not in path:
            found[f"{int(cells[at['projcell']]):04}.{int(cells[at['subcell']]):03}"] = path
    return found


def bricks_at(table: Path, places: Iterable[tuple[float, float]]) -> list[str]:
    """Return the names of the bricks that hold any of some places, by the Legacy Survey's table of bricks."""
    from astropy.io import fits  # noqa: PLC0415 - slow to import

    raw = table.read_bytes()
    with fits.open(io.BytesIO(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)) as hdus:
        rows = hdus[1].data
        names = {name.lower(): name for name in hdus[1].columns.names}
        low_ra, high_ra, low_dec, high_dec = (
            np.asarray(rows[names[name]], float) for name in ("ra1", "ra2", "dec1", "dec2")
        )
        found: dict[str, None] = {}
        for ra, dec in places:
            inside = (low_dec <= dec) & (dec < high_dec) & (low_ra <= ra) & (ra < high_ra)
            for row in np.flatnonzero(inside):
                found[str(rows[names["brickname"]][row]).strip()] = None
    return list(found)


def read_image(path: Path, name: str) -> tuple[NDArray[np.float64], dict[str, Any], Wcs]:
    """Return pixels, cards and projection of the first image with one in a FITS file; Invalid where there is none."""
    from astropy.io import fits  # noqa: PLC0415 - slow to import

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path) as hdus:
                for hdu in hdus:
                    if hdu.header.get("NAXIS", 0) < 2 or not getattr(hdu, "is_image", False):
                        continue
                    data = np.asarray(hdu.data, float)
                    while data.ndim > 2:
                        data = data[0]
                    cards = dict(hdu.header)
                    wcs = Wcs.from_cards(_standard(cards), data.shape[1], data.shape[0])
                    if wcs is not None:
                        return data, cards, wcs
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise Invalid(f"{name} is no FITS image.") from error
    raise Invalid(f"{name} holds no image with a gnomonic projection; solve it first.")


def _standard(cards: dict[str, Any]) -> dict[str, Any]:
    """Return cards with PCi_j under today's names; Pan-STARRS writes PC00100j."""
    old = {"PC001001": "PC1_1", "PC001002": "PC1_2", "PC002001": "PC2_1", "PC002002": "PC2_2"}
    return cards | {new: cards[name] for name, new in old.items() if name in cards}


def _ps1_image(stack: Path, mask: Path | None, name: str) -> SurveyImage:
    data, cards, wcs = read_image(stack, name)
    if "BSOFTEN" in cards and "BOFFSET" in cards:
        data = float(cards["BOFFSET"]) + float(cards["BSOFTEN"]) * 2 * np.sinh(data / _ASINH)
    exposure = float(cards.get("EXPTIME", 1.0)) or 1.0
    bad = ~np.isfinite(data)
    if mask is not None:
        flags = read_image(mask, name)[0]
        if flags.shape == bad.shape:
            bad |= (np.nan_to_num(flags, nan=1.0).astype(np.int64) & _PS1_BAD) != 0
    return SurveyImage((data / exposure).astype(np.float32), bad, wcs, name)


def _legacy_image(image: Path, mask: Path | None, band: str, name: str) -> SurveyImage:
    data, _, wcs = read_image(image, name)
    bad = ~np.isfinite(data) | (data == 0)  # pixels without an exposure are zero
    if mask is not None:
        flags = np.nan_to_num(read_image(mask, name)[0]).astype(np.int64)
        if flags.shape == bad.shape:
            bad |= (flags & _LS_BAD.get(band, 0)) != 0
    return SurveyImage((data * 10 ** (0.4 * (ZERO_POINT - 22.5))).astype(np.float32), bad, wcs, name)


def _fetched(url: str, asking: Asking, target: Path) -> int:
    return ask_into("The Legacy Survey", url, target, asking)


def _patient(asking: Asking) -> Asking:
    return replace(asking, time_limit_s=max(asking.time_limit_s, _PATIENCE_S))


def _check_number(count: int, survey: str) -> None:
    if count > MOST_IMAGES:
        raise Unavailable(f"{survey} has {count} images in this frame; {MOST_IMAGES} are the most that are fetched.")
