"""All addresses: health, staff, the dialects under their prefixes, the pages at the root."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path(settings.STAFF_PATH, admin.site.urls),
    path("", include("hven.dialects.routing")),
]
