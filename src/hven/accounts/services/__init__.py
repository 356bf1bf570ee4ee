"""The verbs of accounts."""

from hven.accounts.services.keys import (
    MadeKey,
    authenticate_secret,
    list_keys,
    make_key,
    mint_token,
    revoke_key,
)
from hven.accounts.services.setup import complete_setup, first_run, make_setup_secret, setup_open
from hven.accounts.services.sharing import MadeLink, grant_link, grant_to, link_actor, revoke_grant, set_visibility
from hven.accounts.services.sign_in import sign_in
from hven.accounts.services.users import add_member, change_password, create_observatory, create_user, sign_up

__all__ = [
    "MadeKey",
    "MadeLink",
    "add_member",
    "authenticate_secret",
    "change_password",
    "complete_setup",
    "create_observatory",
    "create_user",
    "first_run",
    "grant_link",
    "grant_to",
    "link_actor",
    "list_keys",
    "make_key",
    "make_setup_secret",
    "mint_token",
    "revoke_grant",
    "revoke_key",
    "set_visibility",
    "setup_open",
    "sign_in",
    "sign_up",
]
