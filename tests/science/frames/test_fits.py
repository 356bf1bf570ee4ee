"""FITS: what astropy writes is read the same; what cannot be is refused before memory is taken."""

import io
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.read import read_frame


def read(content: bytes, **kwargs):
    return read_frame(io.BytesIO(content), **kwargs)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_every_pixel_type_has_the_values_that_astropy_reads(dtype, rng, fits_bytes):
    if dtype[0] == "f":
        data = rng.normal(0, 1e4, (17, 23)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        data = rng.integers(max(info.min, -(2**40)), min(info.max, 2**40), (17, 23), dtype)
    frame = read(fits_bytes(data))
    np.testing.assert_allclose(frame.data, data.astype(np.float64), rtol=1e-6)
    assert frame.data.dtype == {"u1": np.uint8, "u2": np.uint16}.get(dtype, np.float32)
    assert frame.data.dtype.isnative
    assert frame.mask is None


def test_signed_16_bit_without_negatives_stays_integer(rng, fits_bytes):
    data = rng.integers(0, 32767, (17, 23), np.int16)
    frame = read(fits_bytes(data))
    assert frame.data.dtype == np.uint16
    np.testing.assert_array_equal(frame.data, data)


def test_unsigned_32_bit_keeps_what_float32_can_hold(fits_bytes):
    data = np.array([[0, 1], [2**31 + 256, 2**32 - 512]], np.uint32)
    np.testing.assert_array_equal(read(fits_bytes(data)).data, data.astype(np.float32))


def test_scaling_and_blank_become_values_and_a_mask(header_block):
    head = header_block(
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
        "NAXIS1  =                    3", "NAXIS2  =                    2", "BSCALE  =                  0.5",
        "BZERO   =                 10.0", "BLANK   =                 -999",
    )  # fmt: skip
    frame = read(head + np.array([[0, 2, -999], [4, 6, 8]], ">i2").tobytes().ljust(2880, b"\0"))
    np.testing.assert_array_equal(frame.mask, [[False, False, True], [False, False, False]])
    np.testing.assert_array_equal(frame.data[~frame.mask], [10, 11, 12, 13, 14])
    assert frame.data[0, 2] == 12  # the median of the others


def test_blank_of_unsigned_16_bit_is_masked_too(header_block):
    head = header_block(
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
        "NAXIS1  =                    2", "NAXIS2  =                    2", "BZERO   =                32768",
        "BSCALE  =                    1", "BLANK   =               -32768",
    )  # fmt: skip
    frame = read(head + np.array([[-32768, -32767], [0, 32767]], ">i2").tobytes().ljust(2880, b"\0"))
    assert frame.data.dtype == np.uint16
    np.testing.assert_array_equal(frame.mask, [[True, False], [False, False]])
    assert frame.data[0, 1] == 1
    assert frame.data[1, 1] == 65535


def test_nan_and_infinities_are_masked_and_filled(rng, fits_bytes):
    data = rng.normal(100, 1, (40, 50)).astype(np.float32)
    data[3, 4], data[5, 6], data[7, 8] = np.nan, np.inf, -np.inf
    frame = read(fits_bytes(data))
    assert set(zip(*np.nonzero(frame.mask), strict=True)) == {(3, 4), (5, 6), (7, 8)}
    assert np.isfinite(frame.data).all()
    assert abs(frame.data[3, 4] - 100) < 1


def test_float32_values_so_large_that_their_sum_overflows_are_no_gaps(fits_bytes):
    frame = read(fits_bytes(np.full((40, 40), 3e38, np.float32) * np.float32(1)))
    assert frame.mask is None


def test_the_first_plane_of_all_hdus_is_taken_and_the_primary_cards_are_kept(rng, fits_bytes):
    data = rng.integers(0, 9999, (20, 30), np.uint16)
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "quadrant"
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.zeros(3))])
    line = fits.ImageHDU(np.zeros(100, np.float32))
    image = fits.ImageHDU(data, name="SCI")
    image.header["EXPTIME"] = 30.0
    frame = read(fits_bytes(hdus=[primary, table, line, image]))
    np.testing.assert_array_equal(frame.data, data)
    assert frame.plane == "HDU 3 (SCI)"
    assert (frame.meaning.telescope, frame.meaning.exposure_s) == ("quadrant", 30.0)


