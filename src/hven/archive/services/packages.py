"""Packages: datasets put together to be handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant, Membership, Observatory, Role, User, Visibility
from hven.accounts.services.owning import new_owner
from hven.archive.models import DataFile, Dataset, Package, PackagedDataset
from hven.archive.services.names import kept_text
from hven.errors import Forbidden, Invalid, NotFound

MOST_SHARED = 200  # people


@dataclass(frozen=True, slots=True)
class PackageWords:
    """What is said of a package; None leaves a thing as it is."""

    name: str | None = None
    about: str | None = None
    datasets: Sequence[Dataset] | None = None  # besides those of which the actor does not know; they stay
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

    Of a dataset they are those that who put it in may give away: their own, and those of an observatory in which they
    are an admin still. Besides there are those that the actor may open anyway: nobody hands on what was only shown to
    them, neither the package's owner nor whoever may change it.
    """
    packed = package.packed.filter(dataset=OuterRef("dataset"))
    admin = Q(
        by__memberships__observatory=OuterRef("observatory"),
        by__memberships__role__gte=Role.ADMIN,
    )
    handed_on = Exists(packed.filter(by=OuterRef("owner"))) | Exists(packed.filter(admin))
    inside = DataFile.objects.filter(dataset__in=package.packed.values("dataset")).select_related("blob", "dataset")
    allowed = handed_on | access.permitted(actor, access.Verb.OPEN, kind=DataFile)
    return inside.filter(allowed).order_by("dataset", "id")


def datasets_of_package(actor: Actor, package: Package) -> QuerySet[Dataset]:
    """Return the datasets in a package that the actor may know of: those they see or of which they get files."""
    given = files_of_package(actor, package).order_by().values("dataset")
    known = access.permitted(actor, access.Verb.SEE, kind=Dataset)
    return Dataset.objects.filter(known | Q(pk__in=given), packed__package=package).order_by("name", "id")


def may_share(actor: Actor, package: Package) -> bool:
    """Say whether the actor may give a package to others: its owner, or in an observatory's name an admin there.

    Having made one in an observatory's name is not enough: it hands on what others put into it.
    """
    if not access.may(actor, access.Verb.SHARE, package):
        return False
    if package.observatory_id is None:
        return True
    places = Membership.objects.filter(user=actor.user, observatory=package.observatory_id)
    return places.filter(role__gte=Role.ADMIN).exists()


def check_share(actor: Actor, package: Package) -> None:
    """Raise Unauthenticated or Forbidden unless the actor may give a package to others."""
    access.check(actor, access.Verb.SHARE, package)
    if not may_share(actor, package):
        raise Forbidden("To share a package of an observatory takes an admin there; ask one.")


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
    check_share(actor, package)
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
    wanted = package.visibility
    if words.public is not None:
        wanted = Visibility.PUBLIC if words.public else Visibility.PRIVATE
    if package.pk is None:
        package.save()
    if package.visibility != wanted:
        check_share(actor, package)
        package.visibility = wanted
    package.save()
    if words.datasets is not None:
        _pack(actor, package, words.datasets)
    return package


def _pack(actor: Actor, package: Package, wanted: Sequence[Dataset]) -> None:
    """Let these be the datasets of a package, of those that the actor may know of: what others put in stays."""
    present = set(package.packed.values_list("dataset", flat=True))
    known = datasets_of_package(actor, package).order_by().values_list("pk", flat=True)
    package.packed.filter(dataset__in=list(known)).exclude(dataset__in=wanted).delete()
    for dataset in wanted:
        if dataset.pk in present:
            continue  # and who put it in stays noted: it is theirs that is handed on
        if not access.may(actor, access.Verb.OPEN, dataset):
            raise NotFound("There is no such dataset, or you may not open it.")
        if dataset.inbox:
            raise Invalid("An inbox is for its owner alone; make a dataset of what you want to hand on.")
        PackagedDataset.objects.create(package=package, dataset=dataset, by=actor.user)
        present.add(dataset.pk)
