"""Albums: datasets that people make, name, fill and give away."""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import Case, Q, QuerySet, RestrictedError, When
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Grant, User, Visibility
from hven.archive.models import DataFile, Dataset
from hven.archive.services import text_index
from hven.archive.services.files import INBOX, inbox
from hven.archive.services.names import kept_text
from hven.archive.services.nights import file_into_night, refile_dataset
from hven.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

LONGEST_NAME = 200  # characters
_AT_ONCE = 200  # files that are filed anew while somebody waits; more are by a job
NO_ALBUM = "There is no album of that title."


@transaction.atomic
def make_album(actor: Actor, name: str, *, visibility: str = Visibility.PRIVATE, about: str = "") -> Dataset:
    """Make an empty album.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, or its key may not write.
    Invalid
        There is no name, or no such visibility.
    Conflict
        The actor has an album of that name, whatever the capitals.
    """
    access.need(actor, WRITE)
    if actor.user is None:
        raise Unauthenticated("Sign in to make a dataset.")
    if visibility not in Visibility.values:
        raise Invalid("A record is private or public.")
    album = Dataset(
        owner=actor.user,
        observatory=actor.key.observatory if actor.key else None,
        visibility=visibility,
        about=kept_text(about)[:10_000],
    )
    return _named(album, name)


@transaction.atomic
def rename_album(actor: Actor, album: Dataset, name: str, *, about: str | None = None) -> Dataset:
    """Give an album another name, and other words about it where some are given.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change it.
    Invalid, Conflict
        As in `make_album`; an inbox keeps its name.
    """
    access.check(actor, access.Verb.CHANGE, album)
    if album.inbox:
        raise Invalid("An inbox keeps its name; make a dataset beside it.")
    if about is not None:
        album.about = kept_text(about)[:10_000]
    return _named(album, name)


@transaction.atomic
def delete_album(actor: Actor, album: Dataset) -> None:
    """Delete an album; its files go back to their owners' inboxes.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not delete it.
    Invalid
        It is an inbox.
    Conflict
        A file came into it meanwhile.
    """
    access.check(actor, access.Verb.DELETE, album)
    if album.inbox:
        raise Invalid("An inbox cannot be deleted.")
    for owner in User.objects.filter(pk__in=album.data_files.values("owner").distinct()):
        _move(album.data_files.filter(owner=owner), inbox(owner), actor)
    try:
        album.delete()
    except RestrictedError:
        raise Conflict("Somebody put a file into the dataset just now; delete it again.") from None
    Grant.objects.filter(record=album.uuid).delete()


@transaction.atomic
def move_files(actor: Actor, files: Collection[DataFile] | QuerySet[DataFile], album: Dataset) -> int:
    """Put data files into an album, out of the one they were in; return how many.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the album, or one of the files; then none is moved.
    """
    access.check(actor, access.Verb.CHANGE, album)
    wanted = {file.pk for file in files}
    allowed = access.visible(DataFile.objects.filter(pk__in=wanted), actor, access.Verb.CHANGE)
    if allowed.count() != len(wanted):
        raise Forbidden("You may not move some of these files; ask their owners.")
    return _move(DataFile.objects.filter(pk__in=wanted), album, actor)


def _move(files: QuerySet[DataFile], album: Dataset, actor: Actor) -> int:
    """Put files into an album with what depends on where they are: searches, and nights."""
    moved = list(files.values_list("pk", flat=True))
    for first in range(0, len(moved), _AT_ONCE):
        part = DataFile.objects.filter(pk__in=moved[first : first + _AT_ONCE])
        part.update(dataset=album, changed=timezone.now())
        text_index.note_rows(part)
    if len(moved) > _AT_ONCE:
        refile_dataset(album, actor)
        return len(moved)
    filed = Q(observation__isnull=False) | Q(calibration__isnull=False) | ~Q(unfiled="")
    for data_file in DataFile.objects.filter(filed | Q(dataset__telescope__isnull=False), pk__in=moved).order_by("id"):
        file_into_night(data_file)
    return len(moved)


def visible_albums(actor: Actor) -> QuerySet[Dataset]:
    """Return the albums that the actor may see, by name; inboxes are their owners' own and come to nobody else."""
    albums = access.visible(Dataset.objects.select_related("owner"), actor)
    mine = Q(owner=actor.user) if actor.user is not None else Q(pk__in=())
    return albums.filter(mine | Q(inbox=False)).order_by("name", "id")


def albums_to_fill(actor: Actor, name: str) -> QuerySet[Dataset]:
    """Return the albums of a title that the actor may put files into, their own before others'."""
    name = kept_text(name).strip()
    if actor.user is None or not name:
        return Dataset.objects.none()
    named = Dataset.objects.filter(name__iexact=name).exclude(~Q(owner=actor.user), inbox=True)
    # A key that only uploads fills the albums of its user too, without changing them.
    mine = Q(owner=actor.user)
    if actor.key is not None and actor.key.observatory_id is not None:
        mine &= Q(observatory=actor.key.observatory_id)
    allowed = access.permitted(actor, access.Verb.CHANGE)
    if UPLOAD in actor.scopes:
        allowed |= mine
    return named.filter(allowed).order_by(Case(When(owner=actor.user, then=0), default=1), "id")


def find_album(actor: Actor, name: str) -> Dataset:
    """Return the album of a title that the actor may put files into, their own before others'.

    Raises
    ------
    NotFound
        There is none.
    """
    album = albums_to_fill(actor, name).first()
    if album is None:
        raise NotFound(NO_ALBUM)
    return album


def _named(album: Dataset, name: str) -> Dataset:
    name = " ".join(kept_text(name).split())
    if not name:
        raise Invalid("A dataset needs a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"A dataset's name has at most {LONGEST_NAME} letters.")
    taken = Conflict(f"There is a dataset called {name} already.")
    others = Dataset.objects.filter(owner=album.owner, name__iexact=name).exclude(pk=album.pk)
    if name.casefold() == INBOX.casefold() or others.exists():
        raise taken
    album.name = name
    try:
        with transaction.atomic():
            album.save()
    except IntegrityError:  # another request was quicker
        raise taken from None
    return album
