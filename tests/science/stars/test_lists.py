"""Lists of sources as text."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from hven.errors import Invalid, TooLarge
from hven.science.frames.limits import Limits
from hven.science.stars.solution import SourceList
from hven.science.stars.subject import read_subject


def _read(tmp_path: Path, content: str | bytes, **size: Any) -> SourceList:
    path = tmp_path / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_subject(path, **size)
    assert isinstance(found, SourceList)
    return found


@pytest.mark.parametrize(
    "content",
    [
        "10 20\n30 40\n50 60\n",
        "10,20\n30,40\n50,60",
        "10\t20\n30\t40\n50\t60\n",
        "10 ; 20\n30 ; 40\n50;60\n",
        "  10   20\r\n30 40\r\n\r\n50 60\r\n",
        "10 20\r30 40\r50 60\r",
        "# x y\n10 20\n// remark\n30 40\n! more\n50 60\n",
        "x,y\n10,20\n30,40\n50,60\n",
        '"X","Y"\n10,20\n30,40\n50,60\n',
        "id y x\n1 20 10\n2 40 30\n3 60 50\n",
        "\ufeff10 20\n30 40\n50 60\n",
        "1.0e1 2.0e1\n3e1 4e1\n50.0 +60\n",
    ],
)
def test_positions_are_read_in_every_common_form(tmp_path: Path, content: str) -> None:
    found = _read(tmp_path, content)
    assert found.x.tolist() == [9.0, 29.0, 49.0]
    assert found.y.tolist() == [19.0, 39.0, 59.0]
    assert (found.width, found.height) == (50, 60)


def test_the_order_is_the_brightness_unless_a_column_says_more(tmp_path: Path) -> None:
    assert _read(tmp_path, "5 5\n1 1\n3 3").x.tolist() == [4, 0, 2]
    assert _read(tmp_path, "5 5 10\n1 1 30\n3 3 20").x.tolist() == [0, 2, 4]
    assert _read(tmp_path, "x y flux\n5 5 10\n1 1 30\n3 3 20").x.tolist() == [0, 2, 4]
    assert _read(tmp_path, "x,y,mag\n5,5,10\n1,1,9\n3,3,9.5").x.tolist() == [0, 2, 4]
    assert _read(tmp_path, "x,y,fwhm\n5,5,1\n1,1,9\n3,3,3").x.tolist() == [4, 0, 2]


def test_the_size_of_the_frame_may_be_told(tmp_path: Path) -> None:
    found = _read(tmp_path, "5 5\n1 1\n3 3", width=100, height=80)
    assert (found.width, found.height) == (100, 80)


def test_a_packed_list_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, gzip.compress(b"x y\n5 5\n1 1\n")).x.tolist() == [4, 0]


@pytest.mark.parametrize(
    "content",
    [
        "nothing but words\n",
        "x y\n",
        "# only remarks\n",
        "1\n2\n3\n",
        "x z\n1 2\n3 4",
        "1 2\nhello you\n3 4\n",
        "a b\nc d\n1 2\n",
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Invalid):
        _read(tmp_path, content)


def test_a_line_that_breaks_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Line 3"):
        _read(tmp_path, "1 2\n3 4\nhello you\n")


def test_positions_without_a_number_are_left_out(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "1 2 3\n4 5 nan\n6 7 8\n")) == 2


def test_a_bomb_of_a_list_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress(b"1 2\n" * 500_000))
    with pytest.raises(TooLarge):
        read_subject(path, limits=Limits(max_unpacked_bytes=1_000_000))


def test_a_list_of_more_values_than_memory_is_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hven.science.stars.lists._MOST_VALUES", 30)
    assert len(_read(tmp_path, "1,2,3\n" * 10).x) == 10
    with pytest.raises(TooLarge, match="30 values"):
        _read(tmp_path, "1,2,3,4\n" * 10)
