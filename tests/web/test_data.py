"""Datasets and files on pages: found by header, place, time and words, looked into, handed out."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.archive.models import DataFile, Dataset
from hven.archive.services import add_tag
from hven.archive.services.receive import Delivery, receive_file
from hven.jobs.models import Job
from hven.storage import services as storage

from .conftest import picture_bytes
from .nightly import Place, observing_place


@pytest.fixture
def place(user: Any) -> Place:
    return observing_place(user)


@pytest.fixture
def filled(place: Place) -> Place:
    """Four files: two of M105, one of M51 on another night, and one that is no frame."""
    place.take("m105_r.fits")
    place.take("m105_v.fits", FILTER="V", **{"DATE-OBS": "2026-03-15T23:30:00"})
    place.take(
        "m51_r.fits", OBJECT="M51", RA=202.47, DEC=47.2, OBSERVER="Sophie", **{"DATE-OBS": "2026-04-02T01:00:00"}
    )
    place.take("notes.txt", b"clouds from two on")
    add_tag(place.actor, DataFile.objects.get(name="m51_r.fits"), "comet")
    return place


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code == status, content[:300]
    return content.decode()


def names(client: Any, path: str) -> set[str]:
    address, _, query = path.partition("?")
    rows = csv.DictReader(io.StringIO(page(client, f"{address}list.csv?{query}")))
    return {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"m105_r.fits", "m105_v.fits", "m51_r.fits", "notes.txt"}),
        ("q=m105", {"m105_r.fits", "m105_v.fits"}),
        ("q=soph", {"m51_r.fits"}),
        ("q=FILTER%3DR", {"m105_r.fits", "m51_r.fits"}),
        ("q=FILTER%3DR+OBJECT%3DM51", {"m51_r.fits"}),
        ("keyword=exptime&value=60.00", {"m105_r.fits", "m105_v.fits", "m51_r.fits"}),
        ("near=M51&radius=0.5", {"m51_r.fits"}),
        ("q=near:M105&radius=1", {"m105_r.fits", "m105_v.fits"}),
        ("near=202.4+47.2&radius=20", {"m51_r.fits"}),
        ("from=2026-03-15&to=2026-03-15", {"m105_r.fits", "m105_v.fits"}),
        ("q=2026-04-01..2026-04-03", {"m51_r.fits"}),
        ("q=M105+r%3D1", {"m105_r.fits", "m105_v.fits"}),
        ("q=161.96+12.58+r%3D0.5", {"m105_r.fits", "m105_v.fits"}),
        ("q=dataset:spring", {"m105_r.fits", "m105_v.fits", "m51_r.fits", "notes.txt"}),
        ("q=dataset:Nowhere", set()),
        ("q=name:m51", {"m51_r.fits"}),
        ("q=tag:comet", {"m51_r.fits"}),
        ("q=r%3D2", {"m105_r.fits", "m105_v.fits", "m51_r.fits", "notes.txt"}),
        ("to=9999-12-31&from=0001-01-01", {"m105_r.fits", "m105_v.fits", "m51_r.fits", "notes.txt"}),
        ("kind=lights", {"m105_r.fits", "m105_v.fits", "m51_r.fits"}),
        ("kind=other", {"notes.txt"}),
        ("kind=unfiled", set()),
        ("q=nothing+like+it", set()),
        ("near=nowhere+at+all", set()),
        ("night=nonsense", set()),
    ],
)
def test_files_are_found(client_for, user, filled, query: str, found: set[str]) -> None:
    client = client_for(user)
    assert names(client, f"/data/{filled.dataset.uuid}/?{query}") == found
    assert names(client, f"/files/?{query}") == found
    said = page(client, f"/data/{filled.dataset.uuid}/?{query}")
    for name in ("m105_r.fits", "m51_r.fits", "notes.txt"):
        assert (f">{name}<" in said) == (name in found)


def test_marks_can_be_taken_away_one_by_one(client_for, user, filled) -> None:
    said = page(client_for(user), "/files/?q=m105+FILTER%3DR&from=2026-03-15")
    for words in ("“m105”", "FILTER = R", "taken since 2026-03-15"):
        assert words in said
    assert "?from=2026-03-15&amp;q=FILTER%3DR" in said
    assert "?from=2026-03-15&amp;q=m105" in said


def test_lists_are_sorted_and_shown_as_pictures(client_for, user, filled) -> None:
    client = client_for(user)
    said = page(client, "/files/?order=taken")
    assert said.index("m105_r.fits") < said.index("m105_v.fits") < said.index("m51_r.fits")
    assert 'aria-sort="ascending"' in said
    said = page(client, "/files/?look=grid")
    assert "/units/first-240.jpg" in said
    assert "/units/first-240.jpg" in page(client, "/files/")  # the look is kept
    for odd in ("order=odd", "look=odd", "page=99", "page=x", "kind=odd", "q=%00", "radius=x&near=M51", "q=%22"):
        assert client.get(f"/files/?{odd}").status_code == 200


def test_a_dataset_tells_its_telescope_and_what_filing_starts(client_for, user, place) -> None:
    client, path = client_for(user), f"/data/{place.dataset.uuid}/"
    said = {"telescope": "", "rule": "solve", "observer": "Sophie Brahe", "tags": "survey, spring"}
    client.post(f"{path}change/", said)
    place.dataset.refresh_from_db()
    assert (place.dataset.telescope, place.dataset.rule, place.dataset.tags) == (None, "solve", ["survey", "spring"])
    assert Job.objects.filter(kind="archive.refile").exists()
    file = place.take("lost.fits")
    assert "has no telescope" in page(client, path)
    assert ">lost.fits<" in page(client, f"{path}?kind=unfiled")
    assert "has no telescope" in page(client, f"/files/{file.uuid}/")
    client.post(f"{path}change/", {"telescope": str(place.telescope.uuid), "rule": ""})
    place.dataset.refresh_from_db()
    assert place.dataset.telescope == place.telescope
    for odd in ({"telescope": "nonsense"}, {"rule": "odd"}):
        assert client.post(f"{path}change/", odd).status_code == 400


def test_a_telescope_that_one_may_not_see_stays_when_something_else_is_changed(client_for, other_user, place) -> None:
    from hven.accounts.services import grant_to

    grant_to(place.actor, place.dataset, other_user, "change")
    client, path = client_for(other_user), f"/data/{place.dataset.uuid}/"
    said = page(client, path)
    assert "one that you may not see" in said
    assert "Quadrant" not in said
    client.post(f"{path}change/", {"telescope": "same", "rule": "", "tags": "hers"})
    place.dataset.refresh_from_db()
    assert (place.dataset.telescope, place.dataset.tags) == (place.telescope, ["hers"])


def test_what_was_typed_of_a_dataset_stays_where_it_is_refused(client_for, user, place) -> None:
    answer = client_for(user).post(f"/data/{place.dataset.uuid}/change/", {"rule": "odd", "tags": "kept, words"})
    assert answer.status_code == 400
    assert 'value="kept, words"' in answer.content.decode()


def test_a_dataset_comes_as_a_zip_of_what_the_list_shows(client_for, user, filled) -> None:
    answer = client_for(user).get(f"/data/{filled.dataset.uuid}/files.zip?q=m105")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert {name for name in archive.namelist() if name.endswith(".fits")} == {
        "Spring/m105_r.fits", "Spring/m105_v.fits",
    }  # fmt: skip
    assert archive.testzip() is None
    first = DataFile.objects.get(name="m105_r.fits")
    assert hashlib.sha256(archive.read("Spring/m105_r.fits")).hexdigest() == first.blob.sha256


def test_frames_of_a_list_are_started_at_once(client_for, user, filled) -> None:
    client_for(user).post(f"/data/{filled.dataset.uuid}/begin/?q=m105", {"rule": "solve"})
    begun = {job.args["data_file_id"] for job in Job.objects.filter(kind="imaging.begin")}
    assert begun == set(DataFile.objects.filter(object_name="M105").values_list("pk", flat=True))


def test_a_file_shows_what_its_header_says_and_which_card_said_so(client_for, user, filled) -> None:
    file = DataFile.objects.get(name="m105_r.fits")
    said = page(client_for(user), f"/files/{file.uuid}/")
    assert "2026-03-15 22:30:30.000 UTC" in said  # the middle
    assert "EXPTIME" in said
    assert "Light Frame" in said
    assert file.blob.sha256 in said
    assert "night of 2026-03-15" in said
    assert "28.3°" in said


def a_file_of_all_kinds() -> bytes:
    table = fits.BinTableHDU.from_columns([fits.Column("flux", "E", unit="Jy", array=np.arange(30.0))], name="STARS")
    spectrum = fits.ImageHDU(np.sin(np.arange(100.0)), fits.Header({"CTYPE1": "WAVE", "CUNIT1": "nm"}), name="SPEC")
    image = fits.ImageHDU(np.random.default_rng(3).normal(100, 5, (20, 30)), name="SCI")
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"OBJECT": "M1"})), image, spectrum, table]).writeto(content)
    return content.getvalue()


def test_every_hdu_is_shown_as_what_it_is(client_for, user, place) -> None:
    client, file = client_for(user), place.take("all.fits", a_file_of_all_kinds())
    said = page(client, f"/files/{file.uuid}/")
    assert "HDU 1: SCI" in said
    assert "<polyline" in said
    assert "WAVE (nm)" in said
    assert "The first 20 of 30 rows" in said
    assert f"/files/{file.uuid}/units/1-640.jpg" in said
    picture = client.get(f"/files/{file.uuid}/units/1-240.jpg")
    assert picture.content.startswith(b"\xff\xd8")
    assert picture["X-Content-Type-Options"] == "nosniff"
    again = client.get(f"/files/{file.uuid}/units/1-240.jpg", headers={"If-None-Match": picture["ETag"]})
    assert again.status_code == 304
    assert client.get(f"/files/{file.uuid}/units/first-240.jpg").status_code == 200
    for odd, status in (("2-240", 400), ("9-240", 400), ("1-241", 400), ("..-240", 404), ("1:1-240", 404)):
        assert client.get(f"/files/{file.uuid}/units/{odd}.jpg").status_code in {status, 404}


@pytest.mark.parametrize("value", [1e20, 1.7e308, -1.7e308, 0.0, np.nan])
def test_a_spectrum_of_odd_values_breaks_no_page(client_for, user, place, value: float) -> None:
    content = io.BytesIO()
    fits.PrimaryHDU(np.array([value, -value, value, value])).writeto(content)
    file = place.take("odd.fits", content.getvalue())
    assert "HDU 0" in page(client_for(user), f"/files/{file.uuid}/")


def test_a_file_of_many_spectra_shows_the_first(client_for, user, place) -> None:
    content = io.BytesIO()
    hdus = [fits.ImageHDU(np.sin(np.arange(500.0)), name=f"S{n}") for n in range(20)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(content)
    file = place.take("many.fits", content.getvalue())
    said = page(client_for(user), f"/files/{file.uuid}/")
    assert said.count("<polyline") == 8
    assert "S19" in said
    assert "Only the first 8 spectra and tables are shown" in said


def test_what_is_no_frame_is_kept_and_said(client_for, user, place) -> None:
    client, file = client_for(user), place.take("notes.txt", b"clouds <script> from two on")
    said = page(client, f"/files/{file.uuid}/")
    assert "It is kept as it came." in said
    answer = client.get(f"/files/{file.uuid}/original")
    assert b"".join(answer.streaming_content) == b"clouds <script> from two on"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_file_whose_header_was_not_read_can_be_asked_for_again(client_for, user, place) -> None:
    file = place.take()
    DataFile.objects.filter(pk=file.pk).update(read_at=None)
    client = client_for(user)
    assert "Its header is still to be read" in page(client, f"/files/{file.uuid}/")
    Job.objects.all().delete()
    client.post(f"/files/{file.uuid}/read/")
    assert Job.objects.get().kind == "archive.read"
    assert list(DataFile.objects.filter(awaits_reading=True)) == [file]


def test_a_dataset_says_first_why_its_frames_are_in_no_night(client_for, user, place) -> None:
    place.take()
    place.take("damaged.fits.gz", b"\x1f\x8b and no more")
    shown = page(client_for(user), f"/data/{place.dataset.uuid}/")
    assert "The gzip file is damaged" in shown.split("Some files belong to no night.")[1][:200]
    DataFile.objects.filter(name="a.fits").update(observation=None, calibration=None, unfiled="No telescope.")
    assert "Some files belong to no night. No telescope." in page(client_for(user), f"/data/{place.dataset.uuid}/")


def test_a_dataset_says_how_many_of_ones_files_are_still_to_be_read(client_for, user, place) -> None:
    file, other = place.take(), place.take("b.fits")
    path, client = f"/data/{place.dataset.uuid}/", client_for(user)
    assert "still to be read" not in page(client, path)
    DataFile.objects.filter(pk=file.pk).update(awaits_reading=True)
    assert "The headers of 1 file are still to be read" in page(client, path)
    assert "still to be read" in page(client, f"/files/{file.uuid}/")
    assert "still to be read" not in page(client, f"/files/{other.uuid}/")


def test_a_file_is_deleted_with_a_sentence(client_for, user, place) -> None:
    file = place.take()
    answer = client_for(user).post(f"/files/{file.uuid}/delete/")
    assert answer["Location"] == f"/data/{place.dataset.uuid}/"
    assert not DataFile.objects.exists()


def test_strangers_learn_nothing_of_datasets_and_files(anyone, client_for, other_user, filled) -> None:
    file = DataFile.objects.get(name="m105_r.fits")
    for client in (anyone, client_for(other_user)):
        for path in ("", "list.csv", "files.zip"):
            assert client.get(f"/data/{filled.dataset.uuid}/{path}").status_code == 404
        for path in ("", "original", "units/0-240.jpg", "units/first-640.jpg"):
            assert client.get(f"/files/{file.uuid}/{path}").status_code == 404
        for verb in ("change/", "begin/"):
            assert client.post(f"/data/{filled.dataset.uuid}/{verb}", {"rule": "solve"}).status_code == 404
        for verb in ("begin/", "read/", "delete/"):
            assert client.post(f"/files/{file.uuid}/{verb}", {"rule": "solve"}).status_code == 404
    assert names(client_for(other_user), "/files/?") == set()
    assert "Spring" not in page(anyone, "/data/")


def test_strangers_read_a_public_file_without_where_it_was_taken(anyone, client_for, other_user, user, filled) -> None:
    file = DataFile.objects.get(name="m105_r.fits")
    DataFile.objects.filter(pk=file.pk).update(visibility="public")
    said = page(anyone, f"/files/{file.uuid}/")
    assert "EXPTIME" in said
    for secret in ("SITELAT", "SITELONG", "28.3", "Spring", "night of", "Quadrant</a>"):
        assert secret not in said
    assert "SITELAT" in page(client_for(user), f"/files/{file.uuid}/")
    other = client_for(other_user)
    assert names(other, "/files/?") == {"m105_r.fits"}
    assert "Spring" not in page(other, "/files/list.csv")
    assert names(other, "/files/?q=SITELAT%3D28.3") == set()
    assert names(client_for(user), "/files/?q=SITELAT%3D28.3") == {"m105_r.fits", "m105_v.fits", "m51_r.fits"}
    assert anyone.post(f"/files/{file.uuid}/delete/").status_code in {401, 403}


def test_an_inbox_is_shown_to_its_owner_alone(client_for, user, other_user, make_frame) -> None:
    inbox = make_frame(user).reduction.data_file.dataset
    assert "stjerneborg.fits" in page(client_for(user), f"/data/{inbox.uuid}/")
    assert client_for(other_user).get(f"/data/{inbox.uuid}/").status_code == 404


def test_a_file_that_was_not_read_yet_is_cut_for_strangers_too(anyone, client_for, user, place) -> None:
    made = receive_file(place.actor, place.dataset, storage.put(picture_bytes("jpeg")), Delivery("phone.jpg"))
    DataFile.objects.update(visibility="public")
    address = f"/files/{made.uuid}/original"
    answer = anyone.get(address)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert (made.format, answer.status_code) == ("", 200)
    assert content.startswith(b"\xff\xd8\xff")
    assert b"a maker" not in content
    assert b"".join(client_for(user).get(address).streaming_content) == picture_bytes("jpeg")
    raw = receive_file(place.actor, place.dataset, storage.put(b"II*\0 of a camera"), Delivery("phone.dng"))
    DataFile.objects.update(visibility="public")
    assert anyone.get(f"/files/{raw.uuid}/original").status_code == 403


def test_a_zip_holds_for_strangers_what_each_download_gives_them(anyone, client_for, user, place) -> None:
    place.take("phone.jpg", content=picture_bytes("jpeg"))
    DataFile.objects.update(visibility="public")
    Dataset.objects.update(visibility="public")

    def phone(client: Any) -> bytes:
        content = b"".join(client.get(f"/data/{place.dataset.uuid}/files.zip").streaming_content)
        return zipfile.ZipFile(io.BytesIO(content)).read("Spring/phone.jpg")

    single = anyone.get(f"/files/{DataFile.objects.get().uuid}/original")
    assert phone(anyone) == single.content
    assert b"a maker" not in single.content
    assert phone(client_for(user)) == picture_bytes("jpeg")


def test_a_public_file_says_nothing_of_its_private_dataset_and_night(
    anyone, client_for, user, other_user, place
) -> None:
    Dataset.objects.update(name="Secret survey")
    place.dataset.refresh_from_db()
    made = place.take(OBJECT=None, RA=None, DEC=None)
    DataFile.objects.update(visibility="public")
    address = f"/files/{made.uuid}/"
    assert "Secret survey" in page(client_for(user), address)
    for client in (anyone, client_for(other_user)):
        assert "Secret survey" not in page(client, address)

    def night(client: Any) -> str:
        return next(csv.DictReader(io.StringIO(page(client, "/files/list.csv"))))["night"]

    assert night(client_for(user)) == "2026-03-15"
    assert night(client_for(other_user)) == ""


def test_a_public_file_does_not_tell_its_place_whatever_the_cards_are_called(anyone, client_for, user, place) -> None:
    cards = {"OBS-LAT": 28.3001, "SITE-LON": -16.5117, "HIERARCH ESO TEL GEOLAT": -24.6271}
    made = place.take(**cards)
    DataFile.objects.update(visibility="public")
    for client, told in ((client_for(user), True), (anyone, False)):
        said = page(client, f"/files/{made.uuid}/")
        assert [str(value).lstrip("-") in said for value in cards.values()] == [told] * 3
