"""`hven key`: access keys for programs."""

from __future__ import annotations

import argparse

from hven.cli.support import set_up_django

HELP = "Make, list and revoke access keys"
KINDS = ("api", "upload", "personal", "token")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a key; its secret is printed alone on standard output, this once")
    new.add_argument("user", metavar="USER")
    new.add_argument("--kind", choices=KINDS, default="api", help="what it is for (default %(default)s)")
    new.add_argument("--name", default="", help="a word to know it by, such as the program's name")
    new.add_argument("--days", type=float, metavar="N", help="the key ends after N days")
    show = actions.add_parser("list", help="list the keys that work")
    show.add_argument("user", nargs="?", metavar="USER", help="of one user only")
    revoke = actions.add_parser("revoke", help="end a key")
    revoke.add_argument("key", metavar="KEY", help="its uuid, or its first 8 digits as `hven key list` shows them")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    set_up_django()
    from hven.ops.database import check_migrated

    check_migrated()
    if args.action == "new":
        return _new(args)
    if args.action == "list":
        return _list(args)
    return _revoke(args)


def _new(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from hven.accounts import services
    from hven.cli.user import user_called
    from hven.errors import Invalid

    if args.days is not None and not 0 < args.days < 36_500:
        raise Invalid("A key lasts some days, and less than a hundred years.")
    lifetime = None if args.days is None else timedelta(days=args.days)
    print(services.make_key(user_called(args.user), args.kind, args.name, lifetime=lifetime).secret)
    return 0


def _list(args: argparse.Namespace) -> int:
    from hven.accounts import services
    from hven.accounts.models import User
    from hven.cli.user import user_called

    users = [user_called(args.user)] if args.user else User.objects.order_by("id")
    for user in users:
        for key in services.list_keys(user):
            ends = f"ends {key.expires:%Y-%m-%d}" if key.expires else ""
            used = f"used {key.last_used:%Y-%m-%d}" if key.last_used else "never used"
            print(f"{key.prefix}  {key.kind:8}  {user.username:20}  {used:15}  {ends:15}  {key.name}".rstrip())
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from hven.accounts import services
    from hven.accounts.models import User
    from hven.errors import Invalid, NotFound

    holders = []
    for user in User.objects.order_by("id"):
        keys = services.list_keys(user)
        if any(args.key in {str(key.uuid), key.uuid.hex} or args.key[:8] == key.prefix for key in keys):
            holders.append(user)
    if not holders:
        raise NotFound("There is no such key. `hven key list` shows the keys that work.")
    if len(holders) > 1:
        raise Invalid("Several keys begin with these digits; name the one by its uuid.")
    key = services.revoke_key(holders[0], args.key)
    print(f"{key.prefix}… of {holders[0].username} opens nothing any more.")
    return 0
