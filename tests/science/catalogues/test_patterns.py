"""The pattern table: built once, whole or not at all."""

import threading
from pathlib import Path

import pytest

from hven.errors import Unavailable
from hven.science.catalogues import patterns
from hven.science.catalogues.patterns import build_patterns, has_patterns, load_patterns, pattern_file


def test_a_built_table_is_loaded_and_not_built_again(solver_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_build", lambda _target: pytest.fail("it was built again"))
    assert has_patterns(solver_folder)
    assert build_patterns(solver_folder) == pattern_file(solver_folder)
    table = load_patterns(solver_folder)
    assert table is not None
    assert table.num_patterns > 1_000_000
    assert table.min_fov_deg == pytest.approx(patterns.NARROWEST_DEG)


def test_of_several_that_ask_one_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def build(target: Path) -> None:
        built.append(target)
        target.write_bytes(b"table")

    monkeypatch.setattr(patterns, "_build", build)
    told: list[float] = []
    threads = [threading.Thread(target=build_patterns, args=(tmp_path, lambda f, _m: told.append(f))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert told[0] == 0.0 and told[-1] == 1.0


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tetra3rs

    class Broken:
        @staticmethod
        def generate_from_gaia(**_arguments: object) -> object:
            raise RuntimeError("no catalogue")

    monkeypatch.setattr(tetra3rs, "SolverDatabase", Broken)
    with pytest.raises(Unavailable, match="cannot be built"):
        build_patterns(tmp_path)
    assert not has_patterns(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".patterns.lock"]


def test_a_missing_or_damaged_table_is_none(tmp_path: Path) -> None:
    assert load_patterns(tmp_path) is None
    pattern_file(tmp_path).write_bytes(b"not a table")
    assert load_patterns(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        build_patterns(tmp_path / "file" / "below")
