"""XISF: every way of storing gives the same pixels; what lies is refused or noted."""

import io
import struct
import tracemalloc
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.science.frames.writers import image, sha1, xisf

from hven.errors import Invalid, TooLarge
from hven.science.frames.header import wcs_from
from hven.science.frames.limits import Limits
from hven.science.frames.read import kind_of, planes, read_frame
from hven.science.frames.sniff import Kind
from hven.science.sky.wcs import Wcs
from hven.science.stars.hints import header_hints

KEYWORD = '<FITSKeyword name="{}" value="{}" comment="{}"/>'


def read(content: bytes, **kwargs):
    return read_frame(io.BytesIO(content), **kwargs)


@pytest.fixture
def sky(rng):
    """Pixels that compress: small values around a level."""
    return (1000 + rng.normal(0, 5, (31, 45))).astype(np.uint16)


@pytest.mark.parametrize("place", ["attachment", "inline:base64", "inline:hex", "embedded:base64", "embedded:hex"])
@pytest.mark.parametrize(
    "compression", ["", "zlib", "zlib+sh", "lz4", "lz4+sh", "lz4hc", "lz4hc+sh", "zstd", "zstd+sh"]
)
def test_every_place_and_compression_gives_the_same_pixels(sky, place, compression):
    frame = read(xisf(image(sky, place=place, compression=compression)))
    np.testing.assert_array_equal(frame.data, sky)
    assert (frame.format, frame.top_down, frame.data.dtype) == ("xisf", True, np.uint16)


@pytest.mark.parametrize("compression", ["zlib", "lz4+sh", "zstd+sh"])
def test_blocks_in_parts_are_joined_before_bytes_are_put_in_order(sky, rng, compression):
    np.testing.assert_array_equal(read(xisf(image(sky, compression=compression, parts=4))).data, sky)
    noise = rng.integers(0, 65535, (31, 45), np.uint16)  # parts that do not compress are stored as they are
    np.testing.assert_array_equal(read(xisf(image(noise, compression=compression, parts=3))).data, noise)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "f4", "f8"])
@pytest.mark.parametrize("big", [False, True])
def test_every_sample_format_in_both_byte_orders(dtype, big, rng):
    data = rng.random((7, 9)).astype(dtype) if dtype[0] == "f" else rng.integers(0, 200, (7, 9)).astype(dtype)
    for compression in ("", "zlib+sh"):
        frame = read(xisf(image(data, big=big, compression=compression, place="embedded:base64")))
        np.testing.assert_allclose(frame.data, data, rtol=1e-6)
        np.testing.assert_allclose(read(xisf(image(data, big=big, compression=compression))).data, data, rtol=1e-6)


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("compression", ["", "lz4+sh"])
def test_colours_planar_and_side_by_side(rng, normal, compression):
    data = rng.integers(0, 60000, (3, 12, 20), np.uint16)
    content = xisf(image(data, normal=normal, compression=compression))
    frame = read(content)
    np.testing.assert_array_equal(frame.rgb, np.moveaxis(data, 0, -1))
    assert frame.plane == "image 0, 3 colours"
    green = read(content, plane=":2")
    np.testing.assert_array_equal(green.data, data[1])
    assert green.rgb is None
    with pytest.raises(Invalid, match="no channel 4"):
        read(content, plane="0:4")


def test_one_of_several_images_is_chosen_by_number_or_id(rng):
    first, second = rng.integers(0, 9, (5, 6), np.uint8), rng.integers(0, 9, (7, 8), np.uint8)
    content = xisf(image(first), image(second, attributes='id="weights"'))
    assert "2 images" in read(content).notes[0]
    for choice in ("1", "weights", "WEIGHTS"):
        np.testing.assert_array_equal(read(content, plane=choice).data, second)
    with pytest.raises(Invalid, match=r"no image 7.*1 \(weights\)"):
        read(content, plane="7")
    listed = planes(io.BytesIO(content))
    assert [(p.index, p.name, p.shape, p.dtype, p.kind) for p in listed] == [
        ("0", "", (5, 6), "uint8", "image"),
        ("1", "weights", (7, 8), "uint8", "image"),
    ]


def test_the_thumbnail_is_no_image(sky):
    small = '<Thumbnail geometry="2:2:1" sampleFormat="UInt8" location="inline:hex">01020304</Thumbnail>'
    np.testing.assert_array_equal(read(xisf(image(sky, inside=small), namespace=False)).data, sky)


def test_keywords_mean_the_same_with_and_without_the_quotes_of_fits(sky):
    quoted = [("DATE-OBS", "'2023-01-25T16:26:06.994'"), ("FILTER", "'Red     '"), ("OBJECT", "'Barnard''s star'")]
    bare = [("DATE-OBS", "2023-01-25T16:26:06.994"), ("FILTER", "Red"), ("OBJECT", "Barnard's star")]
    for cards in (quoted, bare):
        words = "".join(KEYWORD.format(*card, "") for card in (*cards, ("EXPTIME", "10."), ("SIMPLE", "T")))
        frame = read(xisf(image(sky, inside=words)))
        assert frame.meaning.start == datetime(2023, 1, 25, 16, 26, 6, 994000, tzinfo=UTC)
        assert (frame.meaning.filter, frame.meaning.object_name) == ("Red", "Barnard's star")
        assert frame.meaning.exposure_s == 10.0
        assert any(c.keyword == "SIMPLE" and c.value is True for c in frame.cards)


