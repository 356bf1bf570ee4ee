"""Names of files from outside."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hven.archive.services.names import LONGEST, safe_name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b.fits", "a"),
        ("x" * 300 + ".fits", "x" * 195 + ".fits"),
        ("x" * 300 + "." + "y" * 40, "x" * 200),
        ("." + "y" * 300, "y" * 200),
        (".hidden.fits", "hidden.fits"),
        ("Leo Triplet-1.jpg", "Leo Triplet-1.jpg"),
        ("Sternhaufen a\N{COMBINING DIAERESIS}.fits", "Sternhaufen \u00e4.fits"),
        ("a\r\nSet-Cookie: b.fits", "aSet-Cookie: b.fits"),
        ("a\x85b\u2028c.fits", "abc.fits"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}stif.exe", "astif.exe"),
        ("half\ud800.fits", "half?.fits"),
    ],
)
def test_names_are_kept_without_what_could_harm(name: str, kept: str) -> None:
    assert safe_name(name, "unnamed") == kept


@pytest.mark.parametrize("name", ["", "..", "/", "\x00", "...", "\n", ". .", "a/", "\u202e"])
def test_a_name_that_leaves_nothing_gets_another(name: str) -> None:
    assert safe_name(name, "unnamed") == "unnamed"


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_every_name_becomes_a_name(name: str) -> None:
    kept = safe_name(name, "unnamed")
    assert 0 < len(kept) <= LONGEST
    assert not kept.startswith(".")
    assert not set(kept) & set("/\\")
    assert all(unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"} for letter in kept)
    assert safe_name(kept) == kept
