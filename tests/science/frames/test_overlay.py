"""What is drawn lies on its object, and labels do not lie on each other."""

import io

import numpy as np
import pytest
from PIL import Image

from hven.science.frames import overlay
from hven.science.frames.frame import Frame
from hven.science.frames.grid import grid_lines
from hven.science.frames.overlay import COLOURS, Mark, annotated, detections, latin
from hven.science.sky.wcs import Wcs


def opened(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def near(image: np.ndarray, colour, tolerance: int = 60) -> np.ndarray:
    return np.argwhere(np.abs(image - np.array(colour)).max(axis=-1) < tolerance)


@pytest.fixture
def dark():
    return lambda form="fits": Frame(np.random.default_rng(0).normal(100, 3, (400, 640)).astype(np.uint16), format=form)


@pytest.mark.parametrize(("form", "row"), [("fits", 299), ("png", 100)])
def test_a_circle_is_drawn_around_its_object(form, row, dark):
    image = opened(annotated(dark(form), [Mark(200, 100, 50, kind="ngc")], form="png"))
    ring = near(image, COLOURS["ngc"])
    np.testing.assert_allclose(ring.mean(axis=0), (row, 200), atol=1.5)
    np.testing.assert_allclose(np.hypot(*(ring - (row, 200)).T), 50, atol=3)


def test_detections_and_references_are_told_apart(dark):
    content = detections(
        dark(), (np.array([100.0]), np.array([100.0])), (np.array([300.0]), np.array([300.0])), form="png"
    )
    image = opened(content)
    np.testing.assert_allclose(near(image, COLOURS["source"]).mean(axis=0), (299, 100), atol=1.5)
    np.testing.assert_allclose(near(image, COLOURS["reference"]).mean(axis=0), (99, 300), atol=1.5)


def test_labels_do_not_overlap_and_stay_on_the_picture(dark, monkeypatch):
    boxes = []
    monkeypatch.setattr(overlay, "_write", lambda draw, box, *rest: boxes.append(box))
    rng = np.random.default_rng(3)
    marks = [Mark(x, y, 5, f"NGC {i}", "ngc", i) for i, (x, y) in enumerate(rng.uniform(0, [640, 400], (150, 2)))]
    annotated(dark(), marks)
    assert len(boxes) > 30
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[1] >= 0
        assert a[2] <= 640
        assert a[3] <= 400
        for b in boxes[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_the_lowest_rank_is_labelled_where_only_one_has_room(dark, monkeypatch):
    written = []
    monkeypatch.setattr(overlay, "_write", lambda draw, box, text, *rest: written.append(text))
    marks = [Mark(320 + i / 10, 200, 2, "a long label " * 4, "ngc", 50 - i) for i in range(50)]
    marks.append(Mark(320, 200, 2, "first", "ngc", -1))
    annotated(dark(), marks)
    assert written[0] == "first"
    assert len(written) < 30


def test_marks_beyond_the_picture_and_without_a_place_do_no_harm(dark):
    wild = [
        Mark(1e9, -1e9, 5, "far", "ngc"), Mark(float("nan"), 3, 2, "nowhere", "ic"), Mark(5, 5, 1e9, "huge", "ngc"),
        Mark(-40, 200, 200, "half", "x"), Mark(3, 3, 0, "", "bright"), Mark(9, 9, 2, "\u4e2d\u6587\u0000", "bright"),
    ]  # fmt: skip
    assert opened(annotated(dark(), wild)).shape == (400, 640, 3)
    beyond = np.array([np.nan, 1e12, -5.0])
    assert opened(detections(dark(), (beyond, beyond))).shape == (400, 640, 3)


def test_a_tiny_frame_is_enlarged_so_that_its_labels_can_be_read():
    frame = Frame(np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8), format="png")
    assert opened(annotated(frame, [Mark(30, 20, 4, "M 1", "messier")])).shape == (480, 640, 3)


def test_a_grid_is_drawn_where_its_lines_are(dark):
    wcs = Wcs((10, 0), (319.5, 199.5), ((-0.001, 0), (0, 0.001)), 640, 400)
    grid = grid_lines(wcs)
    plain = opened(annotated(dark(), [], form="png"))
    drawn = opened(annotated(dark(), [], grid=grid, form="png"))
    changed = np.abs(drawn - plain).max(axis=-1) > 15
    equator = round(399 - 199.5)
    assert changed[equator - 1 : equator + 2].any(axis=0).mean() > 0.9
    assert changed.mean() < 0.2


def test_greek_is_spelt_out():
    assert latin("\u03b1 UMa") == "alpha UMa"
    assert latin("\u03bb\u00b9 Sco") == "lambda1 Sco"
    assert latin("\u03b2\u2074 Ori") == "beta4 Ori"
    assert latin("B\u00e9t \u4e2d \u00b0") == "Bet  \u00b0"


def test_the_font_has_what_labels_need():
    missing = bytes(overlay._font(20).getmask("\uffff"))
    for char in "\u00b0+-'\"":
        assert bytes(overlay._font(20).getmask(char)) != missing


def test_of_too_many_marks_the_foremost_are_drawn(dark):
    rng = np.random.default_rng(4)
    back = [Mark(x, y, 5, kind="ic", rank=1.0) for x, y in rng.uniform(20, 380, (300, 2))]
    front = [Mark(600, y, 5, kind="ngc", rank=0.0) for y in range(20, 380, 10)]
    crowded = opened(annotated(dark(), [*back, *front], form="png"))
    alone = opened(annotated(dark(), back, form="png"))
    assert len(near(crowded, COLOURS["ngc"])) > 36 * 10
    assert 0 < len(near(crowded, COLOURS["ic"])) < len(near(alone, COLOURS["ic"]))
