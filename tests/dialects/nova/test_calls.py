"""The JSON layer as clients see it: what they send, what they must get."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.dialects.nova.conftest import Nova

FITS = b"SIMPLE  =                    T"


def _error(answer: Any) -> str:
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    content = json.loads(answer.content)
    assert content["status"] == "error"
    return str(content["errormessage"])


# --- login ----------------------------------------------------------------------------------------------------


def test_login_gives_a_session_and_says_who(nova: Nova, api_key: str) -> None:
    answer = nova.call("login", apikey=api_key)
    assert answer["status"] == "success"
    assert answer["message"] == "authenticated user: tycho@example.org"
    assert len(answer["session"]) >= 32


def test_login_body_may_come_without_url_encoding(nova: Nova, api_key: str) -> None:
    body = f'request-json={{"apikey": "{api_key}"}}'
    answer = Client().post("/nova/api/login", body, content_type="application/x-www-form-urlencoded")
    assert json.loads(answer.content)["status"] == "success"


@pytest.mark.parametrize("path", ["login", "login/", "upload/", "url_upload/", "submissions/1/", "jobs/1/info/"])
def test_a_final_slash_is_optional_and_never_redirected(nova: Nova, path: str) -> None:
    assert nova.http.post(f"/nova/api/{path}").status_code in {200, 404}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, 'need "apikey"'),
        ({"apikey": ""}, 'need "apikey"'),
        ({"apikey": "x" * 16}, "bad apikey"),
        ({"apikey": 17}, "bad apikey"),
        ({"apikey": ["a"]}, "bad apikey"),
        ({"apikey": "0" * 40}, "bad apikey"),
    ],
)
def test_a_bad_key_is_refused_in_known_words(nova: Nova, words: dict[str, Any], message: str) -> None:
    assert _error(nova.post("login", words)) == message


def test_missing_and_broken_json_are_told_apart(nova: Nova) -> None:
    assert _error(nova.http.post("/nova/api/login")) == "no json"
    assert _error(nova.http.get("/nova/api/login")) == "no json"
    assert _error(nova.http.post("/nova/api/upload", {"request-json": "{"})).startswith("failed to parse JSON: ")
    assert "object" in _error(nova.http.post("/nova/api/upload", {"request-json": "[1]"}))
    deep = "[" * 100_000
    assert _error(nova.http.post("/nova/api/upload", {"request-json": deep})).startswith("failed to parse JSON: ")


@pytest.mark.parametrize("path", ["upload", "url_upload"])
def test_calls_without_a_session_are_refused_in_known_words(nova: Nova, path: str) -> None:
    assert _error(nova.post(path, {})) == 'no "session" in JSON.'
    for session in ("f" * 40, "nonsense", 12, {"a": 1}):
        assert _error(nova.post(path, {"session": session})).startswith("no session with key")


def test_a_session_can_do_no_more_than_its_key(transactional_db: None, user: Any) -> None:
    from hven.accounts import services as accounts
    from hven.accounts.models import AccessKey

    Nova(accounts.make_key(user, "upload").secret)
    session = AccessKey.objects.get(kind="session")
    assert session.scopes == ["upload"]


def test_a_session_makes_no_sessions(nova: Nova) -> None:
    assert _error(nova.post("login", {"apikey": nova.session})) == "bad apikey"


def test_a_session_ends_with_its_key(transactional_db: None, user: Any) -> None:
    from hven.accounts import services as accounts

    made = accounts.make_key(user, "api")
    nova = Nova(made.secret)
    accounts.revoke_key(user, made.key.uuid)
    assert _error(nova.post("upload", {"session": nova.session})).startswith("no session with key")


def test_the_secret_of_a_session_is_kept_nowhere(nova: Nova) -> None:
    nova.call("upload", file=("a.fits", FITS))
    from hven.archive.models import Submission

    assert nova.session not in json.dumps(Submission.objects.get().arguments)


# --- upload ---------------------------------------------------------------------------------------------------


def test_upload_answers_with_a_number_and_the_sha1(nova: Nova) -> None:
    import hashlib

    answer = nova.call("upload", file=("a.fits", FITS))
    sha1 = hashlib.sha1(FITS, usedforsecurity=False).hexdigest()
    assert answer == {"status": "success", "subid": answer["subid"], "hash": sha1}


def test_upload_takes_mixed_line_ends_and_a_typed_json_part_byte_for_byte(nova: Nova) -> None:
    content = b"SIMPLE\r\n\n\r\x00 T--x" * 100 + b"!"
    mark = "===============2521702492343980833=="
    text = json.dumps({"session": nova.session, "publicly_visible": "n"})
    body = (
        f'--{mark}\nContent-Type: application/text/plain\r\nMIME-Version: 1.0\r\n'
        f'Content-disposition: form-data; name="request-json"\r\n\r\n{text}\n'
        f'--{mark}\nContent-Type: application/octet-stream\r\nMIME-Version: 1.0\r\n'
        f'Content-disposition: form-data; name="file"; filename="/home/me/my frames/a.fits"\r\n\r\n'
    ).encode() + content + f"\n--{mark}--\n".encode()  # fmt: skip
    answer = nova.http.post("/nova/api/upload", body, content_type=f'multipart/form-data; boundary="{mark}"')
    from hven.archive.models import DataFile, Submission
    from hven.storage import services as storage

    assert json.loads(answer.content)["status"] == "success"
    file = DataFile.objects.get()
    assert file.name == "a.fits"
    assert storage.open_blob(file.blob).read() == content
    assert Submission.objects.get().visibility == file.visibility == "private"


def test_upload_without_a_file_says_where_it_belongs(nova: Nova) -> None:
    assert "'file'" in _error(nova.post("upload", {"session": nova.session}))


def test_an_upload_that_is_cut_in_the_middle_stores_nothing(nova: Nova) -> None:
    text = json.dumps({"session": nova.session})
    body = (
        f'--m\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{text}\r\n'
        '--m\r\nContent-Disposition: form-data; name="file"; filename="a.fits"\r\n\r\nSIMPLE  ='
    ).encode()
    nova.http.post("/nova/api/upload", body, content_type="multipart/form-data; boundary=m")
    broken = nova.http.post("/nova/api/upload", body, content_type="multipart/form-data")
    assert broken.status_code == 200
    assert "error" in json.loads(broken.content)["status"]


def test_too_large_a_file_is_refused_with_the_limit(nova: Nova, settings: Any) -> None:
    settings.HVEN_MAX_UPLOAD = 1000
    answer = nova.post("upload", {"session": nova.session}, ("a.fits", b"x" * 5000))
    assert "1000" in _error(answer).replace(",", "")
    from hven.archive.models import Submission

    assert not Submission.objects.exists()


# --- arguments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"scale_lower": "abc"}, "scale_lower"),
        ({"scale_upper": [1]}, "scale_upper"),
        ({"scale_units": "furlong"}, "scale_units"),
        ({"scale_units": 3}, "scale_units"),
        ({"scale_type": "xx"}, "scale_type"),
        ({"scale_lower": 5, "scale_upper": 2}, "scale_lower"),
        ({"scale_lower": -1, "scale_upper": 2}, "scale"),
        ({"scale_type": "ev", "scale_est": "a"}, "scale_est"),
        ({"center_ra": "x", "center_dec": 0}, "center_ra"),
        ({"center_ra": 1, "center_dec": 99}, "center_dec"),
        ({"center_ra": 1, "center_dec": 9, "radius": -1}, "radius"),
        ({"center_ra": True, "center_dec": 9}, "center_ra"),
        ({"center_ra": 1e400, "center_dec": 9}, "center_ra"),
        ({"parity": 7}, "parity"),
        ({"parity": 0.5}, "parity"),
        ({"parity": {}}, "parity"),
        ({"tweak_order": "two"}, "tweak_order"),
        ({"tweak_order": 99}, "tweak_order"),
        ({"positional_error": -2}, "positional_error"),
        ({"publicly_visible": "maybe"}, "publicly_visible"),
        ({"publicly_visible": ["y"]}, "publicly_visible"),
        ({"album": "My frames"}, "album"),
        ({"x": [1, 2], "y": [1]}, "unequal"),
        ({"x": "12", "y": [1]}, "x takes a list"),
        ({"x": [1, "a"], "y": [1, 2]}, "x takes a list"),
        ({"x": [1, None], "y": [1, 2]}, "x takes a list"),
        ({"x": [], "y": []}, "empty"),
        ({"x": [1, 10**400], "y": [1, 2]}, "x takes a list"),
        ({"x": [1, 2], "y": [1, 2], "image_width": "wide"}, "image_width"),
        ({"x": [1, 2], "y": [1, 2], "image_width": -5}, "image_width"),
        ({"x": [1, 2], "y": [1, 1e300]}, "size"),
    ],
)
@pytest.mark.parametrize("path", ["upload", "url_upload"])
def test_a_wrong_argument_is_named_and_nothing_is_stored(
    nova: Nova, path: str, words: dict[str, Any], part: str
) -> None:
    words = {"session": nova.session, "url": "http://example.org/a.fits", **words}
    file = ("a.fits", FITS) if path == "upload" else None
    assert part in _error(nova.post(path, words, file))
    from hven.archive.models import Submission

    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"scale_lower": 400}, "400 degrees"),
        ({"scale_units": "arcsecperpix", "scale_upper": 1e-6}, "1e-06 arcsec/px"),
        ({"scale_units": "arcsecperpix", "scale_type": "ev", "scale_est": 1e9, "scale_err": 1}, "arcsec/px"),
    ],
)
def test_a_scale_that_no_frame_has_is_refused_in_the_callers_units(
    nova: Nova, words: dict[str, Any], part: str
) -> None:
    assert part in _error(nova.post("upload", {"session": nova.session, **words}, ("a.fits", FITS)))


def test_bounds_wider_than_all_frames_bound_nothing(nova: Nova) -> None:
    nova.call("upload", file=("a.fits", FITS), scale_lower=1e-300, scale_upper=1e300)
    nova.call("upload", file=("a.fits", FITS), scale_units="arcminwidth", scale_lower=30, scale_upper=1e6)
    from hven.imaging.models import Run

    assert [run.config for run in Run.objects.order_by("id")] == [{}, {"width_low": 0.5}]


def test_what_no_database_can_keep_is_left_out_or_replaced(nova: Nova) -> None:
    odd = '{"session": "%s", "a": NaN, "b": 1e999, "c": -Infinity, "d\\ud800": "x\\u0000\\udfff", "e": 7}'
    fields = {"request-json": odd % nova.session, "file": io.BytesIO(FITS)}
    assert json.loads(nova.http.post("/nova/api/upload", fields).content)["status"] == "success"
    from hven.archive.models import Submission

    assert Submission.objects.get().arguments == {"d?": "x?", "e": 7}


@pytest.mark.parametrize("charset", ["rot13", "undefined", "hex", "idna", "zlib", "utf-16", "nonsense"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=m", "application/x-www-form-urlencoded"])
def test_odd_character_sets_are_errors_of_the_caller(nova: Nova, charset: str, kind: str) -> None:
    body = b'--m\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{}\r\n--m--\r\n'
    for path in ("upload", "submissions/1/delete", "myjobs"):
        _error(nova.http.generic("POST", f"/nova/api/{path}", body, content_type=f"{kind}; charset={charset}"))


def test_unknown_arguments_and_other_spellings_of_nothing_are_ignored(nova: Nova) -> None:
    answer = nova.call("upload", file=("a.fits", FITS), center_ra=None, scale_lower="", shoe_size=43, invert="no")
    assert answer["status"] == "success"


@pytest.mark.parametrize("url", [None, "", 5, "  ", "x" * 3000, "http://\ud800/", "http://a/\x00"])
def test_url_upload_needs_a_url(nova: Nova, url: Any) -> None:
    assert "url" in _error(nova.post("url_upload", {"session": nova.session, "url": url}))


# --- following a submission -----------------------------------------------------------------------------------


def test_every_key_of_a_submission_is_there_from_the_start(nova: Nova) -> None:
    number = nova.call("upload", file=("a.fits", FITS))["subid"]
    found = nova.get(f"submissions/{number}")
    assert set(found) == {
        "user", "processing_started", "processing_finished", "user_images", "images", "jobs", "job_calibrations",
    }  # fmt: skip
    assert len(found["jobs"]) == len(found["user_images"]) == 1
    assert found["job_calibrations"] == []
    assert found["processing_started"] != "None"
    assert "+" not in found["processing_started"]
    assert nova.get(f"jobs/{found['jobs'][0]}") == {"status": "processing"}
    # client.py polls by POST
    assert json.loads(nova.http.post(f"/nova/api/submissions/{number}").content) == found


def test_a_submission_by_address_says_none_as_a_word_until_it_was_fetched(nova: Nova) -> None:
    number = nova.call("url_upload", url="http://127.0.0.1:9/a.fits")["subid"]
    found = nova.get(f"submissions/{number}")
    assert found["processing_started"] == found["processing_finished"] == "None"
    assert len(found["jobs"]) == 1


def test_a_private_address_is_not_fetched_and_the_job_fails_with_a_sentence(nova: Nova) -> None:
    number = nova.call("url_upload", url="http://127.0.0.1:9/a.fits")["subid"]
    nova.run_jobs()
    found = nova.get(f"submissions/{number}")
    assert found["processing_finished"] != "None"
    assert "from where hven fetches nothing" in found["error_message"]
    assert nova.get(f"jobs/{found['jobs'][0]}") == {"status": "failure"}


@pytest.mark.parametrize("number", ["0", "99999999", "-1", "1-2", "9" * 40])
@pytest.mark.parametrize("path", ["submissions/{}", "jobs/{}", "jobs/{}/calibration", "jobs/{}/info", "jobs/{}/tags"])
def test_unknown_numbers_are_404(nova: Nova, path: str, number: str) -> None:
    answer = nova.http.get("/nova/api/" + path.format(number))
    assert answer.status_code == 404
    assert json.loads(answer.content)["status"] == "error"


@pytest.mark.parametrize("path", ["api/nonsense", "api/", "", "api/jobs/JOBID", "wcs_file/", "wcs_file/abc"])
def test_unknown_addresses_are_404(nova: Nova, path: str) -> None:
    assert nova.http.get(f"/nova/{path}").status_code == 404


def test_a_submission_whose_frame_was_deleted_is_404_and_not_waited_for(nova: Nova, user: Any) -> None:
    from hven.accounts.actor import Actor
    from hven.imaging.models import Reduction
    from hven.imaging.services import frames

    number = nova.call("upload", file=("a.fits", FITS))["subid"]
    frames.delete_reduction(Actor.of(user), Reduction.objects.get())
    answer = nova.http.get(f"/nova/api/submissions/{number}")
    assert answer.status_code == 404
    assert "deleted" in json.loads(answer.content)["errormessage"]


# --- bad frames -----------------------------------------------------------------------------------------------


def _card(text: str) -> bytes:
    return text.ljust(80).encode()


def _header(*cards: str) -> bytes:
    content = b"".join(_card(card) for card in (*cards, "END"))
    return content.ljust(2880 * -(-len(content) // 2880))


BAD = {
    "empty": b"",
    "text": b"Hello World\n",
    "random": bytes(range(256)) * 40,
    "web page": b"<!DOCTYPE html><html><body>Not a frame</body></html>",
    "no axes": _header(
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    0"
    ),
    "spectrum": _header(
        "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1",
        "NAXIS1  =                 2880",
    ) + bytes(2880),
    "huge": _header(
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
        "NAXIS1  =                60000", "NAXIS2  =                60000",
    ),
    "truncated": _header(
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
        "NAXIS1  =                  100", "NAXIS2  =                  100",
    ) + bytes(5000),
    "nan": _header(
        "SIMPLE  =                    T", "BITPIX  =                  -32", "NAXIS   =                    2",
        "NAXIS1  =                   60", "NAXIS2  =                   60",
    ) + b"\x7f\xc0\x00\x00" * 3600 + bytes(-14400 % 2880),
    "constant": _header(
        "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2",
        "NAXIS1  =                   60", "NAXIS2  =                   60",
    ) + b"\x07" * 3600 + bytes(-3600 % 2880),
}  # fmt: skip


def _zip(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


BAD |= {
    "gzip bomb": gzip.compress(bytes(300 * 1024 * 1024), 9),
    "zip bomb": _zip(("a.fits", bytes(300 * 1024 * 1024))),
    "several": _zip(("a.fits", FITS), ("../../b.fits", FITS)),
    "cut gzip": gzip.compress(bytes(range(256)) * 1000)[:200],
    "cut jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01" + bytes(50),
    "saturated": _header(
        "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2",
        "NAXIS1  =                   60", "NAXIS2  =                   60",
    ) + b"\xff" * 3600 + bytes(-3600 % 2880),
    "random pixels": _header(
        "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2",
        "NAXIS1  =                  100", "NAXIS2  =                  100",
    ) + random.Random(1).randbytes(10_000) + bytes(-10_000 % 2880),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_bad_frame_fails_its_job_with_a_sentence(nova: Nova, solver_folder: Path, kind: str) -> None:
    job = nova.solve(f"{kind}.fits", BAD[kind])
    from hven.imaging.models import Run

    run = Run.objects.get(pk=job)
    assert nova.get(f"jobs/{job}") == {"status": "failure"}
    assert nova.get(f"jobs/{job}/info")["status"] == "failure"
    assert nova.get(f"jobs/{job}/calibration") == {"error": f"no calibration data available for job {job}"}
    assert run.why.endswith(".")
    assert "Traceback" not in run.why
    assert run.job.state == "done"
    assert nova.file(f"wcs_file/{job}").status_code == 404
    assert nova.file(f"joblog/{job}").status_code == 200
