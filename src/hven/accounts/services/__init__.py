"""The verbs of accounts."""

from hven.accounts.services.keys import (
    MadeKey,
    authenticate_secret,
    list_keys,
    make_key,
    mint_token,
    revoke_key,
)
from hven.accounts.services.quotas import queue_quota, set_quotas, storage_quota
from hven.accounts.services.setup import complete_setup, first_run, make_setup_secret, setup_open
from hven.accounts.services.sharing import (
    MadeLink,
    grant_link,
    grant_to,
    link_actor,
    links_of,
    revoke_grant,
    set_visibility,
    shared_by,
    with_links,
)
from hven.accounts.services.sign_in import sign_in
from hven.accounts.services.users import add_member, change_password, create_observatory, create_user, sign_up
from hven.accounts.services.visitors import visitor, visitor_actor

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
    "links_of",
    "list_keys",
    "make_key",
    "make_setup_secret",
    "mint_token",
    "queue_quota",
    "revoke_grant",
    "revoke_key",
    "set_quotas",
    "set_visibility",
    "setup_open",
    "shared_by",
    "sign_in",
    "sign_up",
    "storage_quota",
    "visitor",
    "visitor_actor",
    "with_links",
]
