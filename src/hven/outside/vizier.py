"""Cones of catalogues from VizieR (CDS, Strasbourg), as tables with hven's columns.

The question is put together by astroquery, which knows VizieR's ways; it is asked by hven's own guarded fetch, and the
answer is a VOTable that astropy reads. Documented at https://vizier.cds.unistra.fr/doc/asu-summary.htx.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from hven.errors import Invalid
from hven.outside.ask import MIB, Asking, ask, unusable, with_query
from hven.science.catalogues.photometric.columns import (
    DEC,
    NAME,
    RA,
    clean_errors,
    clean_magnitudes,
    recognise,
)
from hven.science.catalogues.photometric.filters import error_column, magnitude_column
from hven.science.catalogues.photometric.known import KnownCatalogue
from hven.science.catalogues.photometric.transformations import filled

if TYPE_CHECKING:
    from astropy.table import Table

SERVICE = "VizieR"
ADDRESS = "https://vizier.cds.unistra.fr"
MOST_ROWS = 500_000
_SYNTHETIC = "I/360/syntphot"  # has fluxes and their errors beside magnitudes


def question(
    catalogue: KnownCatalogue, ra: float, dec: float, radius_deg: float, limit: float | None
) -> dict[str, str]:
    """Return what VizieR is asked: the parameters of its ASU protocol."""
    from astropy import units  # noqa: PLC0415 - slow to import
    from astropy.coordinates import SkyCoord  # noqa: PLC0415 - the same
    from astroquery.vizier import Vizier  # noqa: PLC0415 - the same

    filters = {catalogue.limit_column: f"<={limit:g}"} if limit is not None else {}
    columns = ["**"] if catalogue.vizier == _SYNTHETIC else [
        "_RAJ2000", "_DEJ2000",
        *(name for column in catalogue.columns.values() for name in (column, f"e_{column}")),
    ]  # fmt: skip
    columns = ["_RAJ2000", "_DEJ2000", *columns] if columns == ["**"] else columns
    client = Vizier(columns=columns, column_filters=filters, row_limit=MOST_ROWS)
    payload = client.query_region_async(
        SkyCoord(ra, dec, unit="deg"),
        radius=radius_deg * units.deg,
        catalog=catalogue.vizier,
        get_query_payload=True,
    )
    return _parameters(payload)


def cone(
    catalogue: KnownCatalogue,
    ra: float,
    dec: float,
    radius_deg: float,
    asking: Asking,
    *,
    limit: float | None = None,
    address: str = ADDRESS,
) -> Table:
    """Return a catalogue's rows within a circle.

    Parameters
    ----------
    catalogue
        Which, as of `known.CATALOGUES`.
    ra, dec, radius_deg
        The circle, ICRS degrees.
    asking
        How services are asked.
    limit
        The faintest magnitude in the catalogue's own limit column.
    address
        Of the server, without a slash at its end; a mirror speaks the same.

    Returns
    -------
    astropy.table.Table
        RAJ2000, DEJ2000, and of each filter its magnitudes and errors; missing ones are masked. No rows where the
        catalogue has none there.

    Raises
    ------
    Unavailable, NotFound, Invalid
        As of `hven.outside.ask.ask`.
    """
    url = with_query(f"{address}/viz-bin/votable", question(catalogue, ra, dec, radius_deg, limit))
    return parse(ask(SERVICE, url, asking, limit=256 * MIB), catalogue)


def parse(answer: bytes, catalogue: KnownCatalogue) -> Table:
    """Read VizieR's answer; Invalid where it is none, or says that there was a fault."""
    from astropy.io.votable import parse as parse_votable  # noqa: PLC0415 - slow to import

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = parse_votable(io.BytesIO(answer), invalid="mask", verify="ignore")
    except Exception as error:  # the parser raises whatever the XML provokes
        raise unusable(SERVICE, error) from error
    for info in _infos(document):
        if info.name.upper() in {"ERROR", "ERRORS"} or (info.name == "QUERY_STATUS" and info.value == "ERROR"):
            raise Invalid(f"{SERVICE} could not answer for {catalogue.name}: {' '.join(str(info.value).split())[:200]}")
    tables = [table for table in document.iter_tables() if len(table.fields)]
    if not tables:
        return _empty(catalogue)
    return _own_columns(tables[0].to_table(use_names_over_ids=True), catalogue)


def _infos(document: Any) -> list[Any]:
    found = list(document.infos)
    for resource in document.resources:
        found += list(resource.infos)
    return found


def _empty(catalogue: KnownCatalogue) -> Table:
    from astropy.table import MaskedColumn, Table  # noqa: PLC0415 - slow to import

    table = Table({RA: np.zeros(0), DEC: np.zeros(0)})
    for key in catalogue.columns:
        table[magnitude_column(key)] = MaskedColumn(np.zeros(0))
        table[error_column(key)] = MaskedColumn(np.zeros(0))
    return table


def _own_columns(raw: Table, catalogue: KnownCatalogue) -> Table:
    """Return VizieR's table under hven's names, with numbers that are none masked."""
    from astropy.table import MaskedColumn, Table  # noqa: PLC0415 - slow to import

    places = {"ra": "_RAJ2000", "dec": "_DEJ2000"}
    given = {what: name for what, name in (places | dict(catalogue.columns)).items() if name in raw.colnames}
    columns = recognise(list(raw.colnames), given, f"{SERVICE}'s answer for {catalogue.name}")
    table = Table({RA: filled(raw[columns.ra]), DEC: filled(raw[columns.dec])})
    table[RA].unit = table[DEC].unit = "deg"
    for key in catalogue.columns:
        if key not in columns.magnitudes:
            continue
        values = clean_magnitudes(filled(raw[columns.magnitudes[key]]))
        errors = _errors(raw, key, columns.errors.get(key, ""), len(values))
        for name, column in ((magnitude_column(key), values), (error_column(key), errors)):
            table[name] = MaskedColumn(column, mask=~np.isfinite(column), unit="mag")
    if columns.identifier:
        table[NAME] = np.asarray(raw[columns.identifier]).astype(str)
    return table[np.isfinite(table[RA]) & np.isfinite(table[DEC])]


def _errors(raw: Table, key: str, name: str, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    if name:
        return clean_errors(filled(raw[name]))
    flux, error = f"F{key}", f"e_F{key}"
    if flux in raw.colnames and error in raw.colnames:
        # of a flux the error in magnitudes is 2.5 / ln 10 times its relative one
        with np.errstate(divide="ignore", invalid="ignore"):
            return clean_errors(2.5 / np.log(10) * filled(raw[error]) / filled(raw[flux]))
    return np.full(count, np.nan)


def _parameters(payload: Any) -> dict[str, str]:
    """Return astroquery's question as parameters; it comes as lines, or as a mapping in other versions."""
    if isinstance(payload, str):
        pairs = (line.partition("=") for line in payload.splitlines() if line.strip())
        return {name: value for name, _, value in pairs}
    return {
        str(name): ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in dict(payload).items()
    }
