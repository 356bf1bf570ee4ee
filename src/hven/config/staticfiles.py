"""Static files under names with a hash of their content, once they are collected; under their own names before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]  # it has no stubs

# What the pages use of each npm package: path under /static/ -> folder in the package folder.
PACKAGES = {
    "vendor/htmx": "htmx.org/dist",
    "vendor/openseadragon": "openseadragon/build/openseadragon",
}


def package_folders(assets: Path) -> list[tuple[str, str]]:
    """Return the folders of npm packages in the form that STATICFILES_DIRS wants."""
    return [(prefix, str(assets / folder)) for prefix, folder in PACKAGES.items() if (assets / folder).is_dir()]


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # the same
    """Hashed names as far as files were collected; plain names otherwise, so that tests need no collecting."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        """Return the hashed name of a file, or its own name when nothing was collected."""
        if not self.hashed_files:
            return name
        stored: str = super().stored_name(name)
        return stored

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the address of a file; a name that nobody collected keeps its own."""
        if not self.hashed_files and not force:
            return f"{self.base_url or '/static/'}{name}"
        address: Any = super().url(name, force)
        return str(address)
