"""Settings: where they come from, what they refuse, and that each is documented."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest

from hven.config import options
from hven.config.secret import load_or_make
from hven.errors import Invalid, Unavailable


@pytest.fixture
def read(tmp_path):
    """Read settings from an environment that names a data folder of its own."""

    def run(toml=None, **environ):
        if toml is not None:
            (tmp_path / "hven.toml").write_text(toml)
        return options.read({"HVEN_DATA": str(tmp_path), **environ})

    return run


def test_environment_wins_over_file_and_file_over_default(read):
    found = read('max_pixels = 7\nport = 1\nlog_format = "json"', HVEN_PORT="2")
    assert (found["PORT"], found["MAX_PIXELS"], found["HOST"]) == (2, 7, "127.0.0.1")
    origins = {name: found.settings[name].origin for name in ("PORT", "MAX_PIXELS", "HOST")}
    assert origins["PORT"] == "environment"
    assert origins["MAX_PIXELS"].endswith("hven.toml")
    assert origins["HOST"] == "default"


@pytest.mark.parametrize("where", ["environment", "file"])
def test_unknown_name_is_an_error_that_suggests_the_nearest(read, where):
    with pytest.raises(Invalid, match="HVEN_MAX_UPLOAD"):  # noqa: PT012 - one of two ways
        if where == "environment":
            read(HVEN_MAX_UPLAOD="1")
        else:
            read("max_uplaod = 1")


def test_what_uploading_commands_read_is_no_setting_of_the_server(read):
    assert read(HVEN_KEY="0" * 40, HVEN_SERVER="http://127.0.0.1:8000")["HOST"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("MAX_UPLOAD", "500 MB", 500 * 1024**2),
        ("MAX_UPLOAD", "1.5GiB", 1536 * 1024**2),
        ("MAX_UPLOAD", "12", 12),
        ("SIGNUP", "Yes", True),
        ("SIGNUP", "0", False),
        ("MAX_PIXELS", "1_000", 1000),
        ("JOB_LEASE", "2.5", 2.5),
        ("INDEX_PATH", "/a:/b", (Path("/a"), Path("/b"))),
        ("HOSTS", "A.example, b.example", ("a.example", "b.example")),
        ("TRUSTED_PROXIES", "10.0.0.1, ::1/128", (ipaddress.ip_network("10.0.0.1"), ipaddress.ip_network("::1"))),
        ("DIALECT_HOSTS", "nova=Nova.example", {"nova.example": "nova"}),
        ("PUBLIC_URL", "https://x.example/", "https://x.example"),
        ("PORT", "", 8000),
    ],
)
def test_values_are_read_from_text(read, name, text, value):
    assert read(**{f"HVEN_{name}": text})[name] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MAX_UPLOAD", "much"), ("MAX_UPLOAD", "-1"), ("SIGNUP", "perhaps"), ("PORT", "eighty"), ("PORT", "-1"),
        ("JOB_LEASE", "0"), ("JOB_LEASE", "nan"), ("JOB_LEASE", "inf"), ("LOG_FORMAT", "xml"),
        ("PUBLIC_URL", "x.example"),
        ("PUBLIC_URL", "https://x/?a=b"), ("TRUSTED_PROXIES", "proxy"), ("DIALECT_HOSTS", "nova"), ("DATA", "a\0b"),
    ],
)  # fmt: skip
def test_values_that_do_not_do_are_refused_with_the_name(read, name, text):
    with pytest.raises(Invalid, match=f"HVEN_{name}"):
        read(**{f"HVEN_{name}": text})


@pytest.mark.parametrize(
    "toml", ["signup = 3", "port = true", "index_path = [1]", "max_upload = []", "hosts = {a = 1}"]
)
def test_wrong_types_in_the_file_are_refused(read, toml):
    with pytest.raises(Invalid):
        read(toml)


def test_file_speaks_toml_types(read):
    found = read('signup = true\nindex_path = ["/a"]\n[dialect_hosts]\nnova = "n.example"')
    assert (found["SIGNUP"], found["INDEX_PATH"], found["DIALECT_HOSTS"]) == (
        True,
        (Path("/a"),),
        {"n.example": "nova"},
    )


def test_broken_or_missing_files_are_told(read, tmp_path):
    with pytest.raises(Invalid, match="TOML"):
        read("= nonsense")
    with pytest.raises(Invalid, match="does not exist"):
        options.read({"HVEN_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(Invalid, match="environment only"):
        read('data = "/elsewhere"')


def test_secrets_are_masked_also_in_complaints(read):
    found = read(HVEN_ADMIN_PASSWORD="hunter2hunter2")
    assert "hunter2" not in found.settings["ADMIN_PASSWORD"].shown()
    assert found["ADMIN_PASSWORD"] == "hunter2hunter2"


def test_home_is_expanded_and_paths_are_absolute(read, monkeypatch):
    monkeypatch.setenv("HOME", "/home/tycho")
    assert options.read({}).data == Path("/home/tycho/.local/share/hven")
    assert read(HVEN_ASSETS="here")["ASSETS"].is_absolute()


def test_every_setting_is_documented_with_its_default(checkout):
    rows = (checkout / "docs" / "settings.md").read_text().splitlines()
    for option in options.OPTIONS:
        shown = option.kind.show(option.default) if option.default is not None else ""
        row = f"| `{option.variable}` | {f'`{shown}`' if shown else ''} | {option.doc} |"
        assert row in rows, f"docs/settings.md lacks the row: {row}"
    documented = {row.split("`")[1] for row in rows if row.startswith("| `HVEN_")}
    assert documented == {option.variable for option in options.OPTIONS}


def test_every_setting_is_given_to_django():
    from hven.config import settings

    for option in options.OPTIONS:
        assert hasattr(settings, option.variable)
        if option.name != "ASSETS":
            assert getattr(settings, option.variable) == settings.OPTIONS[option.name]


def test_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = load_or_make(tmp_path / "new")
    assert len(key) >= 50
    assert load_or_make(tmp_path / "new") == key
    path = tmp_path / "new" / "secret-key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret-key"]
    path.write_text("short")
    with pytest.raises(Unavailable):
        load_or_make(tmp_path / "new")


def test_data_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((Unavailable, NotADirectoryError)):
        load_or_make(tmp_path / "file" / "data")


def test_config_show_tells_value_and_origin(capsys, monkeypatch):
    from hven.cli import main

    monkeypatch.setenv("HVEN_PORT", "8123")
    monkeypatch.setenv("HVEN_SECRET_KEY", "x" * 60)
    assert main(["config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(options.OPTIONS)
    assert next(line for line in lines if line.startswith("HVEN_PORT ")).split() == ["HVEN_PORT", "8123", "environment"]
    assert not any("xxx" in line for line in lines)
    assert main(["config", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["HVEN_PORT"] == {"value": "8123", "origin": "environment"}


def test_wrong_setting_is_one_sentence_and_status_two(capsys, monkeypatch):
    from hven.cli import main

    monkeypatch.setenv("HVEN_PROT", "1")
    assert main(["config", "show"]) == 2
    error = capsys.readouterr().err
    assert "HVEN_PORT" in error
    assert "Traceback" not in error
