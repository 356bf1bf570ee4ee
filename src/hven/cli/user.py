"""`hven user`: accounts, made and mended by the operator."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from hven.cli.support import set_up_django

if TYPE_CHECKING:
    from hven.accounts.models import User
    from hven.config.kinds import Kind

HELP = "Add a user, give one a new password or limits, list all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add a user")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--email", default="", metavar="ADDRESS")
    add.add_argument("--admin", action="store_true", help="with the right to open the staff pages")
    add.add_argument("--no-password", action="store_true", help="without a password: such a user has keys only")
    password = actions.add_parser("password", help="give a user a new password")
    password.add_argument("name", metavar="NAME")
    for command in (add, password):
        command.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    quota = actions.add_parser("quota", help="show what a user's files take and may take, or set it")
    quota.add_argument("name", metavar="NAME", help="of the user")
    quota.add_argument("--storage", metavar="SIZE", help="such as 500 GB; 'none', or 'default' for HVEN_QUOTA_STORAGE")
    quota.add_argument("--queued", metavar="N", help="jobs at once; 'none', or 'default' for HVEN_QUOTA_QUEUED")
    actions.add_parser("list", help="list all users")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    set_up_django()
    from hven.ops.database import check_migrated

    check_migrated()
    if args.action == "add":
        return _add(args)
    if args.action == "password":
        return _password(args)
    if args.action == "quota":
        return _quota(args)
    return _list()


def user_called(name: str) -> User:
    """Return the user with a name; raise NotFound with the way to the right one."""
    from hven.accounts.models import User
    from hven.errors import NotFound

    try:
        return User.objects.get(username__iexact=name)
    except User.DoesNotExist:
        raise NotFound(f"There is no user called {name}. `hven user list` shows all.") from None


def _add(args: argparse.Namespace) -> int:
    from hven.accounts import services

    password = None if args.no_password else _ask(args.password_stdin)
    user = services.create_user(args.name, password, email=args.email, admin=args.admin)
    print(f"Added {user.username}. A key for programs: hven key new {user.username} --kind api")
    return 0


def _password(args: argparse.Namespace) -> int:
    from hven.accounts import services

    user = user_called(args.name)
    services.change_password(user, _ask(args.password_stdin))
    print(f"{user.username} has a new password.")
    return 0


def _quota(args: argparse.Namespace) -> int:
    from hven.accounts import services
    from hven.archive.services import bytes_kept
    from hven.config import kinds

    user = user_called(args.name)
    if args.storage is not None or args.queued is not None:
        services.set_quotas(
            user,
            storage=_limit(args.storage, kinds.SIZE, user.quota_storage),
            queued=_limit(args.queued, kinds.COUNT, user.quota_queued),
        )
    storage, queued = services.storage_quota(user), services.queue_quota(user)
    print(
        f"{user.username}: {bytes_kept(user):,} bytes kept of {f'{storage:,}' if storage else 'any number'},"
        f" {f'{queued:,}' if queued else 'any number of'} jobs at once"
    )
    return 0


def _limit(text: str | None, kind: Kind, present: int | None) -> int | None:
    """Return a limit as it is kept: 0 for none, None for the server's setting."""
    from hven.errors import Invalid

    if text is None:
        return present
    if text in {"none", "default"}:
        return 0 if text == "none" else None
    try:
        return int(kind.parse(text))
    except ValueError as error:
        raise Invalid(f"`{text}` is no limit: {error}. It takes {kind.takes}, 'none' or 'default'.") from error


def _list() -> int:
    from hven.accounts.models import User

    for user in User.objects.order_by("id"):
        marks = [
            "admin" if user.is_superuser else "",
            "" if user.is_active else "closed",
            "" if user.has_usable_password() else "keys only",
            "visitors" if user.is_visitor else "",
        ]
        print(
            f"{user.pk:5}  {user.username:30}  {user.date_joined:%Y-%m-%d}  {', '.join(filter(None, marks))}".rstrip()
        )
    return 0


def _ask(from_input: bool) -> str:
    from hven.errors import Invalid

    if from_input or not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise Invalid("The two passwords differ.")
    if not password:
        raise Invalid("The password is empty.")
    return password