def test_properties_tell_what_keywords_do_not(sky):
    known = {
        "Observation:Time:Start": ("TimePoint", "2023-01-25T16:26:06Z"), "Instrument:ExposureTime": ("Float32", "10"),
        "Instrument:Filter:Name": ("String", "Ha"), "Instrument:Telescope:FocalLength": ("Float32", "0.53"),
        "Instrument:Sensor:XPixelSize": ("Float32", "3.76"), "Observation:Center:RA": ("Float64", "83.8"),
        "Observation:Center:Dec": ("Float64", "-5.4"), "Instrument:Camera:Name": ("String", "ASI"),
        "Observation:Object:Name": ("String", "M 42"), "Observation:Location:Latitude": ("Float64", "48.1"),
        "Observation:Location:Longitude": ("Float64", "11.6"), "PixInsight:Secret": ("String", "no"),
    }  # fmt: skip
    text = "".join(
        f'<Property id="{id_}" type="{kind}" value="{value}"/>'
        if kind != "String"
        else f'<Property id="{id_}" type="{kind}">{value}</Property>'
        for id_, (kind, value) in known.items()
    )
    frame = read(xisf(image(sky, inside=text)))
    meaning = frame.meaning
    assert meaning.start == datetime(2023, 1, 25, 16, 26, 6, tzinfo=UTC)
    assert (meaning.exposure_s, meaning.filter, meaning.object_name, meaning.camera) == (10, "Ha", "M 42", "ASI")
    assert (meaning.focal_length_mm, meaning.pixel_size_um) == (530, 3.76)
    assert (meaning.ra, meaning.dec, meaning.site_latitude, meaning.site_longitude) == (83.8, -5.4, 48.1, 11.6)
    assert not any("Secret" in card.keyword for card in frame.cards)
    both = read(xisf(image(sky, inside=KEYWORD.format("FILTER", "Red", "") + text)))
    assert both.meaning.filter == "Red"


@pytest.mark.parametrize(("value", "focal"), [("300", 300), ("0.3", 300), ("30", None), ("0", None)])
def test_a_focal_length_is_taken_where_its_unit_is_beyond_doubt(sky, value, focal):
    text = f'<Property id="Instrument:Telescope:FocalLength" type="Float32" value="{value}"/>'
    assert read(xisf(image(sky, inside=text))).meaning.focal_length_mm == focal


def test_the_projection_of_the_keywords_counts_rows_from_the_bottom(sky):
    height, width = sky.shape
    sip = np.zeros((3, 3))
    sip[1, 1], sip[0, 2], sip[2, 0] = 1e-4, 2e-4, 3e-4
    wcs = Wcs((10.0, 20.0), (20.0, 9.0), ((-1e-3, 2e-4), (2e-4, 1e-3)), width, height, sip_a=sip, sip_b=2 * sip)
    words = "".join(
        KEYWORD.format(key, f"'{value}'" if isinstance(value, str) else repr(float(value)), "")
        for key, value in wcs.to_cards().items()
        if isinstance(value, str | int | float)
    )
    turned = wcs_from(read(xisf(image(sky, inside=words))))
    x, y = np.array([0.0, 30.0, 44.0]), np.array([0.0, 12.0, 30.0])
    np.testing.assert_allclose(turned.to_sky(x, height - 1 - y), wcs.to_sky(x, y), atol=1e-9)
    assert turned.parity == -wcs.parity
    (hint, *_) = header_hints(read(xisf(image(sky, inside=words))))
    assert (hint.wcs.crpix, hint.wcs.cd) == (turned.crpix, turned.cd)


# --- lies -------------------------------------------------------------------------------------------------


