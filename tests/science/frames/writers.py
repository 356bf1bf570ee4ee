"""Writers of formats that no library at hand writes: XISF and a camera's raw file."""

import base64
import hashlib
import struct
import zlib

import lz4.block
import numpy as np
import zstandard

SAMPLES = {"u1": "UInt8", "u2": "UInt16", "u4": "UInt32", "u8": "UInt64", "f4": "Float32", "f8": "Float64"}
PACKERS = {
    "zlib": zlib.compress,
    "lz4": lambda raw: lz4.block.compress(raw, store_size=False),
    "lz4hc": lambda raw: lz4.block.compress(raw, mode="high_compression", store_size=False),
    "zstd": lambda raw: zstandard.ZstdCompressor().compress(raw),
}


def shuffled(raw: bytes, size: int) -> bytes:
    whole = len(raw) // size * size
    return np.frombuffer(raw[:whole], np.uint8).reshape(-1, size).T.tobytes() + raw[whole:]


def image(data, *, place="attachment", compression="", parts=0, big=False, normal=False, attributes="", inside=""):
    """Return what `xisf` takes: the element with {at} for the place of its block, and the block.

    `data` is (height, width) or (channels, height, width).
    """
    planes = data if data.ndim == 3 else data[None]
    stored = np.moveaxis(planes, 0, -1) if normal else planes
    raw = np.ascontiguousarray(stored, planes.dtype.newbyteorder(">" if big else "<")).tobytes()
    text = ""
    if compression:
        codec, _, shuffle = compression.partition("+")
        size = planes.dtype.itemsize
        text = f'compression="{compression}:{len(raw)}' + (f':{size}"' if shuffle else '"')
        raw = shuffled(raw, size) if shuffle else raw
        if parts:
            step = -(-len(raw) // parts)
            pieces = [raw[at : at + step] for at in range(0, len(raw), step)]
            packed = [PACKERS[codec](piece) for piece in pieces]
            packed = [p if len(p) < len(piece) else piece for p, piece in zip(packed, pieces, strict=True)]
            sizes = ":".join(f"{len(p)},{len(piece)}" for p, piece in zip(packed, pieces, strict=True))
            text += f' subblocks="{sizes}"'
            raw = b"".join(packed)
        else:
            raw = PACKERS[codec](raw)
    channels, height, width = planes.shape
    head = (
        f'geometry="{width}:{height}:{channels}" sampleFormat="{SAMPLES[planes.dtype.str[1:]]}"'
        f' colorSpace="{"RGB" if channels >= 3 else "Gray"}" {attributes}'
        + (' pixelStorage="Normal"' if normal else "")
        + (' byteOrder="big"' if big and place != "embedded" else "")
    )
    if place == "attachment":
        return f'<Image {head} {text} location="attachment:{{at}}:{len(raw)}">{inside}</Image>', raw
    kind, _, encoding = place.partition(":")
    body = raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()
    if kind == "inline":
        return f'<Image {head} {text} location="inline:{encoding}">{body}{inside}</Image>', b""
    order = ' byteOrder="big"' if big else ""
    block = f'<Data encoding="{encoding}" {text}{order}>{body}</Data>'
    return f'<Image {head} location="embedded">{block}{inside}</Image>', b""


def xisf(*images, more="", namespace=True, prolog=""):
    """Return a monolithic XISF file of what `image` gave; `prolog` goes before the root element."""
    name = ' xmlns="http://www.pixinsight.com/xisf"' if namespace else ""
    blocks = b""
    start = 65536
    bodies = []
    for element, raw in images:
        bodies.append(element.replace("{at}", str(start + len(blocks))))
        blocks += raw
    body = "".join(bodies)
    root = f'<xisf version="1.0"{name}>{body}{more}</xisf>'
    header = f'<?xml version="1.0" encoding="UTF-8"?>{prolog}{root}'.encode()
    if not blocks:
        return b"XISF0100" + struct.pack("<II", len(header), 0) + header
    assert len(header) < start - 16
    return (b"XISF0100" + struct.pack("<II", len(header), 0) + header).ljust(start, b"\0") + blocks


def sha1(raw: bytes) -> str:
    return f'checksum="sha-1:{hashlib.sha1(raw, usedforsecurity=False).hexdigest()}"'


def dng(mosaic, *, pattern=b"\x00\x01\x01\x02", exposure=(30, 1), focal=(200, 1), extra=()):
    """Return a DNG (version 1.4, one strip, not compressed) of a uint16 mosaic, with EXIF and a GPS directory."""
    height, width = mosaic.shape
    data = mosaic.astype("<u2").tobytes()
    one, none = (1, 1), (0, 1)
    exif = [(33434, 5, [exposure]), (34855, 3, [800]), (36867, 2, b"2024:03:04 05:06:07\0"), (37386, 5, [focal])]
    gps = [(1, 2, b"N\0"), (2, 5, [(51, 1), (30, 1), none])]
    main = [
        (254, 4, [0]), (256, 4, [width]), (257, 4, [height]), (258, 3, [16]), (259, 3, [1]), (262, 3, [32803]),
        (271, 2, b"Acme\0"), (272, 2, b"Sky 1\0"), (273, 4, [0]), (274, 3, [1]), (277, 3, [1]), (278, 4, [height]),
        (279, 4, [len(data)]), (284, 3, [1]), (33421, 3, [2, 2]), (33422, 1, list(pattern)), (34665, 4, [0]),
        (34853, 4, [0]), (50706, 1, [1, 4, 0, 0]), (50708, 2, b"Acme Sky 1\0"), (50714, 4, [64]), (50717, 4, [65535]),
        (50721, 10, [one, none, none, none, one, none, none, none, one]), (50728, 5, [(1, 2), one, (1, 2)]),
        (50778, 3, [21]), *extra,
    ]  # fmt: skip
    sizes = [_directory(entries, 0)[1] for entries in (main, exif, gps)]
    places = [8, 8 + sizes[0], 8 + sizes[0] + sizes[1]]
    data_at = 8 + sum(sizes)
    places_of = {273: data_at, 34665: places[1], 34853: places[2]}
    main = [(tag, kind, [places_of[tag]] if tag in places_of else value) for tag, kind, value in main]
    blocks = [_directory(e, at)[0] for e, at in zip((main, exif, gps), places, strict=True)]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(blocks) + data


def _directory(entries, at):
    """Return a TIFF directory that lies at `at`, and its length."""
    out, more = struct.pack("<H", len(entries)), b""
    after = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries, key=lambda entry: entry[0]):
        if kind == 2:
            raw, count = value, len(value)
        elif kind in {5, 10}:
            raw, count = b"".join(struct.pack("<II", *pair) for pair in value), len(value)
        else:
            raw, count = (
                struct.pack(f"<{len(value)}{'B' if kind == 1 else 'H' if kind == 3 else 'I'}", *value),
                len(value),
            )
        if len(raw) > 4:
            out += struct.pack("<HHII", tag, kind, count, after + len(more))
            more += raw + b"\0" * (len(raw) & 1)
        else:
            out += struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0")
    out += struct.pack("<I", 0) + more
    return out, len(out)
