"""Solver data as a service: fetched in turns, built and tried, noticed by those who solve."""

from __future__ import annotations

import numpy as np
import pytest

from hven.config.folders import Folders
from hven.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from hven.imaging.services import solver_data
from hven.imaging.services import solver_indexes as indexes
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from tests import skies
from tests.mirror import Mirror, serving


@pytest.fixture
def place(settings, tmp_path):
    """A data folder of its own, with no other folder of indexes."""
    settings.HVEN_FOLDERS = Folders(tmp_path / "data")
    settings.HVEN_FOLDERS.make()
    settings.HVEN_INDEX_FOLDERS = (tmp_path / "system", settings.HVEN_FOLDERS.solver / "indexes")
    solver_data.opened.cache_clear()
    yield tmp_path
    solver_data.opened.cache_clear()


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Three tiles as a public series has them: small indexes under the numbers of 5205."""
    skies.need_program()
    made = {}
    for tile in range(3):
        path = skies.built(tmp_path_factory.mktemp("tile"), skies.deep_stars(3000, seed=tile), scale=5, first_id=0)
        content = path.read_bytes()
        for old, new in ((b"INDEXID =                   15", b"INDEXID =                 5205"),
                         (b"HEALPIX =                   -1", f"HEALPIX = {tile:20d}".encode()),
                         (b"HPNSIDE =                    0", b"HPNSIDE =                    2")):  # fmt: skip
            assert old in content
            content = content.replace(old, new, 1)
        made[f"/index-5205-{tile:02d}.fits"] = content
    return made


@pytest.fixture
def mirror(place, settings, tiles):
    with serving(Mirror(dict(tiles))) as made:
        settings.HVEN_INDEX_SOURCES = {"INDEX_URL_4100": (made.url, True), "INDEX_URL_5200": (made.url, True)}
        yield made


@pytest.fixture
def staff(user):
    user.is_staff = True
    user.save()
    return user


def names():
    return [index.path.name for index in indexes.installed()]


FIRST = ("5205", (), (0, 1, 2))


def test_a_fetch_brings_what_is_missing_and_nothing_twice(mirror) -> None:
    plan = indexes.plan_fetch(*FIRST)
    assert plan.bytes == pytest.approx(3 * 12.8e6, rel=0.01)
    assert indexes.fetch_indexes(plan) == ()
    assert names() == ["index-5205-00.fits", "index-5205-01.fits", "index-5205-02.fits"]
    again = indexes.plan_fetch(*FIRST)
    assert (again.missing, again.bytes) == ((), 0)
    assert len(mirror.asked) == 3


def test_an_interrupted_fetch_goes_on_in_the_middle_of_a_file(mirror) -> None:
    def interrupt(_fraction, words):
        if words.startswith("index-5205-01") and " of " in words:
            raise KeyboardInterrupt

    mirror.faults = ["", "break off"]
    with pytest.raises(KeyboardInterrupt):
        indexes.fetch_indexes(indexes.plan_fetch(*FIRST), tell=interrupt, pause_s=0.0)
    assert names() == ["index-5205-00.fits"]
    ((name, count),) = indexes.unfinished()
    assert name == "index-5205-01.fits"
    assert count > 0
    indexes.fetch_indexes(indexes.plan_fetch(*FIRST))
    assert len(names()) == 3
    assert ("/index-5205-01.fits", f"bytes={count}-", '"1"') in mirror.asked
    assert indexes.unfinished() == []


def test_what_the_source_does_not_have_is_said(mirror) -> None:
    with pytest.raises(NotFound, match="no such file"):
        indexes.fetch_indexes(indexes.plan_fetch("4119"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<html>maintenance</html>", "not an index"), (None, "cut off"), (b"other", "holds index 5205, tile 1")],
)  # fmt: skip
def test_what_came_damaged_is_not_installed_and_is_fetched_anew(mirror, tiles, content, words) -> None:
    good = tiles["/index-5205-00.fits"]
    mirror.files["/index-5205-00.fits"] = {None: good[:-5760], b"other": tiles["/index-5205-01.fits"]}.get(
        content, content
    )
    with pytest.raises(Invalid, match=words) as refused:
        indexes.fetch_indexes(indexes.plan_fetch("5205", (), (0,)))
    assert f"{mirror.url}/index-5205-00.fits" in str(refused.value)
    assert (names(), indexes.unfinished()) == ([], [])
    mirror.files["/index-5205-00.fits"] = good
    indexes.fetch_indexes(indexes.plan_fetch("5205", (), (0,)))
    assert names() == ["index-5205-00.fits"]


def test_a_server_that_announces_too_little_brings_no_index(mirror) -> None:
    mirror.faults = ["shorter"]
    with pytest.raises(Invalid, match="cut off"):
        indexes.fetch_indexes(indexes.plan_fetch("5205", (), (0,)))
    assert names() == []


def test_a_full_disk_is_noticed_before_the_fetch_begins(mirror, settings) -> None:
    settings.HVEN_MIN_FREE_DISK = 10**18
    with pytest.raises(Unavailable, match="disk"):
        indexes.fetch_indexes(indexes.plan_fetch(*FIRST))
    assert mirror.asked == []


def test_the_default_source_may_not_lead_to_a_private_address(mirror, settings) -> None:
    settings.HVEN_INDEX_SOURCES = {"INDEX_URL_5200": (mirror.url, False)}
    with pytest.raises(Forbidden):
        indexes.fetch_indexes(indexes.plan_fetch(*FIRST))
    assert mirror.asked == []
    indexes.fetch_indexes(indexes.plan_fetch("5205", (), (0,)), base=f"{mirror.url}/")
    assert len(names()) == 1


def test_two_fetches_do_not_write_the_same_file(mirror) -> None:
    plan = indexes.plan_fetch(*FIRST)

    def second(_file):
        with pytest.raises(Conflict, match="Another fetch"):
            indexes.fetch_indexes(indexes.plan_fetch(*FIRST))

    indexes.fetch_indexes(plan, installed_one=second)


def test_a_fetch_as_a_job_leaves_its_worker_to_others_between_files(mirror, staff, monkeypatch) -> None:
    monkeypatch.setattr(indexes, "wanted_files", lambda word, scales=(), tiles=(): _three(word))
    job = indexes.ask_to_fetch(staff, "5205")
    with pytest.raises(Conflict, match="fetched already"):
        indexes.ask_to_fetch(staff, "5205")
    other = Job.objects.create(kind="imaging.run", state=State.QUEUED)
    done = jobs.run_here(job)
    assert (done.state, done.result) == (State.DONE, {"word": "5205", "files": 1, "continued": True})
    (rest,) = indexes.under_way()
    assert rest.created_by == staff
    other.delete()
    done = jobs.run_here(rest)
    assert (done.state, done.result) == (State.DONE, {"word": "5205", "files": 3})
    assert len(names()) == 3
    assert indexes.last_ended() == [done]
    with pytest.raises(Conflict, match="installed already"):
        indexes.ask_to_fetch(staff, "5205")


def _three(word):
    from hven.science.catalogues.series import wanted_files

    return wanted_files(word, (), (0, 1, 2))


def test_only_administrators_change_solver_data(place, user, other_user) -> None:
    for call in (
        lambda: indexes.ask_to_fetch(user, "4110"),
        lambda: indexes.ask_to_build(user, b"", "c.csv", {"name": "x"}),
        lambda: indexes.cancel(user, Job.objects.create(kind=indexes.FETCH).uuid),
    ):
        with pytest.raises(Forbidden, match="administrators"):
            call()


def test_a_cancelled_fetch_is_over(mirror, staff) -> None:
    job = indexes.ask_to_fetch(staff, "5205")
    assert indexes.cancel(staff, job.uuid)
    assert indexes.under_way() == []
    with pytest.raises(NotFound):
        indexes.cancel(staff, Job.objects.create(kind="imaging.run").uuid)


def test_an_index_is_built_from_an_uploaded_catalogue(place, staff, tmp_path) -> None:
    skies.need_program()
    stars = skies.deep_stars(6000)
    rows = "\n".join(f"{a:.7f},{d:.7f},{m:.3f}" for a, d, m in zip(stars.ra, stars.dec, stars.mag, strict=True))
    job = indexes.ask_to_build(staff, f"RAJ2000,DEJ2000,Gmag\n{rows}\n".encode(), "my field.csv", {"name": "my field"})
    done = jobs.run_here(job)
    assert done.state == State.DONE, done.error_text
    assert done.result["columns"] == ["RAJ2000", "DEJ2000", "Gmag"]
    assert all(each["solved"] == each["tried"] for each in done.result["files"])
    assert all(each["error_arcsec"] < 1 for each in done.result["files"])
    assert {index.own_name for index in indexes.installed()} == {"my-field"}
    with pytest.raises(Conflict, match="my-field"):
        indexes.build_index(indexes.BuildOrder("My Field"), tmp_path / "c", tmp_path)
    here, elsewhere = indexes.remove_index("my-field")
    assert len(here) == len(done.result["files"])
    assert (elsewhere, names()) == ([], [])


def test_a_catalogue_that_does_not_do_fails_with_its_sentence(place, staff) -> None:
    skies.need_program()
    done = jobs.run_here(indexes.ask_to_build(staff, b"a,b\n1,2\n", "c.csv", {"name": "x"}))
    assert done.state == State.FAILED
    assert "right ascension" in done.error_text


@pytest.mark.parametrize("filename", ["build", "catalogue", "..", "星" * 100 + ".csv", "a/b\\c.csv"])
def test_a_catalogue_may_be_called_anything(place, staff, filename) -> None:
    skies.need_program()
    done = jobs.run_here(indexes.ask_to_build(staff, b"a,b\n1,2\n", filename, {"name": "x"}))
    assert "right ascension" in done.error_text


def test_new_indexes_are_noticed_without_a_restart_and_tables_stay_open(place) -> None:
    before = solver_data.opened()
    before._patterns, before._patterns_tried = object(), True
    assert solver_data.opened() is before
    path = skies.built(place / "made")
    indexes.add_index(path)
    after = solver_data.opened()
    assert [index.own_name for index in after.indexes] == ["deep"]
    assert after.patterns is before._patterns
    solver = after.solver(after.indexes)
    assert solver is not None
    indexes.add_index(skies.built(place / "more", scale=3, first_id=20_000, name="other"))
    assert solver_data.opened().solver(after.indexes) is solver
    indexes.remove_index("deep")
    assert [index.own_name for index in solver_data.opened().indexes] == ["other"]


def test_a_file_that_grew_is_looked_at_again(place) -> None:
    content = skies.built(place / "made").read_bytes()
    target = indexes.own_folder() / "copied-by-hand.fits"
    target.write_bytes(content[: len(content) // 2])
    data = solver_data.opened()
    assert data.solver(data.indexes) is None, "half a file is none, and ends no worker"
    with target.open("ab") as stream:
        stream.write(content[len(content) // 2 :])
    data = solver_data.opened()
    assert data.solver(data.indexes) is not None


def test_one_damaged_tile_does_not_take_the_others_with_it(place, tiles) -> None:
    for number, content in enumerate(tiles.values()):
        cut = content[: len(content) // 2] if number == 1 else content
        (indexes.own_folder() / f"index-5205-{number:02d}.fits").write_bytes(cut)
    data = solver_data.opened()
    assert len(data.indexes) == 3
    assert data.solver(data.indexes) is not None


def test_a_narrow_frame_of_a_deep_catalogue_is_solved_blind_on_the_indexs_own_stars(
    place, solver_folder, tycho2, settings
) -> None:
    """12 by 9 arcminutes: hven's own table of reference stars has about one star there."""
    from hven.science.sky.sphere import separation
    from hven.science.stars.data import SolverData
    from hven.science.stars.detect import detect
    from hven.science.stars.ladder import solve

    stars = skies.deep_stars()
    skies.built(place / "narrow", stars)
    data = SolverData.open(solver_folder, [tycho2, place / "narrow"])
    for seed, (ra, dec, angle, parity) in enumerate([(150.2, 20.1, 33.0, -1), (149.5, 19.6, 200.0, 1)]):
        pixels, wcs = skies.draw(stars, ra, dec, angle, parity=parity, seed=seed)
        found = solve(detect(pixels), (), data, time_limit=30).solution
        assert found is not None
        assert float(separation(*found.wcs.centre, *wcs.centre)) * 3600 < 0.1
        assert found.wcs.parity == wcs.parity
        assert found.wcs.scale_arcsec == pytest.approx(0.5, rel=1e-4)
        assert np.abs((found.wcs.orientation_deg - wcs.orientation_deg + 180) % 360 - 180) < 0.01
        assert len(found.matches) > 30
        assert found.catalogue == "index 10012"
