"""What a header tells the solver."""

import numpy as np
import pytest

from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.simulate.spec import Spec
from hven.science.stars.hints import header_hints

PIXELS = np.zeros((100, 200), np.uint16)


def test_an_empty_header_tells_nothing() -> None:
    assert header_hints(Frame(PIXELS)) == ()


def test_zero_is_a_place() -> None:
    (hint,) = header_hints(Frame(PIXELS, meaning=Meaning(ra=0.0, dec=0.0, scale_arcsec=2.0)))
    assert (hint.ra, hint.dec, hint.source) == (0.0, 0.0, "header")
    assert hint.scale_low is not None and hint.scale_high is not None
    assert hint.scale_low < 2.0 < hint.scale_high


def test_a_projection_comes_first() -> None:
    cards = tuple(Card(k, v) for k, v in Spec(width=200, height=100).wcs().to_cards().items())
    hints = header_hints(Frame(PIXELS, cards=cards, meaning=Meaning(ra=1.0, dec=2.0)))
    assert hints[0].wcs is not None
    assert hints[1].wcs is None


@pytest.mark.parametrize(
    "meaning",
    [Meaning(scale_arcsec=0.0), Meaning(scale_arcsec=float("nan")), Meaning(ra=5.0), Meaning(ra=5.0, dec=95.0)],
)
def test_nonsense_is_passed_over(meaning: Meaning) -> None:
    assert header_hints(Frame(PIXELS, meaning=meaning)) == ()
