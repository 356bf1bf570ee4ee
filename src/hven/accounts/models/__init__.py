"""Users, observatories, memberships, access keys, grants, and the base of every record that somebody owns."""

from hven.accounts.models.grants import Grant
from hven.accounts.models.keys import AccessKey
from hven.accounts.models.owned import Owned, Visibility
from hven.accounts.models.sign_in import SetupLink, SignInAttempt
from hven.accounts.models.users import Membership, Observatory, Role, User

__all__ = [
    "AccessKey",
    "Grant",
    "Membership",
    "Observatory",
    "Owned",
    "Role",
    "SetupLink",
    "SignInAttempt",
    "User",
    "Visibility",
]
