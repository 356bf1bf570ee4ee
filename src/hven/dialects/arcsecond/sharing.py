"""Data packages, and targets with their lists."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.archive.models import Dataset, Package, Target, TargetList
from hven.archive.services import packages, targets
from hven.archive.services.handing_out import zip_for
from hven.archive.services.packages import PackageWords
from hven.archive.services.targets import TargetWords
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.base import ArcsecondView, number, text, uuid_of, words
from hven.dialects.arcsecond.links import ByLink
from hven.dialects.arcsecond.places import ANY, MANY, ONE
from hven.dialects.rest import described
from hven.errors import Invalid


class _PackageView(ByLink):
    """What views of packages share."""

    permission_classes = ()

    def wired(self, one: Package) -> dict[str, Any]:
        """Return a package's JSON."""
        address = self.request.build_absolute_uri(reverse("arcsecond-package", args=[one.uuid]))
        if link := self.request.query_params.get("link", ""):
            address += f"?{urlencode({'link': link})}"
        shown = packages.shared_with(one) if access.may(self.actor, Verb.CHANGE, one) else []
        return wire.package(one, packages.datasets_of_package(self.actor, one), address, shown)

    @transaction.atomic
    def say(self, package: Package | None, sent: dict[str, Any]) -> Package:
        """Make or change a package as a request says, all of it or nothing."""
        named = sent.get("datasets")
        if named is not None and not isinstance(named, list):
            raise Invalid("datasets are a list of uuids.")
        public = sent.get("is_public")
        said = PackageWords(
            name=text(sent, "name"),
            about=text(sent, "description"),
            datasets=None if named is None else [self._dataset(package, uuid_of(one, "datasets")) for one in named],
            public=public if isinstance(public, bool) else None,
        )
        if package is None:
            made = packages.create_package(self.actor, said, self.observatory)
        else:
            made = packages.change_package(self.actor, package, said)
        if sent.get("shared_with") is not None:
            names = sent["shared_with"]
            if not isinstance(names, list):
                raise Invalid("shared_with is a list of user names.")
            packages.share_with(self.actor, made, [str(name) for name in names])
        return made

    def _dataset(self, package: Package | None, uuid: UUID) -> Dataset:
        """Return a dataset that is in a package, or that the caller may see."""
        inside = None if package is None else packages.datasets_of_package(self.actor, package).filter(uuid=uuid)
        found: Dataset = (inside.first() if inside is not None else None) or self.find(Dataset, uuid=uuid)
        return found


class Packages(_PackageView):
    """Data packages."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them, with those that others share with one; anonymous callers see public ones."""
        rows = self.rows(Package)
        if self.observatory is None and self.actor.user is not None:
            given = access.alive_grants().filter(user=self.actor.user).values("record")
            either = Q(pk__in=rows.values("pk")) | Q(uuid__in=given)
            rows = access.visible(Package.objects.filter(either), self.actor).order_by("id")
        if name := request.query_params.get("name", ""):
            rows = rows.filter(name=name)
        return self.listed(rows.select_related("owner", "observatory"), self.wired)

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        return Response(self.wired(self.say(None, words(request))), 201)


class OnePackage(_PackageView):
    """One data package."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(self.wired(self.find(Package, uuid=uuid)))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Change it."""
        return Response(self.wired(self.say(self.find(Package, Verb.CHANGE, uuid=uuid), words(request))))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it; its datasets stay."""
        packages.delete_package(self.actor, self.find(Package, Verb.DELETE, uuid=uuid))
        return Response(status=204)


class PackageZip(ByLink):
    """A data package as a zip archive."""

    permission_classes = ()

    @described(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> HttpResponseBase:
        """Return the files of its datasets, packed while they are sent."""
        package = self.find(Package, Verb.OPEN, uuid=uuid)
        files = packages.files_of_package(self.actor, package)
        response = StreamingHttpResponse(zip_for(self.actor, files), content_type="application/zip")
        response["Content-Disposition"] = content_disposition_header(True, f"{package.name}.zip") or "attachment"
        return response


class Targets(ArcsecondView):
    """Targets."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.rows(Target).select_related("owner", "observatory")
        for name, column in (("name", "name"), ("identifier", "identifier"), ("target_class", "kind")):
            if said := request.query_params.get(name, ""):
                rows = rows.filter(**{column: said})
        return self.listed(rows, wire.target)

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        made = targets.create_target(self.actor, target_words(words(request)), self.observatory)
        return Response(wire.target(made), 201)


