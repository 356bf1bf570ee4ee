"""Whatever is sent, and whatever the description allows, no call is a fault of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings

from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs

pytestmark = pytest.mark.timeout(300)

FIELDS = {
    "observingsites": ("name", "coordinates", "horizon", "description"),
    "telescopes": (
        "name", "observing_site", "alias", "aperture_mm", "focal_length_mm", "device", "rule", "since", "description",
    ),
    "datasets": ("name", "description", "telescope", "tags", "observer", "rule", "is_public"),
    "datafiles": ("tags", "is_raw"),
    "nightlogs": ("date", "telescope", "description"),
    "observations": ("name", "night_log", "target_name", "target_class"),
    "calibrations": ("name", "night_log"),
    "datapackages": ("name", "description", "datasets", "shared_with", "is_public"),
    "targets": (
        "name", "identifier", "target_class", "mode", "object", "color", "notes", "tags",
    ),
    "targetlists": ("name", "description", "targets"),
}  # fmt: skip
# As JSON, for some of these no Python value stands.
ODD = (
    "null", "true", "false", "0", "-1", "1.5", "1e400", "-1e400", "NaN", "Infinity", "9223372036854775808", "1e300",
    "123456789012345678901234567890", '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\u202e"', '"none"',
    '"2026-13-45"', '"0000-00-00"', '"9999-12-31T23:59:59Z"', '"0001-01-01T00:00:00+14:00"', '"%s"', "[]", "[[]]",
    "[null]", "[1]", '["a", 1, null, {}]', '[[0, "x"]]', "[[1e400, 5]]", "[[0, 91]]", "{}", '{"a": 1}', '{"": ""}',
    '{"id": 1}', '[{"id": 999999999999999999999}]', '[{"id": true}]', '[{"name": {"a": []}}]',
    '{"longitude": "x", "latitude": 5}', '{"longitude": 1e400, "latitude": 0}', '{"longitude": NaN, "latitude": NaN}',
    '{"longitude": null, "latitude": []}', '{"name": {}, "equatorial_coordinates": []}',
    '{"equatorial_coordinates": {"right_ascension": NaN, "declination": NaN}}',
    '{"equatorial_coordinates": {"right_ascension": 1e400, "declination": -1e400}}',
    '{"equatorial_coordinates": {"right_ascension": "x"}}', '{"a": "\\u0000"}', '{"a": NaN}',
    '"11111111-1111-4111-8111-111111111111"', '["11111111-1111-4111-8111-111111111111"]', '"' + "x" * 20_000 + '"',
    '["' + "x" * 5_000 + '"]', "[" + "1," * 300 + "1]", "[" * 200 + "]" * 200,
)  # fmt: skip


@pytest.fixture
def things(tycho: Caller) -> dict[str, tuple[str, dict[str, Any]]]:
    """One record of each resource: its key in addresses, and a body that makes another."""
    place = {"longitude": 12.7, "latitude": 55.9}
    site = tycho.post("observingsites/", {"name": "Hven", "coordinates": place})["uuid"]
    telescope = tycho.post("telescopes/", {"name": "Quadrant", "observing_site": site})["uuid"]
    dataset = tycho.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]
    file = tycho.upload(dataset, frame(DATE__OBS="2026-03-01T20:00:00", OBJECT="M31"))["id"]
    run_jobs()
    night = tycho.get("nightlogs/")[0]["uuid"]
    calibration = tycho.post("calibrations/", {"night_log": night, "name": "b"})["uuid"]
    return {
        "observingsites": (site, {"name": "S", "coordinates": place}),
        "telescopes": (telescope, {"name": "T", "observing_site": site}),
        "datasets": (dataset, {"name": "D"}),
        "datafiles": (file, {}),
        "nightlogs": (night, {"telescope": telescope, "date": "2026-05-01"}),
        "observations": (tycho.get("observations/")[0]["uuid"], {"night_log": night, "target_name": "X"}),
        "calibrations": (calibration, {"night_log": night, "name": "c"}),
        "datapackages": (tycho.post("datapackages/", {"name": "P"})["uuid"], {"name": "Q"}),
        "targets": (tycho.post("targets/", {"name": "A"})["id"], {"name": "B"}),
        "targetlists": (tycho.post("targetlists/", {"name": "L"})["uuid"], {"name": "M"}),
    }


def bodies(field: str, whole: dict[str, Any]) -> Iterator[str]:
    """Bodies that are right but for one field."""
    others = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in whole.items() if name != field)
    yield from (f'{{"{field}": {odd}{others}}}' for odd in ODD)


def check(answer: Any, *what: Any) -> None:
    """Fail where an answer is a fault of the server, or a refusal without a sentence."""
    assert answer.status_code < 500, (*what, answer.content[:500])
    if answer.status_code >= 400 and not answer.streaming:
        assert answer.json()["detail"], what


@pytest.mark.parametrize("resource", FIELDS)
def test_odd_values_in_bodies_are_told(tycho: Caller, things: Any, resource: str) -> None:
    key, whole = things[resource]
    tycho.http.raise_request_exception = False
    for field in FIELDS[resource]:
        for number, body in enumerate(bodies(field, whole)):
            options = {"content_type": "application/json", "headers": tycho.headers}
            if resource != "datafiles" and number % 2:  # what makes a record and what changes one share their checks
                check(tycho.http.post(f"/arcsecond/{resource}/", body, **options), "POST", resource, body[:200])
            check(tycho.http.patch(f"/arcsecond/{resource}/{key}/", body, **options), "PATCH", resource, body[:200])
        answer = tycho.http.get(f"/arcsecond/{resource}/{key}/", headers=tycho.headers)
        assert answer.status_code == 200, (resource, field)
        answer.json(parse_constant=_none_such)
    check(tycho.http.get(f"/arcsecond/{resource}/", headers=tycho.headers), resource)


def _none_such(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize("body", ["", "null", "[]", "5", '"x"', "{", "\xff", '{"a":' * 1000, "[" * 100_000])
def test_what_is_no_object_is_told(tycho: Caller, things: Any, body: str) -> None:
    tycho.http.raise_request_exception = False
    for resource in FIELDS:
        for path in (f"{resource}/", f"{resource}/{things[resource][0]}/"):
            for method in ("post", "patch", "put", "delete") if not path.startswith("datafiles/") else ("patch",):
                if method == "delete" and body != "{":
                    continue
                answer = getattr(tycho.http, method)(
                    f"/arcsecond/{path}", body, content_type="application/json", headers=tycho.headers
                )
                check(answer, method, path, body[:50])


QUERIES = (
    "page", "page_size", "name", "tags", "dataset", "observation", "calibration", "night_log", "telescope", "date",
    "date_after", "date_before", "filter", "target_name", "image_type", "header.FILTER", "header.EXPTIME", "header.",
    "header.\0", "public", "header", "checksum", "sky", "link", "format", "q", "text", "search", "position", "cone",
    "ra", "dec", "radius", "ordering", "limit", "offset", "identifier", "target_class", "kind", "solved",
)  # fmt: skip
SWITCHES = ("header", "checksum", "sky", "link", "format")
SAID = (
    "", "-1", "1e400", "nan", "99999999999999999999999", "a\0b", "\ufffd", "%'\"\\", "*", "x" * 5000, "2026-13-45",
    "9999-12-31T23:59:59+23:59", "0001-01-01", ">60", ">=nan", "10,20,-5", "NEAR(a OR", "😀",
    "11111111-1111-4111-8111-111111111111",
)  # fmt: skip


@pytest.mark.parametrize("resource", FIELDS)
def test_odd_values_in_addresses_are_told(tycho: Caller, things: Any, resource: str) -> None:
    tycho.http.raise_request_exception = False
    listed = QUERIES if resource == "datafiles" else QUERIES[:10]
    for path, names in ((f"{resource}/", listed), (f"{resource}/{things[resource][0]}/", SWITCHES)):
        for name in names:
            for value in SAID:
                answer = tycho.http.get(f"/arcsecond/{path}", query_params={name: value}, headers=tycho.headers)
                check(answer, path, name, value[:50])


@pytest.mark.parametrize(
    "path",
    [
        "datafiles/999999999999999999999999/", "datafiles/99999999999999999999/file/", "targets/0/",
        "targets/9223372036854775808/", "datasets/11111111-1111-4111-8111-111111111111/", "datasets/x/",
        "profiles/%00/", "profiles/" + "x" * 3000 + "/", "profiles/%ff/", "organisations/x/", "nowhere/datasets/",
        "local/datasets/", "x/members/", "%00/datasets/", "datafiles/resumable/x/", "//", "..%2f..%2fetc/",
    ],
)  # fmt: skip
def test_odd_addresses_are_told(tycho: Caller, things: Any, path: str) -> None:
    tycho.http.raise_request_exception = False
    for method in ("get", "post", "patch", "delete", "put", "head", "options"):
        answer = getattr(tycho.http, method)(f"/arcsecond/{path}", headers=tycho.headers)
        assert answer.status_code < 500, (method, path, answer.content[:300])


@pytest.mark.parametrize("secret", ["", "x", "\xff\xfe", "Key", "0" * 40, "é" * 40, "a" * 5000, "%00"])
def test_odd_keys_are_told(tycho: Caller, secret: str) -> None:
    http = Client(raise_request_exception=False)
    for header in ("X-Arcsecond-API-Authorization", "Authorization"):
        for scheme in ("Key", "Bearer", "Token", "Basic", ""):
            answer = http.get("/arcsecond/datasets/", headers={header: f"{scheme} {secret}"})
            assert answer.status_code in {200, 401}, (header, scheme)
    for body in ({"username": secret, "key": secret, "organisation": secret}, {"key": [secret]}, {"username": None}):
        for path in ("verify", "verify-organisation"):
            check(http.post(f"/arcsecond/auth/key/{path}/", body, content_type="application/json"), path, body)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """The description as a client gets it."""
    answer = Client().get("/arcsecond/schema/?format=json")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_every_address_of_the_dialect_is_described(description: dict[str, Any]) -> None:
    from hven.dialects.arcsecond.urls import urlpatterns

    plain = [str(one.pattern) for one in urlpatterns if not str(one.pattern).startswith(("schema", "docs", "^"))]
    described = {path.strip("/").replace("{", "<").replace("}", ">") for path in description["paths"]}
    missing = [each for each in plain if _without_kinds(each).strip("/") not in described]
    assert missing == ["healthcheck/"]


def _without_kinds(pattern: str) -> str:
    for kind in ("uuid:", "int:", "str:", "slug:"):
        pattern = pattern.replace(f"<{kind}", "<")
    return pattern


def test_no_call_that_the_description_allows_is_a_fault(
    description: dict[str, Any], tycho: Caller, things: Any
) -> None:
    tycho.http.raise_request_exception = False
    schema = schemathesis.openapi.from_dict(description)
    calls = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=4, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            nonlocal calls
            calls += 1
            path = "/arcsecond" + case.formatted_path
            method, options = case.method.lower(), {"headers": tycho.headers}
            query = {str(key): str(value) for key, value in (case.query or {}).items() if value is not None}
            if method in {"get", "delete", "head", "options"}:
                answer = getattr(tycho.http, method)(path, query_params=query, **options)
            else:
                text = json.dumps(case.body, default=str)
                answer = getattr(tycho.http, method)(path, text, content_type="application/json", **options)
            assert answer.status_code < 500, (method, path, query, answer.content[:300])

        call()
    assert calls > 100
