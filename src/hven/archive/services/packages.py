"""Packages: datasets put together to be handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Observatory, Visibility
from hven.accounts.services.owning import new_owner
from hven.archive.models import Dataset, Package
from hven.archive.services.names import kept_text
from hven.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class PackageWords:
    """What is said of a package; None leaves a thing as it is."""

    name: str | None = None
    about: str | None = None
    datasets: Sequence[Dataset] | None = None
    public: bool | None = None


@transaction.atomic
def create_package(actor: Actor, words: PackageWords, observatory: Observatory | None = None) -> Package:
    """Make a package of datasets that the actor may open.

    Raises
    ------
    Unauthenticated, Forbidden, Invalid, NotFound
        The actor is nobody or no member; it has no name; a dataset is not to be opened.
    """
    owner = new_owner(actor, observatory, Package.change_role)
    package = Package(owner=owner, observatory=observatory)
    return _say(actor, package, words)


@transaction.atomic
def change_package(actor: Actor, package: Package, words: PackageWords) -> Package:
    """Change a package; making it public or private takes the right to share it."""
    access.check(actor, access.Verb.CHANGE, package)
    return _say(actor, Package.objects.select_for_update().get(pk=package.pk), words)


def _say(actor: Actor, package: Package, words: PackageWords) -> Package:
    if words.name is not None:
        package.name = kept_text(words.name).strip()
    if not package.name or len(package.name) > 200:
        raise Invalid("A package's name has 1 to 200 characters.")
    if words.about is not None:
        package.about = kept_text(words.about)[:10_000]
    if words.public is not None:
        wanted = Visibility.PUBLIC if words.public else Visibility.PRIVATE
        if package.pk is not None and package.visibility != wanted:
            access.check(actor, access.Verb.SHARE, package)
        package.visibility = wanted
    package.save()
    if words.datasets is not None:
        for dataset in words.datasets:
            if not access.may(actor, access.Verb.OPEN, dataset):
                raise NotFound("There is no such dataset, or you may not open it.")
        package.datasets.set(words.datasets)
    return package
