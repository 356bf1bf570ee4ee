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
    path("", include("hven.web.urls")),
]

handler400 = "hven.web.errors.bad_request"
handler403 = "hven.web.errors.permission_denied"
handler404 = "hven.web.errors.page_not_found"
handler500 = "hven.web.errors.server_error"