class OneTarget(ArcsecondView):
    """One target."""

    @described(responses=ONE)
    def get(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.target(self.find(Target, pk=number)))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Change it."""
        found = self.find(Target, Verb.CHANGE, pk=number)
        return Response(wire.target(targets.change_target(self.actor, found, target_words(words(request)))))

    @described(responses={204: None})
    def delete(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Delete it."""
        self.find(Target, Verb.DELETE, pk=number).delete()
        return Response(status=204)


class TargetLists(ArcsecondView):
    """Lists of targets."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.rows(TargetList).select_related("owner", "observatory")
        if name := request.query_params.get("name", ""):
            rows = rows.filter(name=name)
        return self.listed(rows, wire.target_list)

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        sent = words(request)
        made = targets.create_list(
            self.actor, text(sent, "name") or "", text(sent, "description") or "", self.observatory
        )
        if sent.get("targets") is not None:
            targets.set_listed(self.actor, made, named_targets(self, sent["targets"]))
        return Response(wire.target_list(made), 201)


class OneTargetList(ArcsecondView):
    """One list of targets."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.target_list(self.find(TargetList, uuid=uuid)))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Rename it; ``targets`` replaces all that are in it."""
        found = self.find(TargetList, Verb.CHANGE, uuid=uuid)
        sent = words(request)
        targets.name_list(found, text(sent, "name"), text(sent, "description"))
        if sent.get("targets") is not None:
            targets.set_listed(self.actor, found, named_targets(self, sent["targets"]))
        return Response(wire.target_list(found))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it; its targets stay."""
        self.find(TargetList, Verb.DELETE, uuid=uuid).delete()
        return Response(status=204)


def target_words(sent: dict[str, Any]) -> TargetWords:
    """Return what was said of a target."""
    about = sent.get("object")
    if about is not None and not isinstance(about, dict):
        raise Invalid("object is an object with a name and equatorial_coordinates.")
    about = dict(about or {})
    place = about.pop("equatorial_coordinates", None) or {}
    if not isinstance(place, dict):
        raise Invalid("equatorial_coordinates are an object of right_ascension and declination in degrees.")
    tags = sent.get("tags")
    if tags is not None and not isinstance(tags, list):
        raise Invalid("tags are a list of texts.")
    name = text(sent, "name")
    return TargetWords(
        name=name if name is not None else text(about, "name"),
        identifier=text(sent, "identifier"),
        kind=text(sent, "target_class"),
        mode=text(sent, "mode"),
        ra=number(place, "right_ascension"),
        dec=number(place, "declination"),
        details={key: value for key, value in about.items() if key != "name"} or None,
        colour=text(sent, "color"),
        notes=text(sent, "notes"),
        tags=tags,
    )


def named_targets(view: ArcsecondView, sent: Any) -> list[Target]:
    """Return the targets that a list names: by their number, or made where they have none."""
    if not isinstance(sent, list):
        raise Invalid("targets are a list of objects.")
    found = []
    for one in sent:
        known = one if isinstance(one, int) else (one.get("id") or one.get("pk")) if isinstance(one, dict) else None
        if isinstance(known, int) and not isinstance(known, bool):
            found.append(view.find(Target, pk=known))
        elif isinstance(one, dict):
            found.append(targets.create_target(view.actor, target_words(one), view.observatory))
        else:
            raise Invalid("Each target is an object, with its id where it is known.")
    return found
