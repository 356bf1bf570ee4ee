"""`hven observatory`: organisations with members, made by the operator."""

from __future__ import annotations

import argparse

from hven.cli.support import set_up_django

HELP = "Add an observatory, give it members, list all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add an observatory")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--owner", required=True, metavar="USER", help="its first owner")
    add.add_argument("--slug", default="", metavar="WORD", help="its part of addresses; by default made of the name")
    member = actions.add_parser("member", help="give a user a role in an observatory, or another one")
    member.add_argument("observatory", metavar="OBSERVATORY", help="its name, or its part of addresses")
    member.add_argument("user", metavar="USER")
    member.add_argument("--role", default="member", choices=("visitor", "member", "admin", "owner"))
    actions.add_parser("list", help="list all observatories with their members")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    set_up_django()
    from hven.ops.database import check_migrated

    check_migrated()
    return {"add": _add, "member": _member, "list": _list}[args.action](args)


def _add(args: argparse.Namespace) -> int:
    from hven.accounts import services
    from hven.cli.user import user_called

    made = services.create_observatory(user_called(args.owner), args.name, args.slug)
    print(f"Added {made.name} ({made.slug}). A member: hven observatory member {made.slug} USER --role member")
    return 0


def _member(args: argparse.Namespace) -> int:
    from django.db.models import Q

    from hven.accounts import services
    from hven.accounts.models import Observatory, Role
    from hven.cli.user import user_called
    from hven.errors import NotFound

    found = Observatory.objects.filter(Q(slug=args.observatory) | Q(name__iexact=args.observatory)).first()
    if found is None:
        raise NotFound(f"There is no observatory {args.observatory}; `hven observatory list` shows those that are.")
    membership = services.add_member(found, user_called(args.user), Role[args.role.upper()])
    print(f"{membership.user.username} is {args.role} of {found.name}.")
    return 0


def _list(_args: argparse.Namespace) -> int:
    from hven.accounts.models import Observatory, Role

    rows = Observatory.objects.order_by("slug").prefetch_related("memberships__user")
    if not rows:
        print("There is no observatory yet. hven observatory add NAME --owner USER makes one.")
    for row in rows:
        members = ", ".join(f"{one.user.username} ({Role(one.role).label.lower()})" for one in row.memberships.all())
        print(f"{row.slug}: {row.name}; {members}")
    return 0
