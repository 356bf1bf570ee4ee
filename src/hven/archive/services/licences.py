"""What an owner lets others do with files."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import CommercialUse, DataFile, Modifications
from hven.errors import Invalid


@dataclass(frozen=True, slots=True)
class Licence:
    """Words of `CommercialUse` and `Modifications`; empty means the server's default."""

    commercial_use: str = ""
    modifications: str = ""

    def check(self) -> None:
        """Raise Invalid unless both words exist."""
        if self.commercial_use not in CommercialUse.values:
            raise Invalid("Commercial use is allowed (yes), not allowed (no), or left to the server's default.")
        if self.modifications not in Modifications.values:
            raise Invalid("Modifications are allowed (yes, or share alike), not allowed (no), or left to the default.")


NO_LICENCE = Licence()


@transaction.atomic
def set_licence(actor: Actor, data_file: DataFile, licence: Licence) -> None:
    """Say what others may do with a data file.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not share the file.
    Invalid
        There is no such licence.
    """
    licence.check()
    access.check(actor, access.Verb.SHARE, data_file)
    data_file.commercial_use, data_file.modifications = licence.commercial_use, licence.modifications
    data_file.save(update_fields=["commercial_use", "modifications", "changed"])
