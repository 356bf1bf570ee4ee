"""The XML header of an XISF file, read with hard bounds.

XISF 1.0, sections 9 and 11 (monolithic files). expat builds no tree of its own; a document type is refused, and with
it every entity that a hostile header could define.
"""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits

SIGNATURE = b"XISF0100"
PREFIX_BYTES = 16  # the signature, the header's length (little-endian uint32), four reserved bytes
MAX_HEADER_MULTIPLE = 16  # times max_header_bytes: pixels may lie in the header itself
MAX_ELEMENTS = 100_000
MAX_DEPTH = 32
MAX_ATTRIBUTES = 64  # of one element
_CHUNK = 1 << 16


@dataclass(slots=True)
class Element:
    """One element of the header: its name without a namespace, attributes, text and children."""

    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The character data directly within the element."""
        return "".join(self.parts)

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def all(self, name: str) -> list["Element"]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Element | None":
        """Return the first child of a name."""
        return next((child for child in self.children if child.name == name), None)


def read_header(source: BinaryIO, size: int, limits: Limits) -> Element:
    """Return the root element of a monolithic XISF file of `size` bytes.

    Raises
    ------
    Invalid
        The header is cut short, not well-formed, no XISF, or defines a document type.
    TooLarge
        It is longer or holds more than is read.
    """
    source.seek(0)
    prefix = source.read(PREFIX_BYTES)
    if len(prefix) < PREFIX_BYTES or not prefix.startswith(SIGNATURE):
        raise Invalid("The XISF file is cut short: its header is missing.")
    length = int(struct.unpack_from("<I", prefix, 8)[0])
    if length > size - PREFIX_BYTES:
        raise Invalid(f"The XISF file is cut short: its header has {length:,} bytes, the whole file {size:,}.")
    if length > MAX_HEADER_MULTIPLE * limits.max_header_bytes:
        raise TooLarge(f"The XISF header is longer than {MAX_HEADER_MULTIPLE * limits.max_header_bytes:,} bytes.")
    builder = _Builder()
    try:
        builder.feed(source.read(length).rstrip(b"\0"))
    except expat.ExpatError as error:
        raise Invalid(f"The header of the XISF file is no well-formed XML ({error!s:.120}).") from error
    except (UnicodeError, ValueError) as error:
        raise Invalid("The header of the XISF file is no UTF-8 text.") from error
    if builder.root is None or builder.root.name != "xisf":
        raise Invalid("The header of the XISF file describes no XISF unit.")
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        # The standard demands UTF-8; some writers declare names of it that expat does not know
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self._parser = parser

    def feed(self, content: bytes) -> None:
        # In one piece: older expat looks at an unfinished token again with every piece
        self._parser.Parse(content, True)

    @staticmethod
    def _refuse(*_: object) -> None:
        raise Invalid("The header of the XISF file defines a document type or entities, which no XISF file needs.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise TooLarge(f"The header of the XISF file holds more than {MAX_ELEMENTS:,} elements.")
        if len(self._open) >= MAX_DEPTH:
            raise TooLarge(f"The header of the XISF file is nested more than {MAX_DEPTH} levels deep.")
        if len(attributes) > MAX_ATTRIBUTES:
            raise TooLarge(f"An element of the XISF file's header has more than {MAX_ATTRIBUTES} attributes.")
        element = Element(name.rpartition(":")[2], attributes)
        if self._open:
            self._open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].parts.append(text)
