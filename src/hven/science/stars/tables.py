"""Solutions and source lists as FITS files, with the columns that software for astrometry.net's files expects.

Pixel coordinates in these tables are 1-based, as everywhere in FITS.
"""

import contextlib
import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven import __version__
from hven.errors import Invalid, TooLarge
from hven.science.frames.fits_tables import tables_of
from hven.science.frames.frame import Card, Frame
from hven.science.frames.limits import DEFAULT_LIMITS, Limits
from hven.science.frames.read import opened
from hven.science.frames.sniff import Kind
from hven.science.sky.wcs import Wcs
from hven.science.stars.solution import Solution, SolveResult, SourceList

_MOST_SOURCES = 1_000_000
_LONGEST_KEYWORD = 40  # with HIERARCH before it and a number behind it one card holds no more


def write_wcs(path: Path, wcs: Wcs, comments: tuple[str, ...] = ()) -> None:
    """Write the projection as a header without data."""
    hdu = fits.PrimaryHDU()
    _put(hdu.header, wcs.to_cards(), comments)
    hdu.writeto(path, overwrite=True)


DETECTED, SEGMENTED = "X", "X_IMAGE"  # how the columns of detected sources are called


def write_sources(
    path: Path | BinaryIO, sources: SourceList, cards: Mapping[str, Any] | None = None, *, names: str = DETECTED
) -> None:
    """Write detected sources, brightest first.

    Columns (float32) are X, Y, FLUX, BACKGROUND, or with `names` SEGMENTED those of SExtractor's catalogues:
    X_IMAGE, Y_IMAGE, MAG_AUTO, FLUX_AUTO, BACKGROUND. MAG_AUTO has the zero point 0.
    """
    segmented = names == SEGMENTED
    columns = [
        fits.Column("X_IMAGE" if segmented else "X", "E", unit="pix", array=sources.x + 1),
        fits.Column("Y_IMAGE" if segmented else "Y", "E", unit="pix", array=sources.y + 1),
    ]
    if segmented:
        with np.errstate(divide="ignore", invalid="ignore"):
            mag = np.where(sources.flux > 0, -2.5 * np.log10(sources.flux), 99.0)
        columns.append(fits.Column("MAG_AUTO", "E", unit="mag", array=mag))
    columns += [
        fits.Column("FLUX_AUTO" if segmented else "FLUX", "E", array=sources.flux),
        fits.Column("BACKGROUND", "E", array=sources.background),
    ]
    size = {"IMAGEW": sources.width, "IMAGEH": sources.height, "AN_FILE": "XYLS"}
    _write_table(path, columns, {**size, **(cards or {})})


def write_reference(path: Path, solution: Solution) -> None:
    """Write the reference stars in the field: RA, DEC (float64, ICRS degrees at the epoch), MAG."""
    columns = [
        fits.Column("RA", "D", unit="deg", array=solution.reference_ra),
        fits.Column("DEC", "D", unit="deg", array=solution.reference_dec),
        fits.Column("MAG", "E", unit="mag", array=solution.reference_mag),
    ]
    _write_table(path, columns, {"AN_FILE": "RDLS", **solution.wcs.to_cards()})


def write_matches(path: Path, result: SolveResult) -> None:
    """Write the pairs of sources and reference stars, with where each lies by pixels and on the sky.

    Raises
    ------
    Invalid
        The result holds no solution.
    """
    if result.solution is None:
        raise Invalid("Without a solution there are no matches to write.")
    matches, wcs, sources = result.solution.matches, result.solution.wcs, result.sources
    field_ra, field_dec = wcs.to_sky(matches.x, matches.y)
    columns = [
        *_doubles(
            {
                "field_x": matches.x + 1,
                "field_y": matches.y + 1,
                "field_ra": field_ra,
                "field_dec": field_dec,
                "index_x": matches.x_reference + 1,
                "index_y": matches.y_reference + 1,
                "index_ra": matches.ra,
                "index_dec": matches.dec,
            }
        ),
        fits.Column("index_id", "J", array=np.arange(len(matches))),
        fits.Column("field_id", "J", array=matches.source),
        *_doubles({"match_weight": matches.weight}),
        fits.Column("MAG", "E", unit="mag", array=matches.mag),
        fits.Column("FLUX", "E", array=sources.flux[matches.source]),
        fits.Column("BACKGROUND", "E", array=sources.background[matches.source]),
    ]
    _write_table(path, columns, {"AN_FILE": "CORR"})


def write_solved_frame(path: Path, frame: Frame, wcs: Wcs, comments: tuple[str, ...] = ()) -> None:
    """Write a frame's pixels as FITS with its own header and the projection in place of any earlier one.

    Rows keep the order of the frame's file, so that pixel coordinates stay the same; colours become three planes.
    """
    data: NDArray[Any] = frame.data if frame.stored is None else frame.stored
    if frame.rgb is not None:
        data = np.moveaxis(frame.rgb, -1, 0)
    hdu = fits.PrimaryHDU(data)
    _merge(hdu.header, frame.cards, wcs, frame.format, comments)
    hdu.writeto(path, overwrite=True, output_verify="silentfix")


