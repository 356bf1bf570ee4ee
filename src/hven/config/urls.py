"""All addresses: health, staff, the dialects under their prefixes, the pages at the root."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from hven.ops import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path(settings.STAFF_PATH, admin.site.urls),
    path("", include("hven.dialects.routing")),
]

handler500 = "hven.ops.views.server_error"
