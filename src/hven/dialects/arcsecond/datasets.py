"""Datasets, and what the archive makes of them: night logs, observations, calibrations."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.accounts.models import Visibility
from hven.archive.models import Calibration, Dataset, NightLog, Observation
from hven.archive.services import datasets, nights
from hven.archive.services.datasets import DatasetWords
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.base import ArcsecondView, places_of, text, uuid_of, words
from hven.dialects.arcsecond.places import ANY, MANY, ONE
from hven.dialects.rest import described
from hven.errors import Invalid
from hven.sites.models import Telescope


class Datasets(ArcsecondView):
    """Datasets."""

    permission_classes = ()

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them; anonymous callers see public ones."""
        rows = with_counts(self.rows(Dataset))
        if name := request.query_params.get("name", ""):
            rows = rows.filter(name=name)
        for tag in request.query_params.get("tags", "").split(","):
            if tag.strip():
                # a list in JSON is compared as text on both databases, quotes included
                rows = rows.filter(tags__icontains=f'"{tag.strip()}"')
        return self.listed(rows, partial(wire.dataset, known=self.known))

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        made = datasets.create_dataset(self.actor, dataset_words(self, words(request)), self.observatory)
        return Response(wire.dataset(made, self.known), 201)


class OneDataset(ArcsecondView):
    """One dataset."""

    permission_classes = ()

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.dataset(self.find(Dataset, uuid=uuid), self.known))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Change it."""
        found = self.find(Dataset, Verb.CHANGE, uuid=uuid)
        sent = words(request)
        changed = datasets.change_dataset(self.actor, found, dataset_words(self, sent))
        if isinstance(sent.get("is_public"), bool):
            set_public(self, changed, public=sent["is_public"])
        return Response(wire.dataset(self.find(Dataset, uuid=uuid), self.known))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it, where it is empty."""
        datasets.delete_dataset_with_files(self.actor, self.find(Dataset, Verb.DELETE, uuid=uuid))
        return Response(status=204)


class NightLogs(ArcsecondView):
    """Night logs."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.rows(NightLog).select_related("telescope", "owner", "observatory")
        rows = rows.prefetch_related("observations", "calibrations").order_by("-date", "id")
        if said := request.query_params.get("date", ""):
            rows = rows.filter(date=_day(said))
        if said := request.query_params.get("telescope", ""):
            rows = rows.filter(telescope__uuid=uuid_of(said, "telescope"))
        return self.listed(rows, partial(wire.night_log, known=self.known))

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Open one before a file came; the same night and telescope give the same one."""
        sent = words(request)
        if not sent.get("telescope"):
            raise Invalid("A night log is of a telescope; name it by its uuid.")
        telescope = self.find(Telescope, uuid=uuid_of(sent["telescope"], "telescope"))
        night = nights.open_night(
            self.actor, telescope, _day(text(sent, "date") or ""), text(sent, "description") or ""
        )
        return Response(wire.night_log(night, self.known), 201)


class OneNightLog(ArcsecondView):
    """One night log."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it, with twilights and the Moon for ``?sky=1``."""
        found = self.find(NightLog, uuid=uuid)
        answer = wire.night_log(found, self.known)
        if self.asks_for("sky"):
            answer["sky"] = wire.sky(nights.sky_of(self.actor, found))
        return Response(answer)

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Change its description."""
        found = self.find(NightLog, Verb.CHANGE, uuid=uuid)
        found = nights.describe_night(self.actor, found, text(words(request), "description"))
        return Response(wire.night_log(found, self.known))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it; its files stay, and file themselves anew when they are read again."""
        nights.delete_night(self.actor, self.find(NightLog, Verb.DELETE, uuid=uuid))
        return Response(status=204)


