"""Users, passwords, observatories."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from hven.accounts.models import AccessKey, Membership, Observatory, Role, User
from hven.accounts.services.visitors import NAME as VISITOR
from hven.errors import Conflict, Forbidden, Invalid


@transaction.atomic
def create_user(username: str, password: str | None = None, *, email: str = "", admin: bool = False) -> User:
    """Make a user; without a password they can use keys only.

    Raises
    ------
    Invalid
        The name, the address or the password does not do; the message says why.
    Conflict
        The name is taken, in whatever case.
    """
    username = User.normalize_username(username or "").strip()
    if username.lower() == VISITOR or User.objects.filter(username__iexact=username).exists():
        raise Conflict(f"The name {username} is taken.")
    user = User(username=username, email=User.objects.normalize_email(email), is_staff=admin, is_superuser=admin)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise Invalid(_sentence(error)) from error
    _set_password(user, password)
    user.save(force_insert=True)
    return user


def sign_up(username: str, password: str, email: str = "") -> User:
    """Make an account for a visitor, where the operator allows it."""
    if not settings.HVEN_SIGNUP:
        raise Forbidden("This server's operator makes accounts; ask them for one.")
    if not password:
        raise Invalid("Choose a password.")
    return create_user(username, password, email=email)


@transaction.atomic
def change_password(user: User, password: str, *, current: str | None = None) -> None:
    """Give a user a new password and end their sessions; ``current`` is checked when it is given.

    Pages pass ``current``; an operator on the command line has none to pass.
    """
    if current is not None and not user.check_password(current):
        raise Invalid("The current password is not right.")
    _set_password(user, password)
    user.save(update_fields=["password"])
    AccessKey.objects.filter(user=user, kind=AccessKey.Kind.SESSION).delete()


@transaction.atomic
def create_observatory(owner: User, name: str, slug: str = "") -> Observatory:
    """Make an observatory with its first owner."""
    name = name.strip()
    slug = slug or slugify(name)
    if not name or not slug:
        raise Invalid("An observatory needs a name with at least one letter or digit.")
    if Observatory.objects.filter(slug=slug).exists():
        raise Conflict(f"The short name {slug} is taken.")
    observatory = Observatory(name=name, slug=slug)
    try:
        observatory.clean_fields()
    except ValidationError as error:
        raise Invalid(_sentence(error)) from error
    observatory.save(force_insert=True)
    Membership.objects.create(observatory=observatory, user=owner, role=Role.OWNER)
    return observatory


@transaction.atomic
def add_member(observatory: Observatory, user: User, role: int = Role.MEMBER) -> Membership:
    """Give a user a role in an observatory, or another one than they have.

    Raises
    ------
    Conflict
        The observatory's last owner would lose that role.
    """
    if role not in Role.values:
        raise Invalid("There is no such role.")
    others = Membership.objects.filter(observatory=observatory, role=Role.OWNER).exclude(user=user)
    present = Membership.objects.filter(observatory=observatory, user=user).first()
    if present and present.role == Role.OWNER and role != Role.OWNER and not others.exists():
        raise Conflict("An observatory needs an owner; make somebody else one first.")
    membership, _ = Membership.objects.update_or_create(observatory=observatory, user=user, defaults={"role": role})
    return membership


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(_sentence(error)) from error
    user.set_password(password)


def _sentence(error: ValidationError) -> str:
    return " ".join(error.messages)
