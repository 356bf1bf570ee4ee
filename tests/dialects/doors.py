"""Every address of the server, and who gets what there of an observatory's private frame.

A route that is not in this table fails the test: whoever adds one says here what it gives. Words in braces are filled
from the world of the test (`test_strangers.py`): one frame, its file, dataset, night, package and runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Gives(StrEnum):
    """What is behind a door."""

    RECORD = "record"  # of this frame: to those who may; to all others as if it were not there
    KNOWN = "known"  # as RECORD, but that the frame exists may be known: refused, never given
    ACT = "act"  # a record that is only acted on, by POST
    LIST = "list"  # what one may see of all records: the frame is in it for those who may, for nobody else
    OPEN = "open"  # answers by id to anyone, by contract: status, calibration, names and tables
    NOTHING = "nothing"  # no frames at all


@dataclass(frozen=True)
class Door:
    """One address."""

    route: str  # as Django writes it
    path: str  # an address of it for the frame
    gives: Gives = Gives.RECORD
    owner: int = 200  # what the owner gets
    shown: str = ""  # a word that stands in the owner's answer
    method: str = "get"
    as_visitor: bool = False  # visitors of an observatory see it too
    as_key: bool = False  # an upload key sees it too: names, never bytes


def _pages() -> Iterator[Door]:
    frame, run = "frames/<uuid:uuid>/", "frames/<uuid:uuid>/runs/<int:run>/"
    at, at_run = "/frames/{frame}/", "/frames/{frame}/runs/{run}/"
    for end in ("", "panel/", "picture.json", "thumbnail.jpg", "original", "reduce/", "reduce/panel/"):
        yield Door(frame + end, at + end)
    yield Door(frame + "value.json", at + "value.json?x=10&y=20")
    yield Door(frame + "tiles/<int:level>/<int:x>_<int:y>.jpg", at + "tiles/0/0_0.jpg")
    yield Door(frame + "reduce/mask/", at + "reduce/mask/")
    yield Door(frame + "reduce/candidates/<str:key>.<str:form>", at + "reduce/candidates/subtraction.csv")
    yield Door(frame + "folder/<path:path>", at + "folder/image.fits")
    yield Door(frame + "look/<path:path>", at + "look/image.fits")
    yield Door(frame + "cutout/<path:path>", at + "cutout/candidates/a.cutout")
    for end in (
        "rerun/", "visibility/", "delete/", "tags/", "album/", "licence/", "links/", "reduce/process/",
        "reduce/cancel/", "reduce/configure/", "reduce/change/", "reduce/upload/",
    ):  # fmt: skip
        yield Door(frame + end, at + end, Gives.ACT)
    yield Door(frame + "reduce/candidates/<str:key>/judge/", at + "reduce/candidates/subtraction/judge/", Gives.ACT)
    for end in ("overlays.json", "solved.fits", "header.fits", "frame.kmz", "sources.csv"):
        yield Door(run + end, at_run + end)
    yield Door(run + "<str:table>.csv", at_run + "corr.csv")
    yield Door(run + "pictures/<str:kind>-<str:size>", at_run + "pictures/annotated-display")
    yield Door(run + "<str:path>", at_run + "wcs.fits")
    yield Door("albums/<uuid:uuid>/", "/albums/{dataset}/", shown="{file_name}")
    yield Door("albums/<uuid:uuid>/list.csv", "/albums/{dataset}/list.csv", shown="{file_name}")
    for end in ("change/", "visibility/", "delete/", "links/"):
        yield Door(f"albums/<uuid:uuid>/{end}", f"/albums/{{dataset}}/{end}", Gives.ACT)
    for verb in ("cancel", "retry"):
        yield Door(f"runs/<uuid:uuid>/{verb}/", f"/runs/{{run_uuid}}/{verb}/", Gives.ACT)
    yield Door("compare/", "/compare/?a={run}&b={run}")
    yield Door("frames/", "/frames/?whose=all", Gives.LIST, shown="{file_name}")
    yield Door("frames/list.csv", "/frames/list.csv?whose=all", Gives.LIST, shown="{file_name}")
    yield Door("frames/selection/", "/frames/selection/", Gives.ACT)
    yield Door("gallery/", "/gallery/", Gives.LIST)  # of public frames
    yield Door("gallery/list.csv", "/gallery/list.csv", Gives.LIST)
    yield Door("light-curve/", "/light-curve/?at=84.0+-1.5&radius=3600", Gives.LIST)
    yield Door("light-curve/table.<str:form>", "/light-curve/table.csv?at=84.0+-1.5&radius=3600", Gives.LIST)
    yield Door("", "/", Gives.LIST, owner=302)
    yield Door("albums/", "/albums/", Gives.LIST, owner=302)  # to the datasets
    for path in ("queue/", "under-way/", "upload/"):
        yield Door(path, f"/{path}", Gives.LIST)
    yield Door("uploads/", "/uploads/", Gives.ACT)
    yield Door("uploads/rows.json", "/uploads/rows.json?submissions={submission_uuid}", Gives.LIST)
    yield Door("blobs/get/<path:token>", "{forged}", Gives.KNOWN, owner=403)
    yield Door("shared/<str:secret>/", "/shared/{guess}/", owner=404)
    for path in (
        "sign-in/", "sign-out/", "sign-up/", "password/", "keys/", "solver/", "solver/fetch/", "solver/build/",
        "solver/remove/", "setup/<str:secret>/", "keys/<uuid:uuid>/revoke/", "solver/<uuid:uuid>/cancel/",
        "healthz", "readyz", "uploads/call.json",
    ):  # fmt: skip
        yield Door(path, "", Gives.NOTHING)


def _archive_pages() -> Iterator[Door]:
    name = "{file_name}"
    for kind, key, shown, gets, acts in (
        ("data", "{dataset}", name, ("", "list.csv", "files.zip"), ("change/", "begin/")),
        ("files", "{file_uuid}", "", ("", "original"), ("begin/", "read/", "delete/")),
        ("nights", "{night}", "{telescope_name}", ("",), ("about/", "begin/")),
        ("telescopes", "{telescope}", "{telescope_name}", ("",), ("change/", "move/", "delete/")),
        ("packages", "{package}", "", ("", "files.zip"), ("change/", "share/", "links/", "delete/")),
    ):
        for end in gets:
            yield Door(f"{kind}/<uuid:uuid>/{end}", f"/{kind}/{key}/{end}", shown=shown)
        for end in acts:
            yield Door(f"{kind}/<uuid:uuid>/{end}", f"/{kind}/{key}/{end}", Gives.ACT)
    # where frames are taken visitors may know, but not with what
    yield Door("sites/<uuid:uuid>/", "/sites/{site}/", shown="{telescope_name}", as_visitor=True)
    for end in ("change/", "delete/"):
        yield Door(f"sites/<uuid:uuid>/{end}", f"/sites/{{site}}/{end}", Gives.ACT)
    yield Door("files/<uuid:uuid>/units/<str:index>-<int:size>.jpg", "/files/{file_uuid}/units/0-240.jpg")
    for path, shown in (
        ("data/", "{dataset_name}"), ("files/", name), ("files/list.csv", name), ("nights/", "{telescope_name}"),
        ("sites/", "{telescope_name}"), ("telescopes/", ""), ("packages/", "{package_name}"),
    ):  # fmt: skip
        yield Door(path, f"/{path}", Gives.LIST, shown=shown)


def _nova() -> Iterator[Door]:
    number = "(?P<number>[0-9-]+)"

    def door(route: str, path: str, gives: Gives, **more: object) -> Door:
        return Door(f"nova/^{route}", f"/nova/{path}", gives, **more)  # type: ignore[arg-type] # the fields of a door

    for end in ("", "calibration/", "info/", "tags/", "machine_tags/", "objects_in_field/", "annotations/"):
        route = f"api/jobs/{number}/{end.rstrip('/')}".rstrip("/") + "/?$"
        yield door(route, f"api/jobs/{{run}}/{end}", Gives.OPEN)
    yield door(f"api/submissions/{number}/?$", "api/submissions/{submission}", Gives.OPEN)
    for name in ("wcs_file", "rdls_file", "axy_file", "corr_file", "image_rd_file", "joblog"):
        yield door(f"{name}/{number}/?$", f"{name}/{{run}}", Gives.OPEN)
    yield door(f"joblog2/{number}/?$", "joblog2/{run}", Gives.OPEN)
    yield door(f"sky_plot/zoom(?P<zoom>[0-3])/{number}", "sky_plot/zoom1/{solution}", Gives.OPEN)
    yield door(f"new_fits_file/{number}/?$", "new_fits_file/{run}", Gives.KNOWN)
    yield door(f"new_header_file/{number}/?$", "new_header_file/{run}", Gives.KNOWN)
    yield door(f"kml_file/{number}/?$", "kml_file/{run}", Gives.KNOWN)
    size = "(?P<size>display|full)"
    for name in ("annotated", "grid", "red_green_image", "extraction_image"):
        yield door(f"{name}_{size}/{number}", f"{name}_display/{{run}}", Gives.KNOWN)
    yield door(f"(?:wwt_)?image/{number}", "image/{file}", Gives.KNOWN)
    yield door(f"thumbnail_of_image/{number}", "thumbnail_of_image/{file}", Gives.KNOWN)
    yield door(
        f"(?:sdss|galex|unwise|legacysurvey)_image_(?:display|full)/{number}", "sdss_image_display/{run}",
        Gives.KNOWN, owner=404,
    )  # fmt: skip
    # These lead to the frame's page, which then asks who comes.
    yield door(f"status/{number}/?$", "status/{submission}", Gives.OPEN, owner=302)
    yield door(f"user_images/{number}/?$", "user_images/{task}", Gives.OPEN, owner=302)
    yield door(f"api/submissions/{number}/delete/?$", "api/submissions/{submission}/delete", Gives.ACT)
    for name in ("submission_images/?$", "myjobs", "jobs_by_tag/?$"):
        yield door(f"api/{name}", f"api/{name.removesuffix('/?$')}", Gives.LIST, method="post")
    for name in ("login/?$", "upload/?$", "url_upload/?$", "(?:sdss|galex)_image_for_wcs/?$"):
        yield door(f"api/{name}", "", Gives.NOTHING)
    yield door(".*$", "", Gives.NOTHING)


def _stdweb() -> Iterator[Door]:
    task = r"stdweb/^api/tasks/(?P<number>\d{1,18})/"
    at = "/stdweb/api/tasks/{task}/"
    for route, path in (("?$", ""), ("state/?$", "state/"), ("files/?$", "files/")):
        yield Door(task + route, at + path, Gives.KNOWN, as_key=path != "files/")
    for name, path in (("files", "image.fits"), ("preview", "image.fits"), ("cutout", "candidates/a.cutout")):
        yield Door(f"{task}{name}/(?P<path>.+)$", f"{at}{name}/{path}", Gives.KNOWN)
    for verb in ("duplicate", "process", "cancel", "fix", "crop", "destripe"):
        yield Door(f"{task}{verb}/?$", f"{at}{verb}/", Gives.ACT)
    yield Door("stdweb/^api/tasks/?$", "/stdweb/api/tasks/", Gives.LIST, shown="{file_name}", as_key=True)
    yield Door("stdweb/^api/queue/?$", "/stdweb/api/queue/", Gives.LIST)
    yield Door("stdweb/^api/queue/(?P<celery_id>[^/]{1,100})/?$", "/stdweb/api/queue/{run_uuid}/", Gives.LIST)
    yield Door("stdweb/^api/queue/(?P<celery_id>[^/]{1,100})/terminate/?$", "/stdweb/api/queue/{run_uuid}/terminate/",
               Gives.ACT)  # fmt: skip
    yield Door("stdweb/^api/presets/?$", "/stdweb/api/presets/", Gives.LIST)
    for route in (
        "api/schema/", "api/docs/", "^api/auth/token/?$", "^api/files/?$", "^api/files/(?P<path>.+)/preview/?$",
        "^api/files/(?P<path>.+)$", r"^api/presets/(?P<number>\d{1,18})/?$", "^api/reference/?$",
        "^api/reference/(?P<kind>[^/]+)/?$",
    ):  # fmt: skip
        yield Door(f"stdweb/{route}", "", Gives.NOTHING)


def _arcsecond() -> Iterator[Door]:
    # what the observatory's own visitors see, and what an upload key must, stands in the dialect's table of rights
    for name, key, shown, visitor in (
        ("observingsites", "{site}", "{site_name}", True),
        ("telescopes", "{telescope}", "{telescope_name}", False),
        ("nightlogs", "{night}", "{telescope_name}", False),
        ("observations", "{observation}", "{target}", True),
        ("calibrations", "{calibration}", "{calibration_name}", True),
        ("datasets", "{dataset}", "{dataset_name}", False),
        ("datafiles", "{file}", "{file_name}", False),
        ("datapackages", "{package}", "{package_name}", False),
        ("targets", "{target_id}", "{target}", True),
        ("targetlists", "{target_list}", "{target}", True),
    ):
        kind = "<int:number>" if name in {"targets", "datafiles"} else "<uuid:uuid>"
        both = {"shown": shown, "as_visitor": visitor, "as_key": True}
        yield Door(f"{name}/", f"{name}/", Gives.LIST, **both)  # type: ignore[arg-type] # fields of a door
        yield Door(f"{name}/{kind}/", f"{name}/{key}/", **both)  # type: ignore[arg-type] # fields of a door
    yield Door("datafiles/<int:number>/file/", "datafiles/{file}/file/")
    yield Door("datapackages/<uuid:uuid>/zip/", "datapackages/{package}/zip/")
    yield Door("datapackages/<uuid:uuid>/links/", "datapackages/{package}/links/")
    yield Door("datapackages/<uuid:uuid>/links/<uuid:link>/", "datapackages/{package}/links/{run_uuid}/", Gives.ACT)
    yield Door("datafiles/resumable/", "datafiles/resumable/", Gives.ACT)
    # an upload on its way is that of who began it, and of nobody else in the observatory
    yield Door("datafiles/resumable/<uuid:uuid>/", "datafiles/resumable/{upload}/")
    yield Door("profiles/<str:username>/", "profiles/{owner}/", as_visitor=True, as_key=True)


def doors() -> list[Door]:
    """Return all of them, those of Arcsecond with and without an observatory in front."""
    found = [*_pages(), *_archive_pages(), *_nova(), *_stdweb()]
    for door in _arcsecond():
        # lists without an observatory are of one's own records; single records are found at both addresses
        shown = "" if door.gives == Gives.LIST else door.shown
        found += [
            replace(door, route=f"arcsecond/{door.route}", path=f"/arcsecond/{door.path}", shown=shown),
            replace(door, route=f"arcsecond/<slug:subdomain>/{door.route}", path=f"/arcsecond/local/{door.path}"),
        ]
    members = "arcsecond/<slug:subdomain>/members/"
    found.append(Door(members, "/arcsecond/local/members/", shown="{owner}", as_key=True))
    nothing = (
        "schema/", "docs/", "healthcheck/", "auth/key/verify/", "auth/key/verify-organisation/", "organisations/",
        "organisations/<slug:name>/", "^.*$",
    )  # fmt: skip
    return [*found, *(Door(f"arcsecond/{route}", "", Gives.NOTHING) for route in nothing)]