def test_a_plane_can_be_asked_for_by_number_name_and_place_in_a_cube(rng, fits_bytes):
    cube = rng.integers(0, 9999, (4, 20, 30), np.uint16)
    second = rng.integers(0, 9999, (25, 35), np.uint16)
    content = fits_bytes(hdus=[fits.PrimaryHDU(cube), fits.ImageHDU(second, name="REF")])
    np.testing.assert_array_equal(read(content).data, cube[0])
    assert "4 planes" in read(content).notes[0]
    np.testing.assert_array_equal(read(content, plane="0:3").data, cube[2])
    np.testing.assert_array_equal(read(content, plane=1).data, second)
    np.testing.assert_array_equal(read(content, plane="ref").data, second)
    for wrong in ("0:5", "0:0", "7", "nothing", "0:x", "0:-1"):
        with pytest.raises(Invalid, match=r"no plane|no image"):
            read(content, plane=wrong)


def test_three_planes_are_a_colour_picture_unless_their_axis_is_something_else(rng, fits_bytes):
    cube = rng.integers(0, 65535, (3, 20, 30), np.uint16)
    frame = read(fits_bytes(cube))
    assert frame.rgb.dtype == np.uint16
    np.testing.assert_array_equal(np.moveaxis(frame.rgb, -1, 0), cube)
    expected = 0.299 * cube[0] + 0.587 * cube[1] + 0.114 * cube[2]
    np.testing.assert_allclose(frame.data, expected, atol=2)
    assert read(fits_bytes(cube, {"CTYPE3": "FREQ"})).rgb is None
    one = read(fits_bytes(cube), plane="0:2")
    np.testing.assert_array_equal(one.data, cube[1])


def test_three_equal_planes_are_grey(rng, fits_bytes):
    plane = rng.integers(0, 65535, (20, 30), np.uint16)
    frame = read(fits_bytes(np.stack([plane] * 3)))
    assert frame.rgb is None
    np.testing.assert_array_equal(frame.data, plane)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_tile_compressed_images_have_their_values_and_cards(kind, dtype, rng, fits_bytes):
    data = rng.integers(0, 20000, (40, 60)).astype(dtype)
    image = fits.CompImageHDU(data, compression_type=kind, quantize_level=0 if kind != "RICE_1" else 16)
    image.header["EXPTIME"] = 4.5
    image.header["HIERARCH ESO DET NAME"] = "x"
    frame = read(fits_bytes(hdus=[fits.PrimaryHDU(), image]))
    tolerance = 1000 if dtype is np.float32 and kind == "RICE_1" else 0
    np.testing.assert_allclose(frame.data, data.astype(float), atol=tolerance)
    assert frame.meaning.exposure_s == 4.5
    assert any(card.keyword == "ESO DET NAME" for card in frame.cards)
    assert not any(card.keyword.startswith(("TFORM", "ZBITPIX")) for card in frame.cards)


def test_compressed_cubes_give_the_plane_asked_for(rng, fits_bytes):
    cube = rng.integers(0, 9999, (4, 20, 30)).astype(np.uint16)
    content = fits_bytes(hdus=[fits.PrimaryHDU(), fits.CompImageHDU(cube, tile_shape=(1, 20, 30))])
    np.testing.assert_array_equal(read(content).data, cube[0])
    np.testing.assert_array_equal(read(content, plane="1:4").data, cube[3])


def test_a_cut_file_says_how_many_bytes_are_missing(rng, fits_bytes):
    content = fits_bytes(rng.integers(0, 9999, (100, 100), np.uint16))
    with pytest.raises(Invalid, match="20,000 bytes, 5,000 of them are missing"):
        read(content[: 2880 + 15_000])


def test_a_missing_end_padding_does_not_matter(rng, fits_bytes):
    data = rng.integers(0, 9999, (100, 100), np.uint16)
    np.testing.assert_array_equal(read(fits_bytes(data)[: 2880 + 20_000]).data, data)


def _header(*axes: int | str, bitpix: int | str = 16) -> tuple[str, ...]:
    return (
        "SIMPLE  =                    T",
        f"BITPIX  = {bitpix:>20}",
        f"NAXIS   = {len(axes):>20}",
        *(f"NAXIS{i:<3}= {length:>20}" for i, length in enumerate(axes, 1)),
    )


