"""Pictures of cutouts."""

import cv2
import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.cutout import Cutout
from hven.science.changes.panels import draw_cutout, panel_names


def cutout(**planes: np.ndarray) -> Cutout:
    image = np.random.default_rng(1).normal(0, 1, (61, 61)).astype(np.float32)
    image[5, 30] = 50
    return Cutout("J", {}, {"IMAGE": image, "DIFF": image.copy(), **planes})


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("width", [120, 800, 1601])
def test_pictures_have_the_width_and_kind_asked_for(kind: str, width: int) -> None:
    picture = draw_cutout(cutout(), width, kind=kind)
    assert picture.startswith(b"\xff\xd8" if kind == "jpeg" else b"\x89PNG")
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape[1] == width


def test_the_first_row_is_at_the_bottom_and_sources_are_dark() -> None:
    picture = cv2.imdecode(
        np.frombuffer(draw_cutout(cutout(), 800, kind="png", mark=False), np.uint8), cv2.IMREAD_GRAYSCALE
    )
    side = (800 - 12) // 2
    panel = picture[22 : 22 + side, 4 : 4 + side]
    row, column = int((1 - 5.5 / 61) * side), int(30.5 / 61 * side)
    assert panel[row, column] < 10 < panel[side - row, column]


def test_planes_without_a_value_are_left_out_and_many_make_rows() -> None:
    empty = np.full((61, 61), np.nan, np.float32)
    assert panel_names(cutout(TEMPLATE=empty)) == ["IMAGE", "DIFF"]
    plane = np.zeros((61, 61), np.float32)
    names = ("MASK", "TEMPLATE", "CONVOLVED", "ERR", "FOOTPRINT", "FILTERED", "ADJUSTED")
    many = cutout(**dict.fromkeys(names, plane))
    small = cv2.imdecode(np.frombuffer(draw_cutout(many, 600), np.uint8), cv2.IMREAD_COLOR)
    assert small.shape[0] > 180


def test_what_cannot_be_drawn_is_refused() -> None:
    for options in ({"width": 5}, {"width": 10**6}, {"quality": 0}, {"kind": "gif"}):
        with pytest.raises(Invalid):
            draw_cutout(cutout(), **options)
    with pytest.raises(Invalid, match="nothing to draw"):
        draw_cutout(Cutout("J", {}, {"IMAGE": np.full((5, 5), np.nan)}))