class _Parts(ArcsecondView):
    """What observations and calibrations share."""

    model: type[Any] = Observation

    def narrowed(self, request: Request) -> QuerySet[Any]:
        """Return the rows that the address asks for."""
        rows: QuerySet[Any] = self.rows(self.model).select_related("night", "dataset", "owner", "observatory")
        if said := request.query_params.get("night_log", ""):
            rows = rows.filter(night__uuid=uuid_of(said, "night_log"))
        if said := request.query_params.get("dataset", ""):
            rows = rows.filter(dataset__uuid=uuid_of(said, "dataset"))
        if said := request.query_params.get("name", ""):
            rows = rows.filter(name=said)
        return rows

    def night(self, sent: dict[str, Any]) -> NightLog:
        """Return the night that was named."""
        if not sent.get("night_log"):
            raise Invalid("night_log is the uuid of a night log.")
        uuid = uuid_of(sent["night_log"], "night_log")
        # Visitors of an observatory add to its nights, whose logs they do not see.
        theirs = NightLog.objects.filter(observatory__in=places_of(self.actor).values("observatory"))
        if self.observatory is not None:
            theirs = theirs.filter(observatory=self.observatory)
        found: NightLog = theirs.filter(uuid=uuid).first() or self.find(NightLog, uuid=uuid)
        return found


class Observations(_Parts):
    """Observations."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.narrowed(request)
        if said := request.query_params.get("target_name", ""):
            rows = rows.filter(target_name=said)
        return self.listed(rows, wire.observation)

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        sent = words(request)
        made = nights.create_observation(
            self.actor, self.night(sent), text(sent, "target_name") or "", text(sent, "name") or "",
            text(sent, "target_class"),
        )  # fmt: skip
        return Response(wire.observation(made), 201)


class OneObservation(ArcsecondView):
    """One observation."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.observation(self.find(Observation, uuid=uuid)))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Rename it."""
        sent = words(request)
        found = nights.rename_part(
            self.actor,
            self.find(Observation, Verb.CHANGE, uuid=uuid),
            {name: text(sent, name) for name in ("name", "target_name", "target_class")},
        )
        return Response(wire.observation(found))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it; its files stay."""
        nights.delete_part(self.actor, self.find(Observation, Verb.DELETE, uuid=uuid))
        return Response(status=204)


class Calibrations(_Parts):
    """Calibrations."""

    model = Calibration

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        return self.listed(self.narrowed(request), wire.calibration)

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        sent = words(request)
        made = nights.create_calibration(self.actor, self.night(sent), text(sent, "name") or "")
        return Response(wire.calibration(made), 201)


class OneCalibration(ArcsecondView):
    """One calibration."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.calibration(self.find(Calibration, uuid=uuid)))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Rename it."""
        found = self.find(Calibration, Verb.CHANGE, uuid=uuid)
        return Response(wire.calibration(nights.rename_part(self.actor, found, {"name": text(words(request), "name")})))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it; its files stay."""
        nights.delete_part(self.actor, self.find(Calibration, Verb.DELETE, uuid=uuid))
        return Response(status=204)


def with_counts(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return datasets with the number of their files."""
    counted: QuerySet[Any] = rows.select_related("telescope", "owner", "observatory").annotate(
        files=Count("data_files")
    )
    return counted


def dataset_words(view: ArcsecondView, sent: dict[str, Any]) -> DatasetWords:
    """Return what was said of a dataset."""
    at = sent.get("telescope")
    tags = sent.get("tags")
    if isinstance(tags, str):
        tags = [tag for tag in tags.split(",") if tag.strip()]
    if tags is not None and not isinstance(tags, list):
        raise Invalid("tags are a list of texts.")
    return DatasetWords(
        name=text(sent, "name"),
        about=text(sent, "description"),
        telescope=None if at in (None, "") else view.find(Telescope, uuid=uuid_of(at, "telescope")),
        no_telescope="telescope" in sent and at in (None, ""),
        tags=tags,
        observer=text(sent, "observer"),
        rule="" if "rule" in sent and sent["rule"] is None else text(sent, "rule"),
    )


def set_public(view: ArcsecondView, dataset: Dataset, *, public: bool) -> None:
    """Make a dataset with its files public, or private again."""
    from hven.imaging.services.frames import set_album_visibility  # noqa: PLC0415 - it shares what is made of them, too

    wanted = Visibility.PUBLIC if public else Visibility.PRIVATE
    if dataset.visibility != wanted:
        access.check(view.actor, Verb.SHARE, dataset)
        set_album_visibility(view.actor, dataset, wanted)


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Invalid("A date is written YYYY-MM-DD: of the noon with which the night begins.") from None
