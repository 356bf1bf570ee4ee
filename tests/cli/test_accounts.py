"""`hven user` and `hven key`, as a person at a terminal uses them."""

from __future__ import annotations

import io
import re

import pytest

from hven.accounts import services
from hven.accounts.models import User
from hven.cli import COMMANDS, main

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hven(capsys, monkeypatch):
    """Run a command; return status, output and errors."""

    def run(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = main(arguments)
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"hven {command}" in capsys.readouterr().out


def test_user_is_added_with_the_password_of_standard_input(hven):
    status, out, _ = hven("user", "add", "tycho", "--password-stdin", "--admin", stdin="uraniborg-1576\nrest\n")
    assert status == 0
    assert "tycho" in out
    assert services.sign_in("tycho", "uraniborg-1576", "::1").is_superuser


def test_refusals_are_one_sentence_and_status_two(hven, user):
    for arguments, stdin in (
        (("user", "add", "tycho", "--password-stdin"), "uraniborg-1576\n"),
        (("user", "add", "weak", "--password-stdin"), "weak\n"),
        (("user", "add", "empty", "--password-stdin"), ""),
        (("user", "password", "nobody", "--password-stdin"), "uraniborg-1576\n"),
        (("key", "new", "nobody"), ""),
        (("key", "new", "tycho", "--days", "0"), ""),
        (("key", "revoke", "00000000"), ""),
    ):
        status, out, err = hven(*arguments, stdin=stdin)
        assert (status, out) == (2, ""), arguments
        assert err.startswith("hven: ")
        assert "Traceback" not in err
    assert User.objects.count() == 1


def test_password_is_changed(hven, user):
    assert hven("user", "password", "TYCHO", "--password-stdin", stdin="stella-nova-1572\n")[0] == 0
    assert services.sign_in("tycho", "stella-nova-1572", "::1") == user


def test_user_without_password_has_keys_only(hven):
    assert hven("user", "add", "robot", "--no-password")[0] == 0
    assert "keys only" in hven("user", "list")[1]


@pytest.mark.parametrize("kind", ["api", "upload", "personal", "token"])
def test_secret_stands_alone_on_standard_output(hven, user, kind):
    status, out, err = hven("key", "new", "tycho", "--kind", kind, "--name", "laptop")
    assert status == 0
    assert err == ""
    assert re.fullmatch(r"[0-9a-f]{40}\n", out)
    assert services.authenticate_secret(out.strip()).user == user


def test_keys_are_listed_without_secrets_and_revoked_by_their_first_digits(hven, user):
    secret = hven("key", "new", "tycho", "--name", "laptop")[1].strip()
    listed = hven("key", "list")[1]
    assert secret not in listed
    assert secret[:8] in listed
    assert "laptop" in listed
    assert hven("key", "list", "tycho")[1] == listed
    assert hven("key", "revoke", secret[:8])[0] == 0
    assert hven("key", "list")[1] == ""


def test_limits_of_one_user_are_set_shown_and_given_back(hven, user, settings):
    settings.HVEN_QUOTA_QUEUED = 7
    shown = hven("user", "quota", "tycho", "--storage", "5 GiB", "--queued", "none")[1]
    assert shown == "tycho: 0 bytes kept of 5,368,709,120, any number of jobs at once\n"
    assert "any number, 7 jobs" in hven("user", "quota", "tycho", "--storage", "none", "--queued", "default")[1]
    for wrong in (("--storage", "lots"), ("--queued", "-1"), ("--queued", "1.5")):
        status, out, err = hven("user", "quota", "tycho", *wrong)
        assert (status, out) == (2, "")
        assert err.startswith("hven: ") and "'none' or 'default'" in err
    user.refresh_from_db()
    assert (user.quota_storage, user.quota_queued) == (0, None)
