"""The filters in which hven calibrates, the many ways in which headers and people write them, and their colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hven.errors import Invalid


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its key, its name in words, other ways to write it, and the two filters that make its colour."""

    key: str
    name: str
    aliases: tuple[str, ...]
    colour: tuple[str, str]

    @property
    def column(self) -> str:
        """The name of its magnitudes in tables of reference stars; ``e_`` before it names their errors."""
        return magnitude_column(self.key)


def magnitude_column(key: str) -> str:
    """Return the column of a filter's magnitudes: the key with ``mag`` behind it, as VizieR names them."""
    return f"{key}mag"


def error_column(key: str) -> str:
    """Return the column of the errors of a filter's magnitudes."""
    return f"e_{key}mag"


def _sloan(key: str, name: str, colour: tuple[str, str]) -> Filter:
    upper = key.upper()
    aliases = [
        f"sdss{key}", f"SDSS {key}", f"SDSS-{key}", f"SDSS-{key}'", f"Sloan-{key}", f"sloan{key}", f"Sloan {key}",
        f"S{key}", f"S{upper}", f"s{upper}",
    ]  # fmt: skip
    if key in {"g", "r", "i"}:
        aliases.append(f"ZTF_{key}")
    return Filter(key, name, tuple(aliases), colour)


_BV, _GR, _RI, _GAIA, _JK = ("B", "V"), ("g", "r"), ("r", "i"), ("BP", "RP"), ("J", "Ks")
_ALL = (
    Filter("U", "Johnson-Cousins U", (), _BV),
    Filter("B", "Johnson-Cousins B", (), _BV),
    Filter("V", "Johnson-Cousins V", (), _BV),
    Filter("R", "Johnson-Cousins R", ("Rc",), _BV),
    Filter("I", "Johnson-Cousins I", ("Ic", "I'"), _BV),
    _sloan("u", "Sloan u", _GR),
    _sloan("g", "Pan-STARRS g", _GR),
    _sloan("r", "Pan-STARRS r", _GR),
    _sloan("i", "Pan-STARRS i", _GR),
    _sloan("z", "Pan-STARRS z", _RI),
    _sloan("y", "Pan-STARRS y", _RI),
    Filter("G", "Gaia G", (), _GAIA),
    Filter("BP", "Gaia BP", (), _GAIA),
    Filter("RP", "Gaia RP", (), _GAIA),
    Filter("J", "2MASS J", (), _JK),
    Filter("H", "2MASS H", (), _JK),
    Filter("Ks", "2MASS Ks", ("K",), _JK),
)
FILTERS: Mapping[str, Filter] = MappingProxyType({one.key: one for one in _ALL})

_EXACT = {alias: one.key for one in _ALL for alias in (one.key, one.name, *one.aliases)}
# Written in words, the system says which letter is meant, so that its case does not matter.
_SYSTEMS = (
    (r"(?:johnson|cousins|bessell?|landolt)(?:cousins)?", "UBVRI", str.upper),
    (r"(?:sdss|sloan|ps1?|panstarrs|pan|ztf|des|decam|skymapper)(?:dr\d)?", "ugrizy", str.lower),
)


def normalise(name: str) -> str | None:
    """Return the key of the filter that a name means, or None where hven knows none.

    A bare letter is taken as it stands (``R`` is Cousins, ``r`` is Pan-STARRS); a trailing prime means the Sloan-like
    one. With the system in words (``Bessell v``, ``sdss_R``) the case of the letter plays no part.
    """
    text = " ".join(str(name).split())
    if text in _EXACT:
        return _EXACT[text]
    if match := re.fullmatch(r"([ugrizy])['′]?", text):
        return match[1]
    bare = re.sub(r"[\s_\-.']+", "", text)
    for system, letters, case in _SYSTEMS:
        for pattern in (rf"{system}([{letters}])c?", rf"([{letters}])c?{system}"):
            if match := re.fullmatch(pattern, bare, re.IGNORECASE):
                return case(match[1])
    return {"gaiag": "G", "gaiabp": "BP", "gaiarp": "RP", "gbp": "BP", "grp": "RP", "2massj": "J", "2massh": "H",
            "2massk": "Ks", "2massks": "Ks", "kshort": "Ks"}.get(bare.lower())  # fmt: skip


def filter_named(name: str) -> str:
    """Return the key of the filter that a name means.

    Raises
    ------
    Invalid
        hven knows none.
    """
    key = normalise(name)
    if key is None:
        raise Invalid(f"There is no filter called {name[:40]}; the filters are {', '.join(FILTERS)}.")
    return key


def colour_of(key: str) -> tuple[str, str]:
    """Return the two filters whose difference is the colour of a filter's colour term, bluer first."""
    return FILTERS[key].colour
