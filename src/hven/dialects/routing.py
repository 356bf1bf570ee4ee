"""Which dialect answers under which prefix."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{prefix}/", include(f"hven.dialects.{dialect}.urls"))
    for dialect, prefix in settings.HVEN_DIALECT_PREFIXES.items()
]
