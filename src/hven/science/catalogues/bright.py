"""Stars that people call by name: proper, Bayer and Flamsteed, to magnitude 6 and fainter where named.

The data are those of d3-celestial (Frohn, BSD-3; positions and magnitudes from Hipparcos), two JSON files in its
`data` folder: `stars.6.json` and `starnames.json`.
"""

import json
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import unit_vectors

STARS, NAMES = "stars.6.json", "starnames.json"
_RAISED = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


@dataclass(frozen=True, slots=True)
class BrightStars:
    """Named stars, brightest first; arrays and tuples of one length n. `note` says why there are none."""

    proper: tuple[str, ...]  # "Dubhe" or ""
    bayer: tuple[str, ...]  # "\u03b1 UMa" (Greek) or ""; a double's part is raised: "\u03b2\u00b9 Sco"
    flamsteed: tuple[str, ...]  # "50 UMa" or ""
    hip: NDArray[np.int32]  # (n,)
    ra: NDArray[np.float64]  # (n,), ICRS degrees, epoch 2000
    dec: NDArray[np.float64]
    vector: NDArray[np.float64]  # (n, 3), unit
    v_mag: NDArray[np.float32]
    note: str = ""

    def __len__(self) -> int:
        return len(self.proper)

    def names(self, index: int) -> tuple[str, ...]:
        """Return a star's names, the best known first."""
        return tuple(n for n in (self.proper[index], self.bayer[index], self.flamsteed[index]) if n)


def no_stars(note: str) -> BrightStars:
    """Return an empty list that says why."""
    empty = np.empty(0)
    return BrightStars((), (), (), np.empty(0, np.int32), empty, empty, np.empty((0, 3)), np.empty(0, np.float32), note)


@lru_cache(maxsize=4)
def bright_stars(folder: Path) -> BrightStars:
    """Read the named stars from d3-celestial's data folder; where they are missing or broken, none and a note."""
    try:
        features = json.loads((folder / STARS).read_text(encoding="utf-8"))["features"]
        names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
        rows = [row for feature in features if (row := _row(feature, names)) is not None]
    except OSError:
        return no_stars("The names of bright stars are not installed; the page assets bring them (npm ci).")
    except (ValueError, KeyError, TypeError, AttributeError):
        return no_stars("The file with the names of bright stars is broken; install the page assets again (npm ci).")
    if not rows:
        return no_stars("The file with the names of bright stars holds none.")
    rows.sort(key=lambda row: row[6])
    proper, bayer, flamsteed, hip, ra, dec, mag = zip(*rows, strict=True)
    return BrightStars(
        proper, bayer, flamsteed, np.array(hip, np.int32), np.array(ra), np.array(dec),
        unit_vectors(ra, dec), np.array(mag, np.float32),
    )  # fmt: skip


def _row(feature: dict[str, Any], names: dict[str, Any]) -> tuple[str, str, str, int, float, float, float] | None:
    name = names.get(str(feature["id"]))
    if name is None:
        return None
    constellation = str(name.get("c") or "").strip()
    proper, letter, number = (str(name.get(key) or "").strip() for key in ("name", "bayer", "flam"))
    bayer = f"{letter[0]}{letter[1:].translate(_RAISED)} {constellation}" if letter and constellation else ""
    flamsteed = f"{number} {constellation}" if number and constellation else ""
    if not (proper or bayer or flamsteed):
        return None
    lon, lat = feature["geometry"]["coordinates"]
    magnitude = float(feature["properties"]["mag"])
    return proper, bayer, flamsteed, int(feature["id"]), float(lon) % 360, float(lat), magnitude


def is_greek(designation: str) -> bool:
    """Say whether a Bayer designation begins with a Greek letter (later ones are Latin)."""
    return bool(designation) and unicodedata.name(designation[0], "").startswith("GREEK")
