"""Packages: datasets put together to be handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant, Observatory, User, Visibility
from hven.accounts.services.owning import new_owner
from hven.archive.models import DataFile, Dataset, Package
from hven.archive.services.names import kept_text
from hven.errors import Invalid, NotFound

MOST_SHARED = 200  # people


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


@transaction.atomic
def delete_package(actor: Actor, package: Package) -> None:
    """Delete a package; its datasets stay."""
    access.check(actor, access.Verb.DELETE, package)
    Grant.objects.filter(record=package.uuid).delete()
    package.delete()


def files_of_package(actor: Actor, package: Package) -> QuerySet[DataFile]:
    """Return the files that whoever may open a package gets with it, dataset by dataset.

    They are those of the package's owner or observatory, and what the actor may open anyway: nobody hands on what was
    only shown to them.
    """
    handed_on = Q(owner=package.owner)
    if package.observatory_id is not None:
        handed_on |= Q(observatory=package.observatory_id)
    inside = DataFile.objects.filter(dataset__in=package.datasets.all()).select_related("blob", "dataset")
    allowed = handed_on | access.permitted(actor, access.Verb.OPEN, kind=DataFile)
    return inside.filter(allowed).order_by("dataset", "id")


@transaction.atomic
def share_with(actor: Actor, package: Package, names: Sequence[str]) -> None:
    """Let these users see and open a package, and no others by name.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not share it.
    Invalid, NotFound
        They are very many, or one of them is unknown.
    """
    access.check(actor, access.Verb.SHARE, package)
    if len(names) > MOST_SHARED:
        raise Invalid(f"A package is shared with up to {MOST_SHARED} people by name.")
    users = []
    for name in dict.fromkeys(names):
        user = User.objects.filter(username__iexact=name, is_visitor=False).first()
        if user is None:
            raise NotFound(f"There is no user {name[:60]}.")
        users.append(user)
    present = Grant.objects.filter(record=package.uuid, user__isnull=False)
    present.exclude(user__in=users).delete()
    known = set(present.values_list("user", flat=True))
    for user in users:
        if user.pk not in known:
            accounts.grant_to(actor, package, user)


def shared_with(package: Package) -> list[str]:
    """Return the names of those with whom a package is shared."""
    receivers = Grant.objects.filter(record=package.uuid, user__isnull=False)
    return sorted(receivers.values_list("user__username", flat=True))


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
