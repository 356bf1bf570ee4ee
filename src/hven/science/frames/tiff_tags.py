"""The first directory of a TIFF (TIFF 6.0, and BigTIFF), read without decoding a pixel."""

import struct

SHORT, LONG, LONG8 = 3, 4, 16
_FORMATS = {SHORT: "H", LONG: "I", LONG8: "Q"}
WIDTH, HEIGHT, SUBFILE, MAKE, SUB_IFDS, DNG_VERSION = 256, 257, 254, 271, 330, 0xC612
COMPRESSION, PHOTOMETRIC = 259, 262
TILE_WIDTH, TILE_LENGTH = 322, 323
COLOUR_FILTER_ARRAY = 32803
MAKERS_OWN = frozenset(
    {32767, 32769, 32770, 34713, 65000, 65535}
)  # compressions of Sony, Samsung, Nikon, Kodak, Pentax
MAX_ENTRIES = 1000


def directory_offset(head: bytes) -> int | None:
    """Return where the first directory begins; None for bytes that begin no TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    try:
        if order is None:
            return None
        if struct.unpack_from(f"{order}H", head, 2)[0] == 43:
            return int(struct.unpack_from(f"{order}Q", head, 8)[0])
        return int(struct.unpack_from(f"{order}I", head, 4)[0])
    except struct.error:
        return None


def first_values(head: bytes, directory: bytes) -> dict[int, int | None]:
    """Return tag -> first value of a directory's entries; None for a value that is not a whole number in place.

    `directory` begins at the directory's offset; entries beyond its end are left out.
    """
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack_from(f"{order}H", head.ljust(4, b"\0"), 2)[0] == 43
    count_format, entry, value_at = ("Q", 20, 12) if big else ("H", 12, 8)
    found: dict[int, int | None] = {}
    try:
        count = struct.unpack_from(order + count_format, directory, 0)[0]
        start = struct.calcsize(order + count_format)
        for i in range(min(count, MAX_ENTRIES)):
            at = start + i * entry
            tag, kind = struct.unpack_from(f"{order}HH", directory, at)
            form = _FORMATS.get(kind)
            found[tag] = None if form is None else int(struct.unpack_from(order + form, directory, at + value_at)[0])
    except struct.error:
        pass
    return found