def write_solved_header(path: Path | BinaryIO, cards: Sequence[Card], wcs: Wcs, *, picture_format: str) -> None:
    """Write a frame's own header with the projection in place of any earlier one, as a FITS file without data."""
    hdu = fits.PrimaryHDU()
    _merge(hdu.header, cards, wcs, picture_format, ())
    hdu.writeto(path, overwrite=True, output_verify="silentfix")


def with_places(table: BinaryIO, wcs: Wcs) -> bytes:
    """Return a table of detected sources with RA and DEC (float64, ICRS degrees) beside their other columns.

    Raises
    ------
    Invalid
        It is no table of sources.
    """
    with fits.open(table, memmap=False) as hdus:
        try:
            x, y, _ = _columns(hdus)
        except KeyError as error:
            raise Invalid("The file is no FITS table of sources with columns X and Y.") from error
        ra, dec = wcs.to_sky(x - 1, y - 1)
        columns = [
            fits.Column(column.name, column.format, unit=column.unit, array=hdus[1].data[column.name])
            for column in hdus[1].columns
        ]
        columns += [fits.Column("RA", "D", unit="deg", array=ra), fits.Column("DEC", "D", unit="deg", array=dec)]
        size = {"IMAGEW": wcs.width, "IMAGEH": wcs.height, "AN_FILE": "RDLS"}
        out = io.BytesIO()
        _write_table(out, columns, size)
    return out.getvalue()


def as_csv(table: BinaryIO) -> str:
    """Return the first table of a FITS file as comma-separated text with a line of names (RFC 4180)."""
    with fits.open(table, memmap=False) as hdus:
        data, names = hdus[1].data, hdus[1].columns.names
        rows = zip(*(data[name].tolist() for name in names), strict=True)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows(rows)
    return text.getvalue()


def read_source_list(
    path: Path, *, width: int | None = None, height: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> SourceList:
    """Read a FITS table of sources, brightest first: columns X and Y (1-based), and FLUX where there is one.

    Parameters
    ----------
    width, height
        Of the frame, pixels; else IMAGEW and IMAGEH of a header, else the furthest source.
    limits
        What may be spent on unpacking.

    Raises
    ------
    Invalid
        There is no table with X and Y, or its numbers are none.
    TooLarge
        It holds more than 1,000,000 sources, or exceeds the limits.
    """
    no_table = Invalid("The file is no FITS table of sources with columns X and Y.")
    with opened(path, limits) as (file, kind, _):
        if kind is not Kind.FITS:
            raise no_table
        try:
            header, (x, y, flux) = _first_with_columns(file, limits)
        except TooLarge:
            raise
        except Exception as error:  # astropy says in a dozen ways that a table is broken
            raise no_table from error
    return source_list(
        x - 1,
        y - 1,
        flux=flux,
        width=width or _whole(header.get("IMAGEW")),
        height=height or _whole(header.get("IMAGEH")),
    )


def _first_with_columns(
    file: BinaryIO, limits: Limits
) -> tuple[Mapping[str, Any], tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]]:
    for header, table in tables_of(file, limits):
        with fits.open(table, memmap=False) as hdus, contextlib.suppress(KeyError):
            return header, _columns(hdus)
    raise KeyError("no table with these columns")


def source_list(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    flux: NDArray[np.float64] | None = None,
    width: int | None = None,
    height: int | None = None,
) -> SourceList:
    """Make a source list of bare positions (0-based pixels, brightest first).

    Raises
    ------
    Invalid
        There are none, or lists of unequal length, or no finite ones.
    """
    if x.shape != y.shape:
        raise Invalid(f"There are {x.size} x and {y.size} y coordinates; each source needs both.")
    good = np.isfinite(x) & np.isfinite(y)
    if flux is not None:
        if flux.shape != x.shape:
            raise Invalid(f"There are {x.size} positions and {flux.size} fluxes.")
        good &= np.isfinite(flux)
    if not good.any():
        raise Invalid("The list holds no source.")
    x, y = x[good], y[good]
    # Bare lists come sorted by brightness: the rank stands in for the flux that nobody told.
    flux = 1e4 * 0.97 ** np.arange(x.size, dtype=float).clip(max=600) if flux is None else flux[good]
    order = np.argsort(-flux, kind="stable")
    x, y, flux = x[order], y[order], flux[order]
    width, height = width or int(np.ceil(x.max())) + 1, height or int(np.ceil(y.max())) + 1
    if not (0 < width <= 1_000_000 and 0 < height <= 1_000_000):
        raise Invalid("The positions lie on no frame of sensible size; they are pixels, counted from 1.")
    return SourceList(x, y, flux, np.zeros_like(x), np.full_like(x, 10.0), width, height)


def _write_table(path: Path | BinaryIO, columns: list[fits.Column], cards: Mapping[str, Any]) -> None:
    primary = fits.PrimaryHDU()
    _put(primary.header, cards)
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns)]).writeto(path, overwrite=True)


def _doubles(arrays: Mapping[str, NDArray[np.float64]]) -> list[fits.Column]:
    return [fits.Column(name, "D", array=array) for name, array in arrays.items()]


