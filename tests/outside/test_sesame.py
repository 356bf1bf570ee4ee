"""Sesame: names to places, kept once found; in the shapes that its plain text has."""

from __future__ import annotations

import pytest
from tests.services import serving

from hven.errors import Invalid, NotFound, Unavailable
from hven.outside.ask import Asking, resting
from hven.outside.cones import DiskCache
from hven.outside.sesame import parse, resolve

M31 = """# M31\t#Q30123456
#=S=Simbad (via url):    1
%@ 1575544
%I.0 NAME  Andromeda Galaxy
%C.0 AGN
%J 10.68470833 +41.26875000 = 00:42:44.33 +41:16:07.5
%J.E [~ ~ ~] C 2006AJ....131.1163S
%V v -300.0 [4.0] 2012AJ....144....4M
#B 27

#====Done (2026-Nov-26,19:00:00z)====
"""
NOTHING = """# Nowhere\t#Q30123457
#=S=Simbad (via url):    0
#! *** Nothing found ***
#====Done (2026-Nov-26,19:00:00z)====
"""


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()


def test_a_known_name_has_a_place():
    place = parse(M31, "m31")
    assert (place.name, place.ra, place.dec, place.by) == ("NAME Andromeda Galaxy", 10.68470833, 41.26875, "Simbad")


def test_an_unknown_name_is_told():
    with pytest.raises(NotFound, match="Nowhere"):
        parse(NOTHING, "Nowhere")


@pytest.mark.parametrize("answer", ["<html>busy</html>", "", "# x\n%J 400.0 +10.0\n"])
def test_what_is_no_answer_is_told(answer):
    with pytest.raises(Invalid):
        parse(answer, "x")


def test_a_name_is_asked_once_and_kept(tmp_path):
    cache = DiskCache(tmp_path / "names", 10_000)
    with serving({"/-oI/SNV": M31}) as service:
        how = Asking(trusted=service.url)
        first = resolve("M 31", how, cache, address=service.url)
        assert resolve("  m  31 ", how, cache, address=service.url) == first
        assert [parameters for _, parameters in service.asked] == [{"M 31": ""}]
    assert resolve("M 31", Asking(allowed=False), cache) == first


def test_what_was_not_found_is_asked_again(tmp_path):
    cache = DiskCache(tmp_path / "names", 10_000)
    with serving({"/": NOTHING}) as service:
        for _ in range(2):
            with pytest.raises(NotFound):
                resolve("Nowhere", Asking(trusted=service.url), cache, address=service.url)
        assert len(service.asked) == 2


def test_names_that_are_none_and_absent_networks_are_told():
    for name in ("", "  ", "x" * 101):
        with pytest.raises(Invalid):
            resolve(name, Asking())
    with pytest.raises(Unavailable):
        resolve("M31", Asking(time_limit_s=5), address="https://cds.example.invalid")


def test_a_damaged_file_is_asked_anew(tmp_path):
    cache = DiskCache(tmp_path, 10_000)
    cache.path("sesame", "m31", suffix=".json").write_text("{")
    with serving({"/": M31}) as service:
        assert resolve("M31", Asking(trusted=service.url), cache, address=service.url).ra == pytest.approx(
            10.6847, abs=1e-4
        )
