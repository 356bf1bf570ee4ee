"""API calls as pages show them: a shell runs them and the dialect reads the same hints back."""

from __future__ import annotations

import json
import subprocess

import pytest

from hven.web import calls


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"scale_low": 1.5, "scale_high": 2.5},
        {"width_low": 3.0},
        {"ra": 84.0, "dec": -1.5, "radius": 3.0},
        {"parity": -1},
        {"parity": 1, "scale_high": 3.0},
        {"positional_error": 2.0},
    ],
)
def test_nova_reads_back_what_the_page_says(config) -> None:
    from hven.dialects.nova.words import solve_config

    assert solve_config(calls.nova_arguments(config)) == config


@pytest.mark.parametrize("name", ["frame.fits", "a b.fits", "it's.fits", "$(touch x).fits", '"q".fits'])
def test_the_commands_hold_in_a_shell(name, tmp_path) -> None:
    command = calls.nova_upload("http://127.0.0.1:1", {"ra": 1.0, "dec": 2.0}, "private", name)
    # The programs are replaced by one that prints its arguments, so that only the quoting is tried.
    script = 'curl() { printf "%s\\0" "$@" >> out; }\n' + command
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env={"HVEN_KEY": "k"}, check=True)
    words = (tmp_path / "out").read_bytes().decode().split("\0")
    upload = words[words.index("http://127.0.0.1:1/nova/api/upload") :]
    assert f"file=@{name}" in upload
    said = json.loads(next(word for word in upload if word.startswith("request-json=")).partition("=")[2])
    assert (said["center_ra"], said["publicly_visible"]) == (1.0, "n")
    assert json.loads(next(w for w in words if "apikey" in w).partition("=")[2]) == {"apikey": "k"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