def _merge(
    header: fits.Header, cards: Sequence[Card], wcs: Wcs, picture_format: str, comments: tuple[str, ...]
) -> None:
    for card in cards:
        # Where a picture was taken, and what its camera hides in notes, is its owner's to tell.
        if _belongs(card.keyword) and not (picture_format != "fits" and card.keyword.upper().startswith(_PERSONAL)):
            _add(header, card.keyword, card.value, card.comment)
    _put(header, wcs.to_cards(), comments)


def _put(header: fits.Header, cards: Mapping[str, Any], comments: tuple[str, ...] = ()) -> None:
    for keyword, value in cards.items():
        header[keyword] = value
    header["HISTORY"] = f"Written by hven {__version__}"
    for comment in comments:
        header["COMMENT"] = comment.encode("ascii", "replace").decode()


# How tables of other programs call what is looked for, those of SExtractor and photutils among them.
_CALLED = {
    "x": ("X", "X_IMAGE", "XWIN_IMAGE", "XCENTROID", "FIELD_X"),
    "y": ("Y", "Y_IMAGE", "YWIN_IMAGE", "YCENTROID", "FIELD_Y"),
    "flux": ("FLUX", "FLUX_AUTO", "FLUX_APER"),
    "mag": ("MAG_AUTO", "MAG"),
}
_STRUCTURE = {
    "SIMPLE", "BITPIX", "NAXIS", "EXTEND", "XTENSION", "PCOUNT", "GCOUNT", "BZERO", "BSCALE", "BLANK", "END",
    "CHECKSUM", "DATASUM", "TFIELDS", "EXTNAME", "EXTVER", "INHERIT", "",
}  # fmt: skip
_PROJECTION = (
    "CTYPE", "CRVAL", "CRPIX", "CDELT", "CROTA", "CUNIT", "CD1_", "CD2_", "PC1_", "PC2_", "PV1_", "PV2_", "A_", "B_",
    "AP_", "BP_", "WCSAXES", "LONPOLE", "LATPOLE", "RADESYS", "RADECSYS", "EQUINOX",
)  # fmt: skip
_PERSONAL = ("GPS", "MAKERNOTE", "USERCOMMENT", "XMP", "XML")
_TABLE = ("TTYPE", "TFORM", "NAXIS")
# Of tile-compressed images (FITS standard 4.0, section 10.1).
_COMPRESSION = re.compile(
    r"Z(IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|MASKCMP|QUANTIZ|DITHER0|SIMPLE|EXTEND|TENSION|PCOUNT"
    r"|GCOUNT|BLOCKED|HECKSUM|DATASUM|BLANK|SCALE|ZERO)"
)


def _belongs(keyword: str) -> bool:
    """Say whether a card of the original stays true for the new file."""
    if keyword in _STRUCTURE or keyword.startswith((*_PROJECTION, *_TABLE)):
        return False
    return _COMPRESSION.fullmatch(keyword) is None


def _add(header: fits.Header, keyword: str, value: Any, comment: str) -> None:
    try:
        if keyword in {"COMMENT", "HISTORY"}:
            header.add_history(str(value)) if keyword == "HISTORY" else header.add_comment(str(value))
        else:
            card = fits.Card(keyword, value, comment)
            str(card)  # some show only when written out that no file may hold them
            if keyword == "CONTINUE" or len(keyword) > _LONGEST_KEYWORD:  # astropy would cut it, "=" and all
                raise ValueError("no card of its own")  # noqa: TRY301 - one way out for all of them
            header.append(card, end=True)
    except (ValueError, TypeError, fits.VerifyError):
        # A card that no FITS file may hold: what it said is kept as a comment.
        header.add_comment(f"{keyword} = {value!r}".encode("ascii", "replace").decode())


def _columns(hdus: fits.HDUList) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return X, Y and perhaps FLUX of the first table that has the first two, as they stand there."""
    for hdu in hdus[1:]:
        if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
            continue
        names = {name.upper(): name for name in hdu.columns.names}
        at = {key: next((names[one] for one in called if one in names), None) for key, called in _CALLED.items()}
        if at["x"] is None or at["y"] is None:
            continue
        if int(hdu.header["NAXIS2"]) > _MOST_SOURCES:
            raise TooLarge(f"The table holds more than {_MOST_SOURCES:,} sources.")
        x, y = (np.asarray(hdu.data[at[key]]).astype(float).ravel() for key in ("x", "y"))
        if at["flux"] is not None:
            return x, y, np.asarray(hdu.data[at["flux"]]).astype(float).ravel()
        if at["mag"] is not None:
            mag = np.asarray(hdu.data[at["mag"]]).astype(float).ravel()
            return x, y, brightness(mag)
        return x, y, None
    raise KeyError("no table with these columns")


def brightness(mag: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fluxes of magnitudes, on a scale that gives the brightest 10,000; NaN stays NaN."""
    finite = mag[np.isfinite(mag)]
    with np.errstate(over="ignore"):
        return np.asarray(1e4 * 10 ** (-0.4 * (mag - (finite.min() if finite.size else 0.0))))


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e6 else None
