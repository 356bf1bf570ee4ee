"""Asteroids, comets and planets in a field at a time, by SkyBoT (Berthier et al. 2006, ASP Conf. 351, 367; IMCCE).

The text answer is one line an object: number | name | RA (h) | Dec (deg) | class | V | position error (") |
distance (") | motions ("/h) | ..., documented at https://ssp.imcce.fr/webservices/skybot/api/conesearch/.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hven.errors import Invalid
from hven.outside.ask import MIB, Asking, ask, with_query

SERVICE = "SkyBoT"
ADDRESS = "https://ssp.imcce.fr/webservices/skybot/api/conesearch.php"
GEOCENTRE = "500"
_WIDEST_DEG = 10.0


@dataclass(frozen=True, slots=True)
class SolarSystemObject:
    """A body in the field."""

    name: str
    number: int | None
    kind: str  # as the service classifies it
    ra: float  # J2000, degrees
    dec: float
    v_mag: float | None
    error_arcsec: float  # of the predicted place
    ra_rate_arcsec_h: float  # times cos Dec
    dec_rate_arcsec_h: float


def bodies(
    ra: float,
    dec: float,
    radius_deg: float,
    when: datetime,
    asking: Asking,
    *,
    observatory: str = GEOCENTRE,
    address: str = ADDRESS,
) -> tuple[SolarSystemObject, ...]:
    """Return the known bodies of the solar system within a circle, nearest first.

    Parameters
    ----------
    ra, dec, radius_deg
        The circle, J2000 degrees; of 10 degrees at most.
    when
        The middle of the exposure, aware.
    asking
        How services are asked.
    observatory
        IAU code of the place of observation; by default the middle of the Earth.

    Raises
    ------
    Unavailable, NotFound, Invalid
        As of `hven.outside.ask.ask`; the time has no zone.
    """
    if when.tzinfo is None:
        raise Invalid("The time to look for bodies of the solar system needs its zone.")
    parameters = {
        "-ep": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
        "-ra": f"{ra:.6f}",
        "-dec": f"{dec:.6f}",
        "-rd": f"{min(radius_deg, _WIDEST_DEG):.5f}",
        "-loc": observatory,
        "-mime": "text",
        "-output": "all",
        "-filter": "120",
        "-objFilter": "111",
        "-refsys": "EQJ2000",
        "-from": "hven",
    }
    return parse(ask(SERVICE, with_query(address, parameters), asking, limit=16 * MIB).decode("utf-8", "replace"))


def parse(answer: str) -> tuple[SolarSystemObject, ...]:
    """Read SkyBoT's text; Invalid where it is something else, or says that there was a fault."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    flag = next((line for line in lines if line.lower().startswith("# flag:")), "")
    rows = [line for line in lines if not line.startswith("#")]
    if flag:
        code = flag.split(":", 1)[1].split()[0] if ":" in flag else ""
        if code.startswith("-"):
            raise Invalid(f"{SERVICE} could not answer: {flag.split(':', 1)[1].strip()[:160]}")
        if code == "0":
            return ()
    if not flag and not any("|" in row for row in rows):
        if "no solar system object" in answer.lower():
            return ()
        raise Invalid(f"{SERVICE} answered with something else than expected.")
    try:
        return tuple(_body(row) for row in rows if "|" in row)
    except (ValueError, IndexError) as error:
        raise Invalid(f"{SERVICE} answered with a line that cannot be read.") from error


def _body(row: str) -> SolarSystemObject:
    cells = [cell.strip() for cell in row.split("|")]
    number = cells[0] if cells[0].isdigit() else ""
    return SolarSystemObject(
        name=cells[1],
        number=int(number) if number else None,
        kind=cells[4],
        ra=15 * _sexagesimal(cells[2]),
        dec=_sexagesimal(cells[3]),
        v_mag=_or_none(cells[5]),
        error_arcsec=_or_none(cells[6]) or 0.0,
        ra_rate_arcsec_h=(_or_none(cells[8]) or 0.0) if len(cells) > 8 else 0.0,
        dec_rate_arcsec_h=(_or_none(cells[9]) or 0.0) if len(cells) > 9 else 0.0,
    )


def _sexagesimal(text: str) -> float:
    parts = [abs(float(part)) for part in text.split()]
    value = float(sum(part / 60**power for power, part in enumerate(parts)))
    return -value if text.startswith("-") else value


def _or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
