"""Tiles, values and downloads: what they hold, and how they are kept from acting as pages."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import picture_bytes


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_value_of_a_pixel_is_that_of_the_file(client_for, user, make_frame) -> None:
    client, made = client_for(user), make_frame(user)
    assert client.get(f"{made.path}value.json?x=10&y=20").json()["value"] == pytest.approx(4321.0)
    assert client.get(f"{made.path}picture.json").json()["unit"] == "electron"


@pytest.mark.parametrize("query", ["x=96&y=0", "x=-1&y=0", "x=&y=", "x=1.5&y=2", "x=nan&y=0", "x=9999999999999&y=1"])
def test_pixels_outside_are_refused_with_a_sentence(client_for, user, make_frame, query) -> None:
    answer = client_for(user).get(f"{make_frame(user).path}value.json?{query}")
    assert answer.status_code in {400, 404}
    assert answer.json()["error"].endswith(".")


def test_a_fits_frame_is_shown_with_its_first_row_at_the_bottom(client_for, user, make_frame) -> None:
    client, made = client_for(user), make_frame(user)
    assert client.get(f"{made.path}picture.json").json()["flipped"] is True
    tile = np.asarray(Image.open(io.BytesIO(client.get(f"{made.path}tiles/0/0_0.jpg").content)))
    assert tile.shape == (64, 96)
    row, column = np.unravel_index(np.argmax(tile), tile.shape)
    assert (row, column) == (63 - 20, 10)


def test_a_stretch_changes_the_tile_and_nonsense_is_refused(client_for, user, make_frame) -> None:
    client, tile = client_for(user), f"{make_frame(user).path}tiles/0/0_0.jpg"
    plain, inverted = client.get(tile), client.get(f"{tile}?stretch=linear&low=900&high=1100&invert=1")
    assert plain.content != inverted.content
    for query in ("stretch=none", "low=abc", "high=inf", "low=nan"):
        assert client.get(f"{tile}?{query}").status_code == 400


@pytest.mark.parametrize("place", ["0/5_0", "9/0_0", "0/0_1"])
def test_tiles_that_do_not_exist_are_not_found(client_for, user, make_frame, place) -> None:
    assert client_for(user).get(f"{make_frame(user).path}tiles/{place}.jpg").status_code == 404


def test_tiles_are_kept_by_the_browser_but_by_no_cache_between(client_for, user, make_frame) -> None:
    client, tile = client_for(user), f"{make_frame(user).path}tiles/0/0_0.jpg"
    answer = client.get(tile)
    assert "private" in answer.headers["Cache-Control"]
    assert client.get(tile, HTTP_IF_NONE_MATCH=answer.headers["ETag"]).status_code == 304


def test_a_tag_gives_nothing_away_to_those_who_may_not_open(client_for, user, other_user, make_frame) -> None:
    made = make_frame(user)
    tile = f"{made.path}tiles/0/0_0.jpg"
    tag = client_for(user).get(tile).headers["ETag"]
    assert client_for(other_user).get(tile, HTTP_IF_NONE_MATCH=tag).status_code == 404


def test_originals_are_saved_and_never_run(client_for, user, make_frame) -> None:
    made = make_frame(user, name='<script>"x".html')
    answer = client_for(user).get(f"{made.path}original")
    assert body(answer) == picture_bytes()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_hostile_names_are_shown_as_text(client_for, user, make_frame) -> None:
    made = make_frame(user, name="<script>alert(1)</script>.fits")
    client = client_for(user)
    for page in (made.path, "/frames/", "/frames/?look=table", "/queue/"):
        assert "<script>alert" not in client.get(page).content.decode()


def test_strangers_get_a_public_picture_without_its_position(anyone, client_for, user, make_frame) -> None:
    made = make_frame(user, kind="jpeg", visibility="public")
    mine, theirs = body(client_for(user).get(f"{made.path}original")), body(anyone.get(f"{made.path}original"))
    assert mine == picture_bytes("jpeg")
    assert Image.open(io.BytesIO(mine)).getexif()
    assert not Image.open(io.BytesIO(theirs)).getexif()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(mine))), np.asarray(Image.open(io.BytesIO(theirs))))


def test_strangers_do_not_read_the_site_in_the_header(anyone, client_for, user, make_frame) -> None:
    made = make_frame(user, visibility="public")
    assert "SITELAT" in client_for(user).get(made.path).content.decode()
    page = anyone.get(made.path).content.decode()
    assert "SITELAT" not in page
    assert "BUNIT" in page


def test_the_new_fits_carries_the_solution(client_for, user, make_frame) -> None:
    from astropy.io import fits

    made = make_frame(user)
    answer = client_for(user).get(f"{made.path}runs/{made.run.pk}/solved.fits")
    assert 'filename="stjerneborg-solved.fits"' in answer.headers["Content-Disposition"]
    with fits.open(io.BytesIO(body(answer))) as file:
        assert file[0].header["CRVAL1"] == pytest.approx(84.0)
        assert file[0].data[20, 10] == pytest.approx(4321.0)


@pytest.mark.parametrize("path", ["../../secret", "overlays", "hven.sqlite3", "thumbnail.jpg/.."])
def test_only_products_are_served_under_a_run(client_for, user, make_frame, path) -> None:
    made = make_frame(user)
    assert client_for(user).get(f"{made.path}runs/{made.run.pk}/{path}").status_code == 404
