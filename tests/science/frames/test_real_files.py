"""Every real file at hand is read, or refused with a sentence that says what it is."""

import pytest

from hven.errors import Invalid
from hven.science.frames.header import wcs_from
from hven.science.frames.read import kind_of, planes, read_frame

pytestmark = pytest.mark.shared

NOT_IMAGES = {
    "CREDITS": "text file",
    "expected.json": "text file",
    "very_simple": "one dimension",
    "non_data": "text file",
    "data_zipped": "one dimension",
    "LICENSE": "text file",
    ".xyls": "table",
}


@pytest.mark.parametrize("folder", ["fits-archive", "xisf", "images"])
def test_real_files_are_read_or_say_what_they_are(shared_data, folder):
    paths = sorted(path for path in (shared_data / folder).rglob("*") if path.is_file())
    assert paths
    for path in paths:
        reason = next((word for name, word in NOT_IMAGES.items() if name in path.name), None)
        if reason is not None:
            with pytest.raises(Invalid, match=reason):
                read_frame(path)
            continue
        frame = read_frame(path)
        assert min(frame.data.shape) > 100, path.name
        assert any(plane.is_usable for plane in planes(path)), path.name
        assert kind_of(path).value == frame.format
        assert wcs_from(frame) is None or wcs_from(frame).scale_arcsec > 0.1


def test_the_frames_of_a_colour_camera_are_known_by_their_pixels(shared_data):
    for name in ("pocs_unsolved.fits", "pocs_pole.fits"):
        frame = read_frame(shared_data / "images" / name)
        assert frame.stored is not None
        assert "mosaic" in frame.notes[0]
    for name in ("photutils_M67_DSS.fits", "sep_image.fits", "tetra3_Alt60_Azi45.tiff"):
        assert read_frame(shared_data / "images" / name).stored is None
