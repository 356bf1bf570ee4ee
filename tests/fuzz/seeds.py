"""Small right files of every format, the beginnings of what is spoilt."""

import bz2
import io
import lzma
import re
import tarfile
import warnings
import zipfile
from typing import Any

import numpy as np
from astropy.io import fits
from PIL import Image
from tests.fuzz.mutations import gzipped, zipped
from tests.science.frames.writers import dng, image, xisf

_RNG = np.random.default_rng(1604)
GREY = _RNG.integers(0, 255, (24, 40), np.uint8)
DEEP = (1000 + _RNG.normal(0, 20, (24, 40))).astype(np.uint16)
REAL = _RNG.normal(100, 9, (24, 40)).astype(np.float32)
COLOUR = _RNG.integers(0, 255, (24, 40, 3), np.uint8)
CARDS = {
    "DATE-OBS": "2015-02-19T11:04:00", "EXPTIME": 60.0, "RA": "10:02:00", "DEC": "-12:15:00", "XPIXSZ": 3.76,
    "FOCALLEN": 500, "FILTER": "R", "OBJECT": "M 42", "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP",
    "CRVAL1": 150.5, "CRVAL2": -12.25, "CRPIX1": 20.5, "CRPIX2": 12.5, "CD1_1": -1e-4, "CD1_2": 0.0, "CD2_1": 0.0,
    "CD2_2": 1e-4, "A_ORDER": 2, "A_2_0": 1e-6, "B_ORDER": 2, "B_0_2": 1e-6, "SITELAT": 48.1, "SITELONG": 11.6,
    "EQUINOX": 2000.0, "BAYERPAT": "RGGB", "MJD-OBS": 57072.46, "EGAIN": 1.2,
}  # fmt: skip


def fits_files() -> list[bytes]:
    """Every pixel type, a cube, colours, several HDUs, a table, scaled and blank pixels."""
    table = fits.BinTableHDU.from_columns(
        [fits.Column(n, "E", array=np.arange(1, 30, dtype=np.float32)) for n in ("X", "Y", "FLUX")]
    )
    scaled = fits.ImageHDU(np.arange(960, dtype=np.int16).reshape(24, 40), name="SCI")
    scaled.header["BLANK"] = 5
    return [
        *(_fits([_primary(data)]) for data in (GREY, DEEP, REAL, REAL.astype(float), DEEP.astype(np.int32))),
        _fits([_primary(np.stack([DEEP] * 4))]),
        _fits([_primary(np.moveaxis(COLOUR, -1, 0).copy())]),
        _fits([fits.PrimaryHDU(), table]),
        _fits([fits.PrimaryHDU(), scaled, fits.ImageHDU(REAL, name="SCI", ver=2), table]),
    ]


def tiled_files() -> list[bytes]:
    """Every algorithm of tile compression."""
    kinds = (
        (DEEP, {"compression_type": "RICE_1"}),
        (DEEP, {"compression_type": "GZIP_1"}),
        (DEEP, {"compression_type": "GZIP_2"}),
        (GREY, {"compression_type": "PLIO_1"}),
        (DEEP.astype(np.int16), {"compression_type": "HCOMPRESS_1", "tile_shape": (24, 40)}),
        (REAL, {"compression_type": "RICE_1", "quantize_level": 4}),
        (REAL, {"compression_type": "GZIP_2", "quantize_level": 0}),
        (np.stack([DEEP] * 3), {"compression_type": "RICE_1", "tile_shape": (1, 12, 20)}),
    )
    files = (_fits([fits.PrimaryHDU(), fits.CompImageHDU(data, **options)]) for data, options in kinds)
    # Tiles in gzip carry the time of day, which may not decide about inputs
    return [re.sub(rb"(\x1f\x8b\x08\x00)....", rb"\1\0\0\0\0", content, flags=re.DOTALL) for content in files]


