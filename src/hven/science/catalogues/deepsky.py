"""NGC, IC and Messier objects: OpenNGC (Verga, CC BY-SA 4.0) as the PyPI package pyongc carries it.

The package's SQLite file is read once in a process into arrays; its own interface builds an object for each row
and scans them all for a cone.
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hven.errors import Unavailable
from hven.science.sky.sphere import unit_vectors

_LEFT_OUT = ("Dup", "NonEx")  # the same object under another number; nothing at that place
_NUMBERED = re.compile(r"(NGC|IC)0*(\d+)\s*(.*)\Z")
_COLUMNS = "name, type, ra, dec, majax, minax, pa, bmag, vmag, messier, commonnames, ic, ngc"


@dataclass(frozen=True, slots=True)
class DeepSky:
    """All objects; arrays and tuples of one length n (13,000)."""

    name: tuple[str, ...]  # "NGC 3627", "IC 434", "Mel 22"
    kind: tuple[str, ...]  # "ngc", "ic" or "other"
    type: tuple[str, ...]  # OpenNGC's: G, GCl, OCl, PN, HII, Neb, SNR, *, **, ...
    messier: NDArray[np.int16]  # (n,), 0: none
    common: tuple[tuple[str, ...], ...]  # "Pleiades"
    ra: NDArray[np.float64]  # (n,), ICRS degrees
    dec: NDArray[np.float64]
    vector: NDArray[np.float64]  # (n, 3), unit
    radius_deg: NDArray[np.float32]  # (n,), half the major axis; NaN: unknown
    minor_deg: NDArray[np.float32]  # half the minor axis
    position_angle: NDArray[np.float32]  # of the major axis, degrees east of north
    v_mag: NDArray[np.float32]  # NaN: unknown
    b_mag: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.name)


@lru_cache(maxsize=1)
def deep_sky() -> DeepSky:
    """Return the catalogue, read at the first call (about 0.1 s). Raises Unavailable where pyongc is missing."""
    spec = find_spec("pyongc")  # found, not imported: its modules are not needed
    path = Path(spec.origin).with_name("ongc.db") if spec and spec.origin else None
    if path is None or not path.is_file():
        raise Unavailable("The catalogue of NGC and IC objects is missing: install the package pyongc.")
    marks = ", ".join("?" * len(_LEFT_OUT))
    query = f"SELECT {_COLUMNS} FROM objects WHERE ra IS NOT NULL AND type NOT IN ({marks}) ORDER BY id"  # noqa: S608
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        rows = base.execute(query, _LEFT_OUT).fetchall()
    columns = list(zip(*rows, strict=True))
    ra, dec = np.degrees(np.array(columns[2], float)) % 360, np.degrees(np.array(columns[3], float))
    names = [_readable(name) for name in columns[0]]
    return DeepSky(
        name=tuple(n for n, _ in names),
        kind=tuple(k for _, k in names),
        type=tuple(columns[1]),
        messier=np.array([_number(m) for m in columns[9]], np.int16),
        common=tuple(_split(c) for c in columns[10]),
        ra=ra,
        dec=dec,
        vector=unit_vectors(ra, dec),
        radius_deg=_floats(columns[4]) / np.float32(120),
        minor_deg=_floats(columns[5]) / np.float32(120),
        position_angle=_floats(columns[6]),
        v_mag=_floats(columns[8]),
        b_mag=_floats(columns[7]),
    )


def find_object(text: str) -> int | None:
    """Return the row in `deep_sky` of the object that a text names, None where it names none.

    Numbers of Messier, NGC and IC with or without the blank, names of other catalogues, and names as people use them,
    whatever the capitals: ``M31``, ``ngc 7331``, ``Pleiades``.
    """
    return _names().get(_folded(text))


@lru_cache(maxsize=1)
def _names() -> dict[str, int]:
    sky = deep_sky()
    found: dict[str, int] = {}
    for row, (name, common) in enumerate(zip(sky.name, sky.common, strict=True)):
        found[_folded(name)] = row
        for each in common:
            found.setdefault(_folded(each), row)
    for row, number in enumerate(sky.messier.tolist()):
        if number:
            found[f"m{number}"] = found[f"messier{number}"] = row
    return found


def _folded(text: str) -> str:
    text = re.sub(r"[\s'\u2019\-]+", "", text.casefold())
    return re.sub(r"^(messier|m|ngc|ic)0+(?=\d)", r"\1", text)


def _readable(name: str) -> tuple[str, str]:
    """Return "NGC0055" as "NGC 55" with its kind; others get a blank between letters and digits."""
    match = _NUMBERED.match(name)
    if match:
        rest = match[3] if len(match[3]) == 1 else f" {match[3]}".rstrip()
        return f"{match[1]} {match[2]}{rest}", match[1].lower()
    match = re.match(r"([A-Za-z]+)0*(\d.*)\Z", name)
    return (f"{match[1]} {match[2]}" if match else name), "other"


def _number(text: str | None) -> int:
    digits = re.match(r"0*(\d+)", text or "")
    return int(digits[1]) if digits else 0


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,/]", text or "") if part.strip())


def _floats(values: tuple[float | None, ...]) -> NDArray[np.float32]:
    return np.array([np.nan if v is None else v for v in values], np.float32)