@pytest.mark.parametrize(
    ("lines", "error", "word"),
    [
        (_header(60_000, 60_000), TooLarge, "60,000 x 60,000"),
        (_header(10**18, 10**18), TooLarge, "pixels"),
        (_header(-5, 100), Invalid, "NAXIS1"),
        (_header(100, "T"), Invalid, "NAXIS2"),
        (_header(100, "'abc'"), Invalid, "NAXIS2"),
        (_header(0, 100), Invalid, "no image"),
        (_header(), Invalid, "no data"),
        (_header(100), Invalid, "one dimension"),
        (_header(100, 1), Invalid, "one dimension"),
        (_header(100, 100, bitpix=17), Invalid, "BITPIX"),
        (_header(100, 100, bitpix="'x'"), Invalid, "BITPIX"),
        (("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 100000"), Invalid, "NAXIS"),
    ],
)
def test_headers_that_cannot_be_are_refused_without_taking_memory(lines, error, word, header_block):
    content = header_block(*lines)
    tracemalloc.start()
    with pytest.raises(error, match=word):
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_compressed_table_that_announces_a_terabyte_is_refused(header_block):
    content = header_block(*_header(bitpix=8)) + header_block(
        "XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
        "NAXIS1  =                    8", "NAXIS2  =                  100", f"PCOUNT  = {10**12:>20}",
        "GCOUNT  =                    1", "TFIELDS =                    1", "TFORM1  = '1PB(100)'",
        "ZIMAGE  =                    T", "ZCMPTYPE= 'RICE_1  '", "ZBITPIX =                   16",
        "ZNAXIS  =                    2", "ZNAXIS1 =                  100", "ZNAXIS2 =                  100",
    )  # fmt: skip
    with pytest.raises(Invalid, match="missing"):
        read(content)


def test_tiles_larger_than_allowed_are_refused(header_block):
    content = header_block(*_header(bitpix=8)) + header_block(
        "XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
        "NAXIS1  =                    8", "NAXIS2  =                    1", "PCOUNT  =                    0",
        "GCOUNT  =                    1", "TFIELDS =                    1", "TFORM1  = '1PB(100)'",
        "ZIMAGE  =                    T", "ZCMPTYPE= 'RICE_1  '", "ZBITPIX =                   16",
        "ZNAXIS  =                    2", "ZNAXIS1 =                  100", "ZNAXIS2 =                  100",
        "ZTILE1  =            999999999", "ZTILE2  =            999999999",
    )  # fmt: skip
    with pytest.raises(TooLarge):
        read(content + bytes(2880))


def test_a_million_hdus_are_not_walked(header_block):
    empty = header_block("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "PCOUNT  = 0", "GCOUNT  = 1")
    content = header_block(*_header(bitpix=8)) + empty * 3000
    with pytest.raises(Invalid, match="first 50 HDUs"):
        read(content, limits=Limits(max_hdus=50))


def test_many_long_headers_are_not_all_read(header_block):
    lines = ("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "PCOUNT  = 0", "GCOUNT  = 1")
    long = header_block(*lines, *["HISTORY again and again"] * 1000)
    with pytest.raises(Invalid, match="longer than is read"):
        read(header_block(*_header(bitpix=8)) + long * 50, limits=Limits(max_header_bytes=100_000))


def test_an_endless_header_is_refused():
    content = b"SIMPLE  =                    T".ljust(80) + b"HISTORY again and again".ljust(80) * 36_000 * 3
    with pytest.raises(TooLarge, match="header"):
        read(content)


def test_a_header_without_end_is_refused(fits_bytes):
    with pytest.raises(Invalid, match="no END"):
        read(fits_bytes(np.zeros((9, 9), np.uint8))[:300])


def test_a_broken_extension_behind_the_image_does_no_harm(rng, fits_bytes):
    data = rng.integers(0, 9999, (100, 100), np.uint16)
    content = fits_bytes(data) + b"XTENSION= 'IMAGE   '" + b"\xff" * 4000
    np.testing.assert_array_equal(read(content).data, data)


def test_a_table_is_no_image(fits_bytes):
    table = fits.BinTableHDU.from_columns([fits.Column("X", "E", array=np.zeros(3))])
    with pytest.raises(Invalid, match="table"):
        read(fits_bytes(hdus=[fits.PrimaryHDU(), table]))
