"""An observatory's private frame, asked for by strangers at every door of the server, and by its owner.

The frame comes in through Arcsecond and is solved by the rule of its dataset, so that previews, tiles and products are
there to be had. What is behind which door stands in `doors.py`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from astropy.io import fits
from django.test import Client
from django.urls import URLResolver, get_resolver

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Role
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, Upload
from hven.imaging.models import Reduction
from tests.dialects.arcsecond.conftest import Caller, run_jobs
from tests.dialects.doors import Door, Gives, doors

REFUSED = frozenset({302, 400, 401, 403, 404, 405, 415})
METHODS = ("get", "post", "put", "patch", "delete")
SECRETS = ("file_name", "dataset_name", "package_name", "telescope_name")
STRANGERS = ("nobody", "stranger", "elsewhere", "upload key", "visitor")


def routes(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Every address of the server as Django writes it; the staff pages are one."""
    for each in (resolver or get_resolver()).url_patterns:
        here = before + str(each.pattern)
        if here.startswith("staff/"):
            continue
        if isinstance(each, URLResolver):
            yield from routes(each, here)
        else:
            yield here


def test_every_address_says_what_it_gives_to_strangers() -> None:
    told, there = [door.route for door in doors()], list(routes())
    assert sorted(set(there) - set(told)) == [], "new addresses: say in doors.py what they give of a private frame"
    assert sorted(set(told) - set(there)) == [], "these addresses are gone"
    assert len(told) == len(set(told))


class Asker:
    """Somebody who asks: signed in on the pages, with a key, with both, or neither."""

    def __init__(self, user: Any = None, key: str = "", session: str = "") -> None:
        self.http = Client()
        if user is not None:
            self.http.force_login(user)
        self.key = key
        self.session = session

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        headers: dict[str, str] = {}
        if self.key and path.startswith("/arcsecond"):
            headers["X-Arcsecond-API-Authorization"] = f"Key {self.key}"
        elif self.key:
            headers["Authorization"] = f"Token {self.key}"
        if path.startswith("/nova/api") and method == "post":
            said = json.dumps({"session": self.session, **(body or {})})
            answer = self.http.post(path, {"request-json": said}, headers=headers)
        elif method in {"get", "delete"}:
            answer = getattr(self.http, method)(path, headers=headers)
        elif path.startswith(("/arcsecond", "/stdweb")):
            answer = getattr(self.http, method)(path, body or {}, content_type="application/json", headers=headers)
        else:
            answer = getattr(self.http, method)(path, headers=headers)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, content


def nova_session(key: str) -> str:
    """A session of nova's API for a key; empty where the key opens none."""
    answer = Client().post("/nova/api/login", {"request-json": json.dumps({"apikey": key})})
    return str(json.loads(answer.content).get("session", ""))


@pytest.fixture
def world(user: Any, solver_folder: Path, wide_frame: Path) -> dict[str, Any]:
    """The words of the addresses: of the frame that is private to its observatory."""
    from hven.imaging.services import folder
    from hven.imaging.steps.registry import Product
    from hven.storage import services as storage
    from tests.web.test_reduce import candidates

    local = accounts.create_observatory(user, "Uraniborg", "local")
    owner = Caller(user).within("local/")
    words: dict[str, Any] = {
        "file_name": "secretframe.fits", "dataset_name": "secretdataset", "package_name": "secretpackage",
        "telescope_name": "secrettelescope", "site_name": "Hven", "target": "KnownTarget",
        "calibration_name": "knownbias", "owner": user.username, "guess": "A" * 43,
    }  # fmt: skip
    place = {"longitude": 12.7, "latitude": 55.9}
    words["site"] = owner.post("observingsites/", {"name": words["site_name"], "coordinates": place})["uuid"]
    telescope = {"name": words["telescope_name"], "observing_site": words["site"]}
    words["telescope"] = owner.post("telescopes/", telescope)["uuid"]
    dataset = {"name": words["dataset_name"], "telescope": words["telescope"], "rule": "solve"}
    words["dataset"] = owner.post("datasets/", dataset)["uuid"]
    words["file"] = owner.upload(words["dataset"], wide_frame.read_bytes(), words["file_name"])["id"]
    run_jobs()
    data_file = DataFile.objects.get()
    reduction = Reduction.objects.get()
    run = reduction.runs.get()
    assert hasattr(run, "solution"), run.why
    folder.lay(reduction, run, [
        (Product("candidates.vot", None, "application/x-votable+xml"), storage.put(candidates())),
        (Product("candidates/a.cutout", None, "application/fits"), storage.put(cutout())),
        (Product("mask.fits", None, "application/fits"), data_file.blob),
    ])  # fmt: skip
    submission = archive.new_submission(Actor.of(user), origin="nova", name=words["file_name"])
    Reduction.objects.update(submission=submission)
    night = owner.post("nightlogs/", {"telescope": words["telescope"], "date": "2026-03-01"})["uuid"]
    bias = owner.post("calibrations/", {"night_log": night, "name": words["calibration_name"]})["uuid"]
    looked = owner.post("observations/", {"night_log": night, "target_name": words["target"]})["uuid"]
    package = owner.post("datapackages/", {"name": words["package_name"], "datasets": [words["dataset"]]})["uuid"]
    target = owner.post("targets/", {"name": words["target"]})
    upload = Upload.objects.create(owner=user, dataset=data_file.dataset, name=words["file_name"], length=10)
    words |= {
        "frame": reduction.uuid, "task": reduction.pk, "run": run.pk, "run_uuid": run.uuid, "night": night,
        "solution": run.solution.pk, "submission": submission.pk, "observation": looked, "calibration": bias,
        "submission_uuid": submission.uuid, "package": package, "target_id": target["id"],
        "target_list": owner.post("targetlists/", {"name": "list", "targets": [target]})["uuid"],
        "file_uuid": data_file.uuid, "upload": upload.uuid, "forged": forged(data_file),
    }  # fmt: skip
    words["local"] = local
    return words


