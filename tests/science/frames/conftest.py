"""Small files of every kind, made by other libraries than the one that is tested."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1572)


@pytest.fixture
def fits_bytes() -> Callable[..., bytes]:
    """Return the bytes of a FITS file with these HDUs, or of one with this array and these cards."""

    def make(data=None, cards=None, *, hdus=None) -> bytes:
        out = io.BytesIO()
        if hdus is None:
            hdus = [fits.PrimaryHDU(data)]
            for key, value in (cards or {}).items():
                hdus[0].header[key] = value
        fits.HDUList(hdus).writeto(out)
        return out.getvalue()

    return make


@pytest.fixture
def picture_bytes() -> Callable[..., bytes]:
    """Return an array encoded by Pillow."""

    def make(array, form: str, **options) -> bytes:
        out = io.BytesIO()
        Image.fromarray(array).save(out, form, **options)
        return out.getvalue()

    return make


@pytest.fixture
def header_block() -> Callable[..., bytes]:
    """Return a FITS header of these lines, exactly as they are, with END and padding."""

    def make(*lines: str) -> bytes:
        text = "".join(line.ljust(80)[:80] for line in (*lines, "END"))
        return text.ljust(-(-len(text) // 2880) * 2880).encode("latin-1")

    return make
