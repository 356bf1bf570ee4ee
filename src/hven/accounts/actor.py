"""Who asks: the one thing that every service and every query is given about the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hven.accounts.models import AccessKey, User

READ = "read"  # see records and take their bytes
UPLOAD = "upload"  # hand over files, and see the records that this needs; no bytes come out
WRITE = "write"  # change, delete, process
MANAGE = "manage"  # keys, members, grants
SCOPES: tuple[str, ...] = (READ, UPLOAD, WRITE, MANAGE)
ALL: frozenset[str] = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in user, a user by way of a key, or nobody; each perhaps with the secrets of shared links."""

    user: User | None = None
    key: AccessKey | None = None
    scopes: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()  # sha256 of the links' secrets, hexadecimal

    @property
    def anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.user is None

    @property
    def key_opens_all(self) -> bool:
        """Whether no key narrows what the user may do to one observatory's records."""
        return self.key is None or self.key.observatory_id is None

    @classmethod
    def of(cls, user: User) -> Actor:
        """Return the actor for somebody who signed in with a password."""
        return cls(user=user, scopes=ALL)


ANYONE = Actor(scopes=frozenset({READ}))