def test_a_checksum_that_does_not_hold_is_noted(sky):
    element, raw = image(sky)
    good = element.replace("<Image ", f"<Image {sha1(raw)} ")
    assert read(xisf((good, raw))).notes == ()
    damaged = bytes([raw[0] ^ 1]) + raw[1:]
    assert "checksum" in read(xisf((good, damaged))).notes[0]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    "prolog",
    [BOMB, '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'],
)
def test_a_document_type_is_refused(sky, prolog):
    with pytest.raises(Invalid, match="document type"):
        read(xisf(image(sky), prolog=prolog))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('geometry="45:31:1"', 'geometry="0:31:1"', "not an image"),
        ('geometry="45:31:1"', 'geometry="1395:1"', "dimension"),
        ('geometry="45:31:1"', 'geometry="45:31:1:1"', "dimension"),
        ('geometry="45:31:1"', 'geometry="-45:31:1"', "valid size"),
        ('geometry="45:31:1"', 'geometry=""', "valid size"),
        ('geometry="45:31:1"', 'geometry="45:31:2"', "announced"),
        ('geometry="45:31:1"', 'geometry="99999999:99999999:1"', "at most"),
        ('sampleFormat="UInt16"', 'sampleFormat="Complex64"', "complex"),
        ('sampleFormat="UInt16"', 'sampleFormat="UInt9"', "not read"),
        ("location=", 'pixelStorage="Odd" location=', "not read"),
        ("location=", 'byteOrder="middle" location=', "byte order"),
        ('location="attachment', 'location="url(http://example.org/x.xisb)', "another file"),
        ('location="attachment', 'location="path(@header_dir/x.xisb)', "another file"),
        ('location="attachment', 'location="nowhere', "where its pixels lie"),
        ('location="attachment:65536', 'location="attachment:9999999', "cut short"),
        ('location="attachment:65536', 'location="attachment:-5', "no number"),
        ('location="attachment', 'location="embedded', "no Data"),
        ("location=", 'compression="brotli:2790" location=', "not read"),
        ("location=", 'compression="zlib" location=', "not described fully"),
        ("location=", 'compression="zlib+sh:2790" location=', "not described fully"),
        ("location=", 'compression="zlib+sh:2790:0" location=', "shuffled"),
        ("location=", 'compression="zlib:x" location=', "no number"),
        ("location=", 'compression="zlib:2790" subblocks="5,5" location=', "not its whole"),
        ("location=", 'compression="zlib:2790" subblocks="9999,2790" location=', "longer than the block"),
        ("<Image ", "<Picture ", "well-formed"),
        ("xisf version", "xisf version='2' version", "well-formed"),
    ],
)
def test_lies_are_refused_with_a_sentence(sky, old, new, word):
    content = xisf(image(sky))
    head = content[16 : content.index(b"\0" * 64)]
    lie = head.replace(old.encode(), new.encode())
    assert lie != head
    content = (b"XISF0100" + struct.pack("<II", len(lie), 0) + lie).ljust(65536, b"\0") + content[65536:]
    with pytest.raises((Invalid, TooLarge), match=word):
        read(content)


@pytest.mark.parametrize("codec", ["zlib", "lz4", "zstd"])
def test_a_block_that_unpacks_to_another_size_is_refused(sky, codec):
    element, raw = image(sky, compression=codec)
    for claim in (2 * sky.nbytes, 40 * sky.nbytes):
        lie = element.replace(f":{sky.nbytes}", f":{claim}").replace('"45:31:1"', f'"45:{31 * claim // sky.nbytes}:1"')
        with pytest.raises(Invalid, match=r"block|more bytes"):
            read(xisf((lie, raw)))
    short = raw[: len(raw) // 2]
    with pytest.raises(Invalid, match="unpack"):
        read(xisf((element.replace(f':{len(raw)}"', f':{len(short)}"'), short)))


def test_a_claim_of_many_pixels_takes_no_memory(sky):
    element, raw = image(sky, compression="zstd")
    side = 11_000
    lie = element.replace(f":{sky.nbytes}", f":{side * side * 2}").replace('"45:31:1"', f'"{side}:{side}:1"')
    tracemalloc.start()
    with pytest.raises(Invalid):
        read(xisf((lie, raw)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("<xisf>" * 40, "levels deep"),
        ("<xisf>" + "<a/>" * 200_001, "elements"),
        ("<xisf " + " ".join(f'a{i}=""' for i in range(100)) + "/>", "attributes"),
        ("<html></html>", "no XISF unit"),
        ("", "well-formed"),
        ("<xisf></xisf>", "no image"),
    ],
)
def test_hostile_headers(header, word):
    raw = header.encode()
    with pytest.raises((Invalid, TooLarge), match=word):
        read(b"XISF0100" + struct.pack("<II", len(raw), 0) + raw)


def test_a_header_that_is_longer_than_the_file_or_than_is_read(sky):
    content = xisf(image(sky))
    assert kind_of(io.BytesIO(content)) is Kind.XISF
    for cut in (8, 15, 16, 400):
        with pytest.raises(Invalid, match="cut short"):
            read(content[:cut])
    with pytest.raises(TooLarge, match="header"):
        read(content, limits=Limits(max_header_bytes=10))


@pytest.mark.shared
def test_real_files(shared_data):
    folder = shared_data / "xisf"
    frame = read_frame(folder / "mountwizzard4_test.xisf")
    assert frame.data.shape == (1024, 1280)
    assert frame.meaning.start == datetime(2026, 3, 13, 16, 1, 26, 232000, tzinfo=UTC)
    assert (frame.meaning.scale_arcsec, frame.meaning.focal_length_mm) == (3.57587, 300)
    plain, *packed = (
        read_frame(folder / f"generated_f32_{name}.xisf").data for name in ("attach", "lz4_sh", "zlib_sh")
    )
    for data in packed:
        np.testing.assert_array_equal(data, plain)
