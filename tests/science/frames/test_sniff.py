"""Kinds are told by the first bytes."""

import pytest

from hven.science.frames.sniff import WHAT_IT_IS, Kind, sniff


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"SIMPLE  =                    T", Kind.FITS),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", Kind.JPEG),
        (b"\x89PNG\r\n\x1a\n", Kind.PNG),
        (b"GIF89a", Kind.GIF),
        (b"II*\x00\x08\x00\x00\x00", Kind.TIFF),
        (b"MM\x00*\x00\x00\x00\x08", Kind.TIFF),
        (b"II+\x00\x08\x00\x00\x00", Kind.TIFF),
        (b"\x1f\x8b\x08", Kind.GZIP),
        (b"BZh91AY", Kind.BZIP2),
        (b"PK\x03\x04", Kind.ZIP),
        (b"", Kind.EMPTY),
        (b"P5 640 480 255\n", Kind.NETPBM),
        (b"Petersen wrote this\n", Kind.TEXT),
        (b"123.4 99\n 5", Kind.XY_LIST),
        (b"123.4 99", Kind.XY_LIST),
        (b"123.4\n99\n", Kind.TEXT),
        (b"\xef\xbb\xbf1 2\n3 4\n", Kind.XY_LIST),
        (b"<?xml version='1.0'?><html>", Kind.HTML),
        (b"<?xml version='1.0'?><a/>", Kind.XML),
        (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
        (b"LUCAM-RECORDER", Kind.SER),
        (b"BM\x00", Kind.BMP),
        (b"\x00", Kind.UNKNOWN),
        (b"SIMPLE", Kind.TEXT),
    ],
)
def test_beginnings_are_told_apart(head, kind):
    assert sniff(head) is kind


def test_each_kind_that_is_not_read_has_a_sentence():
    for kind in Kind:
        assert (kind in WHAT_IT_IS) != (kind.is_image or kind.is_packed)
        assert WHAT_IT_IS.get(kind, "This.").startswith(("This", "The"))
