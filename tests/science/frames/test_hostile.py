"""Files made to exhaust a reader: each is refused, or read, at a cost that the limits bound."""

import bz2
import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hven.errors import HvenError, Invalid, TooLarge
from hven.science.frames import read as reading
from hven.science.frames.cards import parse_cards
from hven.science.frames.limits import MIB, Limits
from hven.science.frames.read import planes, read_frame
from hven.science.frames.tiff_survey import check_exif, survey
from hven.science.stars.subject import read_subject


def read(content: bytes, **kwargs):
    return read_frame(io.BytesIO(content), **kwargs)


@pytest.fixture
def peak():
    """Call something that must be refused; return the error and the most bytes of Python's that it took."""

    def call(function, *arguments, **kwargs):
        tracemalloc.start()
        try:
            with pytest.raises(HvenError) as caught:
                function(*arguments, **kwargs)
            return caught.value, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return call


# --- FITS -------------------------------------------------------------------------------------------------


def test_only_so_many_hdus_are_looked_at_by_any_reader(tmp_path, header_block, peak):
    extension = header_block("XTENSION= 'IMAGE   '", "BITPIX  =                    8", "NAXIS   =                    0")
    primary = header_block(
        "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"
    )
    path = tmp_path / "many.fits"
    path.write_bytes(primary + extension * 20_000)
    with pytest.raises(Invalid, match="Only the first 1000 HDUs"):
        read_frame(path)
    assert len(planes(path)) == 1000
    with pytest.raises(Invalid, match="no image"):
        read_subject(path)
    assert len(planes(path, limits=Limits(max_hdus=7))) == 7


def test_a_header_of_nothing_but_continuations_is_read_in_time_that_grows_with_it():
    lines = ["LONG    = 'a&'"] + ["CONTINUE  'bcdefghijklmnopqrstuvwxyz&' / x"] * 40_000
    (card,) = parse_cards("".join(line.ljust(80) for line in lines).encode())
    assert len(card.value) == 1 + 25 * 40_000 + 1  # the last & stays: nothing follows it


@pytest.mark.parametrize("axes", [10_000_000, 999])
def test_an_image_of_many_axes_is_refused(tmp_path, header_block, axes):
    path = tmp_path / "axes.fits"
    path.write_bytes(
        header_block("SIMPLE  =                    T", "BITPIX  =                    8", f"NAXIS   = {axes:20d}")
        + bytes(2880)
    )
    for function in (read_frame, planes, read_subject):
        with pytest.raises(Invalid, match=r"axes|axis"):
            function(path)