def cutout() -> bytes:
    """A cutout as the search for changes leaves it, of the frame's pixels."""
    content = io.BytesIO()
    planes = [fits.ImageHDU(np.eye(16, dtype=np.float32), name=name) for name in ("IMAGE", "TEMPLATE", "DIFF")]
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(content)
    return content.getvalue()


def forged(data_file: DataFile) -> str:
    """A signed address of other bytes, made into one of the frame's."""
    from datetime import timedelta

    from hven.storage import services as storage
    from hven.storage.signing import sign_get

    address = sign_get(storage.put(b"other"), "a.fits", ttl=timedelta(minutes=5))
    return address[:-6] + "AAAAAA"


MISSING = {
    **dict.fromkeys(
        ("frame", "file_uuid", "run_uuid", "night", "observation", "calibration", "submission_uuid", "package",
         "target_list", "upload", "site", "telescope", "dataset"), str(uuid4()),
    ),
    **dict.fromkeys(("task", "run", "solution", "submission", "target_id", "file"), 987654321),
    "owner": "nobody-of-that-name",
}  # fmt: skip


@pytest.fixture
def people(world: dict[str, Any], user: Any) -> Callable[[str], Asker]:
    """Who asks, by what they are."""

    def make(who: str) -> Asker:
        if who == "nobody":
            return Asker()
        if who == "owner":
            key = accounts.make_key(user, "api").secret
            return Asker(user, key, nova_session(key))
        somebody = accounts.create_user(who.replace(" ", ""), "uraniborg-1576")
        if who in {"elsewhere", "upload key"}:
            accounts.add_member(world["local"], somebody, Role.MEMBER)
        if who == "visitor":
            accounts.add_member(world["local"], somebody, Role.VISITOR)
        if who == "elsewhere":
            # a member here as well, but the key is the other observatory's
            other = accounts.create_observatory(somebody, "Stjerneborg", "stjerneborg")
            key = accounts.make_key(somebody, "api", observatory=other).secret
            return Asker(None, key, nova_session(key))
        if who == "upload key":
            key = accounts.make_key(somebody, "upload").secret
            return Asker(None, key, nova_session(key))
        key = accounts.make_key(somebody, "api").secret
        return Asker(somebody, key, nova_session(key))

    return make


def fill(text: str, words: dict[str, Any]) -> str:
    return text.format(**words)


def test_the_owner_gets_everything(world: dict[str, Any], people: Callable[[str], Asker]) -> None:
    owner, wrong = people("owner"), []
    for door in doors():
        if door.gives in {Gives.NOTHING, Gives.ACT}:
            continue
        path = fill(door.path, world)
        status, content = owner.ask(door.method, path, {"subid": world["submission"]})
        shown = fill(door.shown, world).encode()
        if status != door.owner or shown not in content:
            wrong.append(f"{path}: {status} {content[:200]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_get_nothing(world: dict[str, Any], people: Callable[[str], Asker], who: str) -> None:
    asker = people(who)
    wrong = [fault for door in doors() for fault in faults(asker, door, world, who)]
    assert not wrong, "\n".join(wrong)
    data_file = DataFile.objects.get()
    assert (data_file.name, data_file.visibility) == (world["file_name"], "private")
    assert Dataset.objects.get(uuid=world["dataset"]).name == world["dataset_name"]
    assert Reduction.objects.count() == 1 and Reduction.objects.get().runs.count() == 1


def refused(path: str, status: int, content: bytes) -> bool:
    """Whether an answer is a refusal; nova's API says so in an answer of 200."""
    said_no = path.startswith("/nova/api") and b'"status": "error"' in content
    return status in REFUSED or said_no


def faults(asker: Asker, door: Door, world: dict[str, Any], who: str) -> Iterator[str]:
    """What is wrong with the answers that somebody gets at a door."""
    path = fill(door.path, world)
    sees = (who == "visitor" and door.as_visitor) or (who == "upload key" and door.as_key)
    secrets = [] if who == "upload key" and door.as_key else [world[name].encode() for name in SECRETS]
    if door.gives in {Gives.LIST, Gives.OPEN}:
        status, content = asker.ask(door.method, path, {"subid": world["submission"]})
        told = door.gives == Gives.LIST and any(secret in content for secret in secrets)
        if told or status >= (500 if door.gives == Gives.LIST else 400):
            yield f"{door.method} {path}: {status} {content[:200]!r}"
        return
    # whom the table of rights lets see a record is refused what it does not give; the table's own test has these
    for method in () if door.gives == Gives.NOTHING else ("post", "put") if sees else METHODS:
        status, content = asker.ask(method, path)
        if not refused(path, status, content) or any(secret in content for secret in secrets):
            yield f"{method} {path}: {status} {content[:200]!r}"
        elif method == "get" and door.gives == Gives.RECORD and who != "upload key":
            missing, _ = asker.ask("get", fill(door.path, {**world, **MISSING}))
            if missing != status:
                yield f"get {path}: {status}, but {missing} for what does not exist"
