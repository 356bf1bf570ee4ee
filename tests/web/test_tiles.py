"""The cache of tiles: made once, shared, and never larger than it may be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from hven.errors import HvenError


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    import shutil

    from hven.web.tiles import cache_folder

    shutil.rmtree(cache_folder(), ignore_errors=True)


def test_a_pyramid_is_built_once_however_many_ask(user, make_frame, monkeypatch) -> None:
    from hven.web import tiles

    built = []
    real = tiles._build
    monkeypatch.setattr(tiles, "_build", lambda *args: (built.append(1), real(*args))[1])
    data_file = make_frame(user).reduction.data_file
    _ = data_file.blob
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tiles.pyramid_of(data_file).width, range(8)))
    assert found == [96] * 8
    assert built == [1]


def test_those_seen_longest_ago_go_first(user, make_frame) -> None:
    from hven.web import tiles

    files = [make_frame(user).reduction.data_file for _ in range(3)]
    folders = [tiles.pyramid_of(file).folder for file in files]
    for age, folder in zip((300, 100, 200), folders, strict=True):
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    size = tiles._size(folders[0])
    assert tiles.evict(2 * size) == 1
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert tiles.evict(0, keep=folders[2]) == 1
    assert [folder.exists() for folder in folders] == [False, False, True]


def test_the_limit_holds_after_each_new_frame(user, make_frame, settings) -> None:
    from hven.web import tiles

    settings.HVEN_TILE_CACHE = 1
    for _ in range(3):
        tiles.pyramid_of(make_frame(user).reduction.data_file)
    assert sum(folder.is_dir() for folder in tiles.cache_folder().iterdir()) == 1


def test_a_file_that_is_no_picture_leaves_nothing_behind(user, make_frame) -> None:
    from hven.storage import services as storage
    from hven.web import tiles

    data_file = make_frame(user).reduction.data_file
    data_file.blob = storage.put(b"not a picture at all")
    with pytest.raises(HvenError):
        tiles.pyramid_of(data_file)
    assert not any(folder.is_dir() for folder in tiles.cache_folder().iterdir())


def test_tiles_go_with_their_frame(client_for, user, make_frame) -> None:
    from hven.web import tiles

    made, client = make_frame(user), client_for(user)
    client.get(f"{made.path}picture.json")
    folder = tiles.cache_folder() / str(made.reduction.data_file.uuid)
    assert folder.is_dir()
    assert client.post(f"{made.path}delete/").headers["Location"] == "/frames/"
    assert not folder.exists()
    assert client.get(made.path).status_code == 404


def test_a_run_of_another_plane_is_shown_with_that_plane(client_for, user, make_frame, tmp_path) -> None:
    import io

    import numpy as np
    from astropy.io import fits

    from hven.accounts.actor import Actor
    from hven.imaging import services as imaging
    from hven.storage import services as storage
    from hven.web import tiles

    made, client = make_frame(user), client_for(user)
    file, content = made.reduction.data_file, io.BytesIO()
    planes = [fits.ImageHDU(np.full((40 + n, 50), n, np.float32), name=name) for n, name in ((1, "SCI"), (2, "ERR"))]
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(content)
    file.blob = storage.put(content.getvalue())
    file.save()
    run = imaging.request_run(Actor.of(user), made.reduction, {"plane": "ERR"})
    page = client.get(f"{made.path}?run={run.pk}").content.decode()
    assert f'data-run="{run.pk}"' in page
    assert 'option value="2"' in page
    assert "2 ERR, 50" in page
    assert client.get(f"{made.path}picture.json").json()["height"] == 41
    assert client.get(f"{made.path}picture.json?run={run.pk}").json()["height"] == 42
    assert client.get(f"{made.path}value.json?x=1&y=1&run={run.pk}").json()["value"] == 2
    assert client.get(f"{made.path}tiles/0/0_0.jpg?run={run.pk}").status_code == 200
    assert client.get(f"{made.path}tiles/0/0_0.jpg?run=x").status_code == 404
    assert len(list(tiles.cache_folder().glob(f"{file.uuid}*"))) == 2
    tiles.forget(file.uuid)
    assert not list(tiles.cache_folder().glob(f"{file.uuid}*"))