def test_a_tile_that_unpacks_to_more_than_its_pixels_is_refused(fits_bytes, peak):
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    stream = bomb.compress(bytes(16 * MIB)) + bomb.flush()
    hdu = fits.CompImageHDU(
        np.arange(600, dtype=np.int32).reshape(20, 30), compression_type="GZIP_1", tile_shape=(20, 30)
    )
    content = bytearray(fits_bytes(hdus=[fits.PrimaryHDU(), hdu]))
    data_at = 2880 + content[2880:].index(b"END" + b" " * 77) // 2880 * 2880 + 2880
    at = data_at + 8  # the heap, behind the one row of length and offset
    struct.pack_into(">II", content, data_at, len(stream), 0)
    content[at:] = stream
    header = bytes(content[:data_at])
    start = header.index(b"PCOUNT  =")
    header = header[: start + 10] + str(len(stream)).rjust(20).encode() + header[start + 30 :]
    error, taken = peak(read, header + bytes(content[data_at:]).ljust(-(-(len(stream) + 8) // 2880) * 2880, b"\0"))
    assert "more than its pixels" in str(error)
    assert taken < 12 * MIB


# --- TIFF, EXIF, JPEG, GIF --------------------------------------------------------------------------------


def directory(entries, following=0):
    return (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", following)
    )


def test_tags_that_all_point_to_the_whole_file_are_refused(peak):
    size = 2 * MIB
    entries = [(256, 3, 1, 4), (257, 3, 1, 4), *((40_000 + n, 1, size - 8, 8) for n in range(5000))]
    bomb = (b"II*\0\x08\0\0\0" + directory(entries)).ljust(size, b"\0")
    for function in (read_frame, planes):
        error, taken = peak(function, io.BytesIO(bomb))
        assert "claim more bytes" in str(error)
        assert taken < 8 * MIB
    with pytest.raises(Invalid, match="claim more bytes"):
        check_exif(b"Exif\0\0" + bomb, Limits())


def test_exif_of_many_segments_is_refused_before_it_is_read(picture_bytes, peak):
    picture = picture_bytes(np.zeros((20, 20), np.uint8), "JPEG")
    tags = b"II*\0\x08\0\0\0" + directory([(40_000 + n, 1, 3_000_000, 8) for n in range(5000)])
    body = tags.ljust(3 * MIB, b"\0")
    parts = [body[at : at + 65_000] for at in range(0, len(body), 65_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 8) + b"Exif\0\0" + p for p in parts)
    error, taken = peak(read, picture[:2] + segments + picture[2:])
    assert "claim more bytes" in str(error)
    assert taken < 24 * MIB


def test_a_chain_of_directories_is_followed_to_the_limit_and_a_ring_but_once():
    one = directory([(256, 3, 1, 4), (257, 3, 1, 4)])
    chain = b"II*\0\x08\0\0\0"
    for n in range(3000):
        chain += one[:-4] + struct.pack("<I", 8 + (n + 1) * len(one))
    assert survey(io.BytesIO(chain), Limits()) == 1000
    assert survey(io.BytesIO(chain), Limits(max_pages=5)) == 5
    ring = b"II*\0\x08\0\0\0" + one[:-4] + struct.pack("<I", 8)
    assert survey(io.BytesIO(ring), Limits()) == 1


def test_a_jpeg_of_ten_thousand_passes_is_refused(picture_bytes):
    picture = picture_bytes(np.zeros((4000, 4000), np.uint8), "JPEG", progressive=True)
    scan = picture[picture.rindex(b"\xff\xda") : -2]
    with pytest.raises(TooLarge, match="passes"):
        read(picture[:-2] + scan * 10_000 + picture[-2:])
    assert read(picture).data.shape == (4000, 4000)


def test_a_gif_of_a_great_screen_is_refused_before_a_page_is_drawn(peak):
    out = io.BytesIO()
    page = Image.fromarray(np.zeros((20, 20), np.uint8))
    page.save(out, "GIF", save_all=True, append_images=[Image.fromarray(np.full((20, 20), 9, np.uint8))] * 3)
    content = bytearray(out.getvalue())
    content[6:10] = struct.pack("<HH", 65_535, 65_535)
    error, taken = peak(read, bytes(content), plane=2)
    assert isinstance(error, TooLarge)
    assert taken < MIB


# --- containers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [lambda b: gzip.compress(b, mtime=0), bz2.compress])
def test_a_file_of_a_great_many_empty_streams_is_refused(pack):
    with pytest.raises(TooLarge, match="streams"):
        read(pack(b"") * 100_001)


@pytest.mark.parametrize("pack", [lambda b: gzip.compress(b, mtime=0), bz2.compress])
def test_several_streams_and_padding_are_read_as_one_file(pack, rng, fits_bytes):
    data = rng.integers(0, 65535, (200, 300), np.uint16)
    content = fits_bytes(data)
    pieces = [content[at : at + 10_000] for at in range(0, len(content), 10_000)]
    for padding in (b"", b"\0" * 5000):
        np.testing.assert_array_equal(read(b"".join(map(pack, pieces)) + padding).data, data)
    with pytest.raises(Invalid, match="cut short"):
        read(b"".join(map(pack, pieces))[:-20])


def test_a_zip_whose_long_end_record_counts_millions_is_refused(fits_bytes):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.fits", fits_bytes(np.zeros((20, 20), np.uint8)))
    content = out.getvalue()
    end = content.rindex(b"PK\x05\x06")
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 5_000_000, 5_000_000, 1 << 29, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    assert read(content).data.shape == (20, 20)
    with pytest.raises(Invalid, match=r"damaged|more than 1,000 files"):
        read(content[:end] + record + locator + content[end:])


def test_what_a_header_says_is_repeated_without_its_control_characters(header_block):
    lines = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2")
    head = header_block(*lines, "NAXIS1  = a\x1b[31m\nb", "NAXIS2  = 3")
    with pytest.raises(Invalid, match="NAXIS1") as caught:
        read(head + bytes(2880))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("columns", [2**31 - 1, 0])
def test_a_table_of_two_thousand_million_columns_is_refused(fits_bytes, columns):
    hdu = fits.CompImageHDU(np.zeros((20, 30), np.int16), compression_type="RICE_1")
    content = fits_bytes(hdus=[fits.PrimaryHDU(), hdu])
    at = content.index(b"TFIELDS =")
    with pytest.raises(Invalid, match="no valid table"):
        read(content[: at + 10] + str(columns).rjust(20).encode() + content[at + 30 :])


# --- the net under all ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "word"), [(MemoryError(), "memory"), (RecursionError(), "foresee")])
def test_what_no_reader_foresaw_becomes_a_sentence(monkeypatch, fits_bytes, error, word):
    def fail(*_):
        raise error

    monkeypatch.setattr(reading, "read_fits", fail)
    with pytest.raises(Invalid, match=word):
        read(fits_bytes(np.zeros((20, 20), np.uint8)))