def xisf_files() -> list[bytes]:
    """Every place and compression, colours, several images, keywords and properties."""
    told = "".join(f'<FITSKeyword name="{k}" value="{v}" comment=""/>' for k, v in CARDS.items())
    told += '<Property id="Observation:Time:Start" type="TimePoint" value="2015-02-19T11:04:00Z"/>'
    out = [xisf(image(DEEP, compression=c, inside=told)) for c in ("", "zlib+sh", "lz4", "lz4hc+sh", "zstd+sh")]
    out += [xisf(image(DEEP, place=p, compression="zlib")) for p in ("inline:base64", "inline:hex", "embedded:base64")]
    out.append(xisf(image(DEEP, compression="zstd+sh", parts=3), image(np.moveaxis(COLOUR, -1, 0).copy(), normal=True)))
    return out


def raw_files() -> list[bytes]:
    """A camera's raw file."""
    return [dng(DEEP), dng(np.tile(DEEP, (2, 2)))]


def tiff_files() -> list[bytes]:
    """Grey, colours, float, pages, compressions."""
    pages = [Image.fromarray(GREY) for _ in range(3)]
    out = [
        _picture(a, "TIFF", compression=c) for a in (GREY, COLOUR, REAL) for c in ("raw", "tiff_lzw", "tiff_deflate")
    ]
    out += [
        _picture(DEEP, "TIFF"),
        _picture(GREY, "TIFF", compression="jpeg"),
        _picture(GREY > 99, "TIFF", compression="group4"),
    ]
    many = io.BytesIO()
    pages[0].save(many, "TIFF", save_all=True, append_images=pages[1:])
    return [*out, many.getvalue()]


def png_files() -> list[bytes]:
    """Grey, colours, 16 bits, alpha, a palette."""
    out = [_picture(a, "PNG") for a in (GREY, COLOUR, DEEP, np.dstack([COLOUR, GREY]))]
    palette = io.BytesIO()
    Image.fromarray(COLOUR).quantize(16).save(palette, "PNG")
    return [*out, palette.getvalue()]


def jpeg_files() -> list[bytes]:
    """Plain, progressive, with EXIF."""
    tags = Image.Exif()
    tags[0x0110], tags[0x0132] = "Camera", "2015:02:19 11:04:00"
    tags.get_ifd(0x8769)[0x9003] = "2015:02:19 11:04:00"
    tags.get_ifd(0x8825)[2] = (48.0, 8.0, 0.0)
    return [
        _picture(GREY, "JPEG"), _picture(COLOUR, "JPEG", progressive=True),
        _picture(COLOUR, "JPEG", exif=tags.tobytes())
    ]  # fmt: skip


def gif_files() -> list[bytes]:
    """One page, and three."""
    pages = [Image.fromarray(np.roll(GREY, n, 0)) for n in range(3)]
    many = io.BytesIO()
    pages[0].save(many, "GIF", save_all=True, append_images=pages[1:])
    return [_picture(GREY, "GIF"), many.getvalue()]


def packed_files() -> list[bytes]:
    """Containers around a FITS and a PNG."""
    inner = [fits_files()[1], png_files()[0]]
    return [pack(body) for body in inner for pack in (gzipped, bz2.compress, zipped)] + [gzipped(zipped(inner[1]))]


def lists() -> list[bytes]:
    """Text lists of sources."""
    rows = [f"{x:.2f} {y:.2f} {f:.0f}" for x, y, f in np.random.default_rng(7).uniform(1, 900, (40, 3))]
    return ["\n".join(rows).encode(), ("# x y flux\n" + "\n".join(r.replace(" ", ",") for r in rows)).encode()]


def _primary(data: Any) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(CARDS)
    return hdu


def _fits(hdus: list[Any]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(hdus).writeto(out, output_verify="silentfix")
    return out.getvalue()


def _picture(array: Any, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, form, **options)
    return out.getvalue()


def archives() -> list[bytes]:
    """Tar archives, plain and compressed, and a zip of several files."""
    members = {"a.fits": fits_files()[1], "b/c.png": png_files()[0], "n" * 120: b"1 2\n3 4\n"}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    several = io.BytesIO()
    with zipfile.ZipFile(several, "w", zipfile.ZIP_DEFLATED) as zipped_files:
        for name, body in members.items():
            zipped_files.writestr(zipfile.ZipInfo(name), body)
    tar = plain.getvalue()
    return [tar, gzipped(tar), bz2.compress(tar), lzma.compress(tar), several.getvalue()]
