"""Arcsecond's addresses, each with and without an organisation's subdomain in front. Every one ends with a slash."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from hven.dialects.arcsecond import datasets, files, links, people, places, resumable, sharing
from hven.dialects.arcsecond.base import ArcsecondView


class Schema(SpectacularAPIView):
    """The dialect's own description as OpenAPI."""

    urlconf = "hven.dialects.arcsecond.urls"
    authentication_classes = ()
    permission_classes = ()
    schema = None
    get_exception_handler = ArcsecondView.get_exception_handler
    custom_settings = {
        "TITLE": "hven: the Arcsecond API",
        "VERSION": "1",
        "SCHEMA_PATH_PREFIX": "/",
        "SERVERS": [{"url": "/arcsecond"}],
    }


class Explorer(SpectacularSwaggerSplitView):
    """A page on which the API can be tried."""

    authentication_classes = ()
    permission_classes = ()
    schema = None
    url_name = "arcsecond-schema"


@csrf_exempt
def nothing_here(request: HttpRequest, **_: Any) -> JsonResponse:
    """Answer at addresses that are none."""
    return JsonResponse({"detail": "Not found."}, status=404)


@csrf_exempt
def health(request: HttpRequest) -> JsonResponse:
    """Say that the server answers."""
    return JsonResponse({"status": "ok"})


# Path, view, and the name of the plain one. Files come first, and these before all else: they are asked for most.
_RESOURCES: tuple[tuple[str, Any, str], ...] = (
    ("datafiles/", files.DataFiles, ""),
    ("profiles/<str:username>/", people.Profile, ""),
    ("observingsites/", places.Sites, ""),
    ("observingsites/<uuid:uuid>/", places.OneSite, ""),
    ("telescopes/", places.Telescopes, ""),
    ("telescopes/<uuid:uuid>/", places.OneTelescope, ""),
    ("nightlogs/", datasets.NightLogs, ""),
    ("nightlogs/<uuid:uuid>/", datasets.OneNightLog, ""),
    ("observations/", datasets.Observations, ""),
    ("observations/<uuid:uuid>/", datasets.OneObservation, ""),
    ("calibrations/", datasets.Calibrations, ""),
    ("calibrations/<uuid:uuid>/", datasets.OneCalibration, ""),
    ("datasets/", datasets.Datasets, ""),
    ("datasets/<uuid:uuid>/", datasets.OneDataset, ""),
    ("datapackages/", sharing.Packages, ""),
    ("datapackages/<uuid:uuid>/", sharing.OnePackage, ""),
    ("datapackages/<uuid:uuid>/links/", links.PackageLinks, ""),
    ("datapackages/<uuid:uuid>/links/<uuid:link>/", links.OnePackageLink, ""),
    ("datapackages/<uuid:uuid>/zip/", sharing.PackageZip, "arcsecond-package"),
    ("datafiles/resumable/", resumable.Resumable, ""),
    ("datafiles/resumable/<uuid:uuid>/", resumable.OneResumable, "arcsecond-upload"),
    ("datafiles/<int:number>/", files.OneDataFile, ""),
    ("datafiles/<int:number>/file/", files.DataFileBytes, "arcsecond-file"),
    ("targets/", sharing.Targets, ""),
    ("targets/<int:number>/", sharing.OneTarget, ""),
    ("targetlists/", sharing.TargetLists, ""),
    ("targetlists/<uuid:uuid>/", sharing.OneTargetList, ""),
)

urlpatterns: list[URLPattern] = [
    *(path(route, view.as_view(), name=name or None) for route, view, name in _RESOURCES),
    path("schema/", Schema.as_view(), name="arcsecond-schema"),
    path("docs/", Explorer.as_view(), name="arcsecond-docs"),
    path("healthcheck/", health),
    path("auth/key/verify/", people.VerifyKey.as_view()),
    path("auth/key/verify-organisation/", people.VerifyOrganisation.as_view()),
    path("organisations/", people.Organisations.as_view()),
    path("organisations/<slug:name>/", people.Organisation.as_view()),
    path("<slug:subdomain>/members/", people.Members.as_view()),
    *(path(f"<slug:subdomain>/{route}", view.as_view()) for route, view, _ in _RESOURCES),
    re_path(r"^.*$", nothing_here),
]
