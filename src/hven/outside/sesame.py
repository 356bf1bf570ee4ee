"""Names of objects to coordinates, by Sesame (CDS), which asks SIMBAD, NED and VizieR in turn.

The plain-text answer has a line ``%J RA Dec`` in degrees (https://cds.unistra.fr/cgi-bin/Sesame); where a name is not
known it has none. What was found is kept: objects do not move between two frames.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hven.errors import Invalid, NotFound
from hven.outside.ask import MIB, Asking, ask
from hven.outside.cones import DiskCache

SERVICE = "Sesame"
ADDRESS = "https://cds.unistra.fr/cgi-bin/nph-sesame"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a named object is."""

    name: str  # as the service calls it
    ra: float  # ICRS degrees
    dec: float
    by: str  # the database that knew it


def resolve(name: str, asking: Asking, cache: DiskCache | None = None, *, address: str = ADDRESS) -> Place:
    """Return the place of an object.

    Raises
    ------
    NotFound
        No database knows the name.
    Unavailable, Invalid
        As of `hven.outside.ask.ask`; the name is empty or too long.
    """
    text = " ".join(name.split())
    if not text or len(text) > 100:
        raise Invalid("A name of an object has between 1 and 100 characters.")
    path = cache.path("sesame", text.lower(), suffix=".json") if cache is not None else None
    if cache is not None and path is not None and (known := _known(cache, path)) is not None:
        return known
    answer = ask(SERVICE, f"{address}/-oI/SNV?{quote(text)}", asking, limit=MIB).decode("utf-8", "replace")
    place = parse(answer, text)
    if cache is not None and path is not None:
        words = {"name": place.name, "ra": place.ra, "dec": place.dec, "by": place.by}
        cache.put(path, lambda target: target.write_text(json.dumps(words)))
    return place


def parse(answer: str, name: str) -> Place:
    """Read Sesame's plain text; NotFound where it knows no such object, Invalid where it is something else."""
    match = re.search(r"^%J\s+([0-9.]+)\s+([+-]?[0-9.]+)", answer, re.MULTILINE)
    if match is None:
        if "#" not in answer:
            raise Invalid(f"{SERVICE} answered with something else than expected.")
        raise NotFound(f"Nobody knows an object called {name}; check the name, or give coordinates.")
    ra, dec = float(match[1]), float(match[2])
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise Invalid(f"{SERVICE} answered with coordinates that are none.")
    own = re.search(r"^%I\.0\s+(.+)$", answer, re.MULTILINE)
    by = re.search(r"^#=[A-Za-z]*?([SNV])[a-z]*=?(\w+)?", answer, re.MULTILINE)
    source = by[2] or {"S": "Simbad", "N": "NED", "V": "VizieR"}[by[1]] if by else ""
    return Place(" ".join(own[1].split()) if own else name, ra % 360.0, dec, source)


def _known(cache: DiskCache, path: Path) -> Place | None:
    if cache.get(path) is None:
        return None
    try:
        return Place(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
