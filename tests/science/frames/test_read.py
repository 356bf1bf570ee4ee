"""Any file becomes a frame or a sentence; nothing else."""

import bz2
import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hven.errors import Invalid, NotFound, TooLarge
from hven.science.frames.limits import Limits
from hven.science.frames.read import kind_of, read_frame
from hven.science.frames.sniff import Kind


def test_a_path_and_an_open_file_give_the_same_frame(tmp_path, rng, fits_bytes):
    data = rng.integers(0, 65535, (30, 40), np.uint16)
    content = fits_bytes(data, {"EXPTIME": 12.5, "OBJECT": "M 31"})
    (tmp_path / "a.fits").write_bytes(content)
    for source in (tmp_path / "a.fits", str(tmp_path / "a.fits"), io.BytesIO(content)):
        frame = read_frame(source)
        np.testing.assert_array_equal(frame.data, data)
        assert frame.meaning.exposure_s == 12.5
        assert frame.meaning.object_name == "M 31"
        assert (frame.width, frame.height, frame.format, frame.top_down) == (40, 30, "fits", False)


def test_the_name_of_a_file_does_not_matter(tmp_path, rng, picture_bytes):
    path = tmp_path / "frame.fits"
    path.write_bytes(picture_bytes(rng.integers(0, 255, (20, 20), np.uint8), "PNG"))
    assert read_frame(path).format == "png"


def test_a_missing_file_and_a_name_with_nul_are_errors_of_ours(tmp_path):
    with pytest.raises(NotFound):
        read_frame(tmp_path / "nothing.fits")
    with pytest.raises(NotFound):
        read_frame(tmp_path)
    with pytest.raises((Invalid, NotFound)):
        read_frame("a\0b.fits")
    with pytest.raises((Invalid, NotFound)):
        read_frame("x" * 5000)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>hello</body></html>", "web page"),
        (b"\n  <html lang=en>", "web page"),
        (b"1.5 2.5\n3 4\n5 6\n", "list of numbers"),
        (b"# x y\n1.5,2.5,9\n", "list of numbers"),
        (b"dear all, the frame is below\n", "text file"),
        (b'{"a": 1}', "JSON"),
        (b"XISF0100\0\0\0\0", "XISF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(100), "raw"),
        (b"\x00\x00\x00\x18ftypcrx \x00", "raw"),
        (b"\x00\x00\x00\x18ftypheic\x00", "HEIF"),
        (bytes(range(256)) * 4, "known kind"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP"),
    ],
)
def test_what_is_no_image_is_named(content, word):
    with pytest.raises(Invalid, match=word):
        read_frame(io.BytesIO(content))


def test_a_tar_is_named(tmp_path):
    path = tmp_path / "frames"
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "a.py")
    with pytest.raises(Invalid, match="tar archive"):
        read_frame(path)
    assert kind_of(path) is Kind.TAR


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_frames_are_read_and_say_so(pack, rng, fits_bytes):
    data = rng.integers(0, 65535, (30, 40), np.uint16)
    frame = read_frame(io.BytesIO(pack(fits_bytes(data))))
    np.testing.assert_array_equal(frame.data, data)
    assert frame.plane.split(", ")[0] in {"gzip", "bzip2"}


def test_an_even_frame_is_read_with_a_note(fits_bytes):
    frame = read_frame(io.BytesIO(fits_bytes(np.full((20, 20), 7, np.uint16))))
    assert "same value" in frame.notes[-1]


def test_a_frame_of_nothing_but_nan_is_read_with_a_note(fits_bytes):
    frame = read_frame(io.BytesIO(fits_bytes(np.full((20, 20), np.nan, np.float32))))
    assert frame.mask.all()
    assert np.isfinite(frame.data).all()
    assert "No pixel" in frame.notes[-1]


def test_a_file_larger_than_allowed_is_refused_before_it_is_read(fits_bytes):
    with pytest.raises(TooLarge, match="bytes"):
        read_frame(io.BytesIO(fits_bytes(np.zeros((20, 20), np.uint8))), limits=Limits(max_bytes=1000))


def _samples() -> list[bytes]:
    rng = np.random.default_rng(5)
    grey, colour = rng.integers(0, 255, (24, 31), np.uint8), rng.integers(0, 255, (24, 31, 3), np.uint8)
    deep = rng.integers(0, 65535, (24, 31), np.uint16)
    found = []
    for array, form in ((grey, "JPEG"), (colour, "JPEG"), (grey, "PNG"), (colour, "PNG"), (deep, "PNG"),
                        (deep, "TIFF"), (colour, "TIFF"), (colour, "GIF"), (grey, "GIF")):  # fmt: skip
        out = io.BytesIO()
        Image.fromarray(array).save(out, form)
        found.append(out.getvalue())
    for hdus in ([fits.PrimaryHDU(deep)], [fits.PrimaryHDU(), fits.ImageHDU(grey.astype(">f4"))],
                 [fits.PrimaryHDU(), fits.CompImageHDU(deep)]):  # fmt: skip
        out = io.BytesIO()
        fits.HDUList(hdus).writeto(out)
        found.append(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.fits", found[9])
    return [*found, out.getvalue(), gzip.compress(found[9]), bz2.compress(found[9])]


SAMPLES = _samples()
SMALL = Limits(max_pixels=1_000_000, max_unpacked_bytes=4 << 20, ratio_from_bytes=1 << 20)


@pytest.mark.parametrize("content", SAMPLES, ids=range(len(SAMPLES)))
def test_every_cut_of_a_file_gives_a_frame_or_a_sentence(content):
    assert read_frame(io.BytesIO(content)).width == 31
    for length in {*range(0, min(len(content), 100), 7), *np.linspace(0, len(content) - 1, 40).astype(int).tolist()}:
        try:
            read_frame(io.BytesIO(content[:length]), limits=SMALL)
        except Invalid as error:
            assert str(error).endswith((".", ")")), str(error)  # noqa: PT017  # either end is right


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=12)
)
def test_damaged_files_give_a_frame_or_a_sentence(content, changes):
    broken = bytearray(content)
    for at, value in changes:
        broken[at % len(broken)] = value
    try:
        frame = read_frame(io.BytesIO(bytes(broken)), limits=SMALL)
    except Invalid as error:
        assert str(error)  # noqa: PT017  # either end is right
    else:
        assert np.isfinite(frame.data).all()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([s[:n] for s in SAMPLES for n in (0, 3, 8, 12, 80, 240)]), st.binary(max_size=3000))
def test_random_bytes_after_a_true_beginning_give_a_frame_or_a_sentence(start, rest):
    try:
        read_frame(io.BytesIO(start + rest), limits=SMALL)
    except Invalid as error:
        assert str(error)  # noqa: PT017


@pytest.mark.shared
def test_real_frames_are_read(shared_data):
    sizes = {
        "images/apod2.jpg": (800, 600, np.uint8),
        "images/tetra3_Alt40_Azi135.tiff": (1024, 768, np.uint16),
        "images/photutils_M67_DSS.fits": (1059, 1059, np.uint16),
        "images/sep_image.fits": (256, 256, np.float32),
        "fits-archive/fits/file1.fits": (752, 582, np.float32),
    }
    for name, (width, height, dtype) in sizes.items():
        frame = read_frame(shared_data / name)
        assert (frame.width, frame.height, frame.data.dtype) == (width, height, dtype), name
    with pytest.raises(Invalid, match="one dimension"):
        read_frame(shared_data / "fits-archive/fits/data_zipped_no_clear.fits.zip")
