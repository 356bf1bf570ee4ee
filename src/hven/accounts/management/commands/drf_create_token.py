"""`manage.py drf_create_token USER`: a token for programs, by the name under which other servers have this command."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hven.accounts import services
from hven.accounts.models import User


class Command(BaseCommand):
    """Make a token of 30 days for a user and print it, once."""

    help = "Makes an access token for a user and prints it, this once: it is kept as a digest only."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("username", help="whose token it is")
        parser.add_argument("-r", "--reset", action="store_true", help="accepted; a new token is made at every call")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it."""
        user = User.objects.filter(username__iexact=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}; `hven user add` makes one.")
        made = services.mint_token(user, "drf_create_token")
        self.stdout.write(f"Generated token {made.secret} for user {user.username}")
