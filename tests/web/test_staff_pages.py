"""The staff pages: all of them open, and presets are made there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from hven.accounts.models import User
from hven.imaging.models import Preset
from hven.storage import services as storage


@pytest.fixture
def staff(client_for: Any, user: User) -> Any:
    user.is_staff = user.is_superuser = True
    user.save()
    return client_for(user)


def preset(**fields: Any) -> dict[str, Any]:
    form = {"name": "R frames", "config": '{"filter": "R"}', "files-TOTAL_FORMS": "1", "files-INITIAL_FORMS": "0"}
    return form | {"files-0-path": "custom_mask.fits"} | fields


def test_every_kind_of_record_can_be_listed_and_looked_at(staff: Any) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert staff.get(reverse(f"{name}_changelist")).status_code == 200, name
        assert staff.get(reverse(f"{name}_add")).status_code in {200, 403}, name


def test_a_preset_is_made_with_its_file(staff: Any) -> None:
    address = reverse("admin:imaging_preset_add")
    file = SimpleUploadedFile("mask.fits", b"mask")
    assert staff.post(address, preset(**{"files-0-file": file})).status_code == 302
    (kept,) = Preset.objects.get(name="R frames").files.all()
    with storage.open_blob(kept.blob) as stream:
        assert (kept.path, stream.read()) == ("custom_mask.fits", b"mask")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"files-0-path": "../x"}, "stays within its task"),
        ({}, "Choose a file."),
        ({"config": "[1]", "files-0-path": ""}, "config must be a JSON object"),
    ],
)
def test_a_preset_that_cannot_be_is_told(staff: Any, fields: dict[str, str], words: str) -> None:
    answer = staff.post(reverse("admin:imaging_preset_add"), preset(**fields))
    assert answer.status_code == 200 and words in answer.content.decode()
    assert not Preset.objects.exists()
