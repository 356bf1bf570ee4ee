"""Calls of the nova API with spoilt arguments: whatever they hold, the answer is an envelope and never a 500."""

import json
import os
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

PLAIN = {
    "publicly_visible": "n", "allow_modifications": "sa", "allow_commercial_use": "d", "scale_units": "degwidth",
    "scale_type": "ul", "scale_lower": 0.5, "scale_upper": 12.0, "scale_est": 3.0, "scale_err": 20.0,
    "center_ra": 290.0, "center_dec": 11.0, "radius": 2.0, "tweak_order": 2, "downsample_factor": 2.0,
    "use_sextractor": False, "crpix_center": True, "invert": False, "parity": 2, "image_width": 300,
    "image_height": 200, "positional_error": 1.5, "album": "Nights", "plane": "1", "session": "SESSION",
}  # fmt: skip
PLACES = {"x": [1.0, 20.5, 99.0, 7.25], "y": [3.0, 4.0, 50.0, 60.0]}
CALLS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("login", {"apikey": "KEY"}, ""),
    ("upload", PLAIN, "SIMPLE  =                    T"),
    ("upload", PLAIN | PLACES, ""),
    ("upload", {"session": "SESSION", "lists": [PLACES, PLACES | {"image_width": 9}]}, ""),
    ("url_upload", PLAIN | {"url": "http://192.0.2.1/a.fits"}, ""),
    ("url_upload", PLAIN | PLACES, ""),
    ("myjobs/", {"session": "SESSION"}, ""),
    ("submission_images", {"session": "SESSION", "subid": 1}, ""),
    ("submissions/1", {}, ""),
    ("submissions/1/delete", {"session": "SESSION"}, ""),
    ("jobs/1/info/", {}, ""),
    ("jobs/1/annotations?nbright=3", {}, ""),
    ("jobs_by_tag?query=M31&exact=yes", {}, ""),
)
ODD: tuple[Any, ...] = (
    None, True, False, "", "0", "abc", "nan", "1e999", "-1", "\0", "\ud800", "é" * 300, 0, -1, 2**31, 2**63, 10**400,
    1e308, -1e308, float("nan"), float("inf"), [], [[]], [None], ["a", 1], [1e999], {}, {"a": {"b": []}}, "y", "n",
    "sa", "focalmm", "arcsecperpix", "ev", "http://127.0.0.1/", "file:///etc/passwd", "http://[::1", "x" * 100_000,
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return the right calls: the path, the words as JSON and the file, one a line."""
    return [f"{path}\n{json.dumps(words)}\n{file}".encode() for path, words, file in CALLS]


def spoil_words(content: bytes, random: Random) -> bytes:
    """Put something odd for one of a call's words, add one, take one away, or borrow another call's path."""
    path, text, file = _parts(content)
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return content
    if not isinstance(words, dict):
        return content
    name = random.choice((*words, *PLAIN, *PLACES, "url", "lists", "apikey", "subid", "no such word"))
    act = random.randrange(6)
    if act == 0:
        words.pop(name, None)
    elif act == 1:
        path = random.choice(CALLS)[0]
    elif act == 2 and isinstance(words.get(name), list) and words[name]:
        words[name][random.randrange(len(words[name]))] = random.choice(ODD)
    elif act == 3:
        words[name] = [random.choice(ODD) for _ in range(random.randrange(5))]
    else:
        words[name] = random.choice(ODD)
    return f"{path}\n{json.dumps(words)}\n{file}".encode("utf-8", "surrogatepass")


def call_nova(content: bytes, random: Random, _folder: Path) -> bool:
    """Make the call as a client would; True where it succeeded."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    client, key = _caller()
    path, text, file = _parts(content)
    session = json.loads(client.post("/nova/api/login", {"request-json": json.dumps({"apikey": key})}).content)
    text = text.replace("SESSION", session["session"]).replace("KEY", key)
    path = "/nova/api/" + "".join(c if c.isprintable() and c.isascii() and c != "#" else "_" for c in path)
    fields: dict[str, Any] = {"request-json": text.encode("utf-8", "replace").decode()}
    if file:
        name = random.choice(("a.fits", "../../a.fits", "a\0b.tar.gz", "n" * 300, ""))
        fields["file"] = SimpleUploadedFile(name or "a", file.encode("utf-8", "replace"))
    answer = client.post(path, fields) if random.randrange(4) else client.get(path)
    assert answer.status_code in {200, 404}, f"{answer.status_code}: {answer.content[:200]!r}"
    assert answer.headers["Content-Type"].startswith("text/plain"), answer.headers["Content-Type"]
    found = json.loads(answer.content)
    assert isinstance(found, dict)
    if found.get("status") != "error":
        return True
    sentence = found["errormessage"]
    assert isinstance(sentence, str) and 5 < len(sentence) < 1500, f"no sentence: {sentence!r}"
    return False


def _parts(content: bytes) -> tuple[str, str, str]:
    path, _, rest = content.decode("utf-8", "replace").partition("\n")
    text, _, file = rest.partition("\n")
    return path, text, file


def _caller() -> tuple[Any, str]:
    """Return a client and the key of somebody with an album; Django is set up where it is not."""
    _set_up()
    from django.test import Client

    from hven.accounts import services as accounts
    from hven.accounts.actor import Actor
    from hven.accounts.models import AccessKey, User
    from hven.archive import services as archive

    user = User.objects.filter(username="fuzz").first()
    if user is None:
        user = accounts.create_user("fuzz")
        archive.make_album(Actor.of(user), "Nights")
    AccessKey.objects.filter(user=user).delete()
    return Client(), accounts.make_key(user, "api").secret


@lru_cache(maxsize=1)
def _set_up() -> None:
    if "HVEN_DATA" not in os.environ:
        import tests.environment  # noqa: F401 - names a data folder of this process
    import django
    from django.apps import apps
    from django.conf import settings

    if apps.ready:  # by pytest, with a database of its own
        return
    django.setup()
    from hven.ops.database import migrate

    settings.HVEN_FOLDERS.make()
    migrate()
