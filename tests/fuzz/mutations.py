"""Ways of spoiling a file that leave enough of it right to get deep into a reader."""

import bz2
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

NUMBERS = (
    0, 1, 2, 3, -1, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 99999, 2**24, 2**31 - 1, 2**31, 2**32 - 1,
    2**32, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
WORDS = (
    "0", "1", "-1", "2", "3", "16", "-32", "-64", "99999999999", "1e308", "-1e308", "1e999", "nan", "inf", "T", "F", "",
    "' '", "''", "'", "9" * 70, "0.0", "-0.0", "1D400", "RICE_1", "'GZIP_1'", "'HCOMPRESS_1'", "'PLIO_1'", "'IMAGE'",
    "'BINTABLE'", "'RA---TAN'", "'RA---TAN-SIP'", "'DEC--TAN'", "2147483647", "32768", "1:2:3", "zlib:9999", "UInt64",
    "Float64", "attachment:16:99999999", "inline:hex", "embedded", "Complex32", "1,1:1,1", "\x00", "é", "&amp;",
)  # fmt: skip
MAX_BYTES = 400_000


def flipped(content: bytes, random: Random) -> bytes:
    """Change single bytes."""
    out = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        if out:
            out[random.randrange(len(out))] = random.choice((0, 255, 127, 128, random.randrange(256)))
    return bytes(out)


def numbered(content: bytes, random: Random) -> bytes:
    """Put a telling number somewhere, in either byte order."""
    size, letter = random.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    if len(content) < size:
        return content
    at = random.randrange(min(len(content) - size + 1, random.choice((64, 1024, len(content)))))
    number = random.choice(NUMBERS) & (2 ** (8 * size) - 1)
    return content[:at] + struct.pack(random.choice("<>") + letter, number) + content[at + size :]


def cut(content: bytes, random: Random) -> bytes:
    """Truncate, delete, repeat or move a stretch."""
    if not content:
        return content
    first, last = sorted((random.randrange(len(content) + 1), random.randrange(len(content) + 1)))
    last = min(last, first + random.choice((1, 16, 80, 2880, 10_000)))
    piece = content[first:last]
    kind = random.randrange(4)
    if kind == 0:
        return content[:first]
    if kind == 1:
        return content[:first] + content[last:]
    if kind == 2:
        return content[:last] + piece * random.choice((1, 3, 50)) + content[last:]
    at = random.randrange(len(content))
    return content[:at] + piece + content[at:]


def noise(content: bytes, random: Random) -> bytes:
    """Overwrite a stretch with noise, often all behind the first bytes."""
    at = random.choice((0, 8, 16, 512, random.randrange(len(content) + 1)))
    length = random.choice((8, 64, 1024, len(content)))
    return content[:at] + random.randbytes(min(length, max(0, len(content) - at))) + content[at + length :]


def cards(content: bytes, random: Random) -> bytes:
    """Change the value of a FITS card, or repeat, drop or move cards."""
    count = min(len(content) // 80, 400)
    if not count:
        return content
    at = 80 * random.randrange(count)
    line = content[at : at + 80]
    kind = random.randrange(6)
    if kind < 4 and line[8:9] == b"=":
        word = random.choice(WORDS) if random.random() < 0.7 else str(random.choice(NUMBERS))
        line = (line[:10] + word.rjust(20).encode("utf-8")).ljust(80)[:80]
    elif kind == 4:
        other = 80 * random.randrange(count)
        line = content[other : other + 80]
    else:
        keyword = random.choice(("CONTINUE  'more&'", "HIERARCH a b = 'c", "END", "COMMENT x", "=" * 80, "ZIMAGE  = T"))
        line = keyword.encode().ljust(80)[:80]
    return content[:at] + line + content[at + 80 :]


def hdus(content: bytes, random: Random) -> bytes:
    """Repeat blocks of a FITS file, many times now and then."""
    blocks = len(content) // 2880
    if not blocks:
        return content
    at = 2880 * random.randrange(blocks)
    block = content[at : at + 2880 * random.choice((1, 2))]
    return (content + block * random.choice((1, 2, 40)))[:MAX_BYTES]


def attributes(content: bytes, random: Random) -> bytes:
    """Change an attribute or a tag in the XML of an XISF, and make its length right again."""
    length = min(struct.unpack_from("<I", content.ljust(16, b"\0"), 8)[0], len(content))
    header = content[16 : 16 + length].decode("utf-8", "replace")
    found = list(re.finditer(r'"[^"]*"', header[:20_000]))
    if found and random.random() < 0.8:
        match = random.choice(found)
        old = match[0][1:-1]
        new = random.choice(
            (random.choice(WORDS), str(random.choice(NUMBERS)), old + old, old[:-1], old.replace(":", ""))
        )
        new = new.replace('"', "").replace("\x00", "")
        header = f'{header[: match.start()]}"{new}"{header[match.end() :]}'
    else:
        at = random.randrange(len(header) + 1)
        extra = random.choice(
            ("<Image>", "<Data/>", "</xisf>", "<!DOCTYPE a>", "<![CDATA[", "&lol;", "<a " + 'b="" ' * 9 + "/>")
        )
        header = header[:at] + extra + header[at:]
    raw = header.encode("utf-8", "replace")
    body = content[16 + length :]
    pad = length - len(raw)  # what is attached stays where it is
    body = b"\0" * pad + body if pad >= 0 else body[-pad:] if body[:-pad].strip(b"\0") == b"" else body
    claimed = len(raw) if random.random() < 0.9 else random.choice(NUMBERS) & 0xFFFFFFFF
    return b"XISF0100" + struct.pack("<II", claimed, 0) + raw + body


def entries(content: bytes, random: Random) -> bytes:
    """Change an entry of a TIFF directory, or where the next directory lies."""
    order = "<" if content[:2] == b"II" else ">"
    out = bytearray(content)
    try:
        at = struct.unpack_from(f"{order}I", out, 4)[0]
        for _ in range(random.randrange(3)):  # now and then a later directory
            count = struct.unpack_from(f"{order}H", out, at)[0]
            after = struct.unpack_from(f"{order}I", out, at + 2 + 12 * count)[0]
            at = after or at
        count = struct.unpack_from(f"{order}H", out, at)[0]
        kind = random.randrange(8)
        entry = at + 2 + 12 * random.randrange(max(1, count))
        if kind == 0:
            struct.pack_into(f"{order}I", out, at + 2 + 12 * count, random.choice((8, at, random.randrange(len(out)))))
        elif kind == 1:
            struct.pack_into(
                f"{order}H", out, entry, random.choice((254, 256, 258, 259, 262, 277, 322, 330, 34665, 50706))
            )
        elif kind == 2:
            struct.pack_into(f"{order}H", out, entry + 2, random.choice((0, 1, 2, 3, 4, 5, 7, 12, 13, 16, 99)))
        elif kind == 3:
            struct.pack_into(f"{order}I", out, entry + 4, random.choice(NUMBERS) & 0xFFFFFFFF)
        elif kind == 4:
            struct.pack_into(f"{order}H", out, at, random.choice(NUMBERS) & 0xFFFF)
        else:
            number = random.choice((*NUMBERS, 8, at, entry, len(out), 32773, 34712, 50000))
            struct.pack_into(f"{order}I", out, entry + 8, number & 0xFFFFFFFF)
    except struct.error:
        return flipped(content, random)
    return bytes(out)


def chunks(content: bytes, random: Random) -> bytes:
    """Change a chunk of a PNG, its checksum made right again."""
    parts, at = [], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        parts.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    if not parts:
        return flipped(content, random)
    n = random.randrange(len(parts))
    name, body = parts[n]
    kind = random.randrange(5)
    if kind == 0:
        parts.insert(random.randrange(len(parts)), (name, body))
    elif kind == 1:
        parts.pop(n)
    elif kind == 2:
        new = random.choice((b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"acTL", b"tRNS", b"PLTE", b"IHDR"))
        parts.insert(n, (new, random.randbytes(random.choice((0, 8, 13, 200)))))
    else:
        parts[n] = (name, random.choice((flipped, numbered, cut))(body, random))
    return content[:8] + b"".join(
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts
    )


def segments(content: bytes, random: Random) -> bytes:
    """Change a segment of a JPEG: its length, its body, its place."""
    places, at = [], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        places.append(at)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    if not places:
        return flipped(content, random)
    start = random.choice(places)
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    segment = content[start:end]
    kind = random.randrange(4)
    if kind == 0:
        return content[:start] + segment * random.choice((2, 30)) + content[end:]
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2:
        return content[: start + 2] + struct.pack(">H", random.choice(NUMBERS) & 0xFFFF) + content[start + 4 :]
    return content[: start + 4] + numbered(segment[4:], random) + content[end:]


def words(content: bytes, random: Random) -> bytes:
    """Change a word of a text."""
    parts = re.split(rb"(\s+|,)", content)
    n = random.randrange(len(parts))
    parts[n] = random.choice((*(w.encode() for w in WORDS), b"1" * 5000, b"#", b"\r", b"\t" * 50, parts[n] * 3))
    return b"".join(parts)


def repacked(pack: Callable[[bytes], bytes], inner: tuple[Mutation, ...]) -> Mutation:
    """Return a mutation of what lies within a container."""

    def mutate(content: bytes, random: Random) -> bytes:
        try:
            body = _unpacked(content)
        except Exception:  # noqa: BLE001 - already spoilt, and zipfile may say so in any way
            return flipped(content, random)
        return pack(random.choice(inner)(body, random))

    return mutate


def zipped(body: bytes) -> bytes:
    """Return a zip of one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.fits"), body)
    return out.getvalue()


def gzipped(body: bytes) -> bytes:
    """Return a gzip without the time of day."""
    return gzip.compress(body, 1, mtime=0)


def _unpacked(content: bytes) -> bytes:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(archive.namelist()[0])
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else bz2.decompress(content)


ANY: tuple[Mutation, ...] = (flipped, numbered, cut, noise)


def mutated(content: bytes, mutations: tuple[Mutation, ...], random: Random) -> bytes:
    """Return a file spoilt in one to four ways: mostly those of its format, now and then any."""
    for _ in range(random.choice((1, 1, 2, 2, 4))):
        content = random.choice(mutations if random.random() < 0.75 else ANY)(content, random)[:MAX_BYTES]
    return content
