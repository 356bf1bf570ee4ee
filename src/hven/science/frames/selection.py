"""Choosing one plane of a file that holds several, and saying which there are."""

import re
from dataclasses import dataclass

from hven.errors import Invalid

_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plane:
    """One thing in a file that a user may choose."""

    index: str  # what to say to choose it
    name: str  # EXTNAME (and EXTVER), or an image's id; empty where it has none
    shape: tuple[int, ...]  # as numpy has it: planes first, then height and width; empty where it is no array
    dtype: str  # numpy's name of the type of the stored values
    kind: str  # image, colour, cube, table, spectrum, empty, unreadable
    note: str = ""  # why it cannot be chosen

    @property
    def is_usable(self) -> bool:
        """True where `read_frame` can be asked for it."""
        return self.kind in {"image", "colour", "cube"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asked for, in parts: "2", "SCI", "SCI,2", "1:3", "SCI,2:3", ":3"."""

    unit: str | None = None  # number or name of the HDU, page or image, in capitals
    version: int | None = None  # EXTVER
    plane: int | None = None  # of a cube, counted from 1

    @property
    def is_default(self) -> bool:
        """True where nothing was asked for."""
        return self.unit is None and self.plane is None

    def fits(self, index: int, name: str, version: int = 1) -> bool:
        """Say whether the thing of this number, name and version is meant; a name that is a number is a number."""
        if self.unit is None:
            return True
        if self.version is not None:
            return self.unit == name.upper() and self.version == version
        return self.unit in {str(index), name.upper()}


def parse_selection(text: str | int | None) -> Selection:
    """Take a user's choice apart.

    Raises
    ------
    Invalid
        It is written in no way that is known.
    """
    if text is None or not str(text).strip():
        return Selection()
    match = re.fullmatch(r"\s*([^:]*?)\s*(?::\s*(\d{1,9})\s*)?", str(text)[:200], re.ASCII)
    if match is None:
        raise Invalid(
            f"There is no plane {str(text)!r:.40}: write the number or name of an HDU, page or image, and :n for the"
            " n-th plane of a cube, counted from 1."
        )
    unit, plane = match[1].upper(), int(match[2]) if match[2] else None
    if plane == 0:
        raise Invalid("There is no plane 0: planes of a cube are counted from 1.")
    name, comma, version = unit.rpartition(",")
    if comma and version.strip().isdecimal() and version.isascii() and int(version) < _MOST:
        return Selection(name.strip(), int(version), plane)
    return Selection(unit or None, None, plane)
