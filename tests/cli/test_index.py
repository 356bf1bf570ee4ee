"""`hven index`: listing, adding, fetching, building, removing, as a person types them."""

from __future__ import annotations

import argparse
import json
import os
import subprocess

import pytest
from tests import skies
from tests.conftest import server_environment
from tests.mirror import Mirror, serving


@pytest.fixture
def hven(python, tmp_path):
    def run(*arguments, **more):
        env = server_environment(tmp_path / "data", HVEN_INDEX_PATH=str(tmp_path / "system"), **more)
        return subprocess.run(
            [python, "-m", "hven.cli", "index", *map(str, arguments)], env=env, capture_output=True, text=True,
            timeout=100, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


def test_an_own_index_from_building_to_removing(hven, tmp_path) -> None:
    from astropy.table import Table

    skies.need_program()
    stars = skies.deep_stars()
    Table({"ra": stars.ra, "dec": stars.dec, "Gmag": stars.mag}).write(tmp_path / "m31.vot", format="votable")
    done = hven("build", tmp_path / "m31.vot", "--width-low", "0.2")
    assert done.returncode == 0, done.stderr
    assert "own-m31-02.fits" in done.stdout
    assert "placed 5 of 5 fields of 12' drawn from the catalogue, centre to 0.0" in done.stdout
    assert "Making asterisms" in done.stderr
    assert list((tmp_path / "data" / "scratch").iterdir()) == []
    listed = json.loads(hven("list", "--json").stdout)
    assert [(each["series"], each["complete"]) for each in listed["indexes"]] == [("m31 (own)", True)] * 2
    assert listed["narrowest_deg"] == pytest.approx(0.1, rel=0.01)
    again = hven("build", tmp_path / "m31.vot")
    assert again.returncode == 2
    assert "called m31" in again.stderr
    done = hven("remove", "m31")
    assert (done.returncode, done.stdout.count("Removed")) == (0, 2)
    assert "none; " in hven("list").stdout


@pytest.mark.django_db
def test_a_server_that_tidies_leaves_a_build_alone(monkeypatch) -> None:
    from django.conf import settings

    from hven.cli import index
    from hven.errors import Invalid
    from hven.imaging.services import solver_indexes
    from hven.jobs.reaper import clean_scratch

    seen = []

    def build(_order, _source, scratch, _tell):
        os.utime(scratch, (0, 0))
        clean_scratch()
        seen.append(scratch)
        assert scratch.is_dir()
        raise Invalid("Enough.")

    monkeypatch.setattr(solver_indexes, "build_index", build)
    parser = argparse.ArgumentParser()
    index.configure(parser)
    with pytest.raises(Invalid, match="Enough"):
        index._build(parser.parse_args(["build", "c.csv"]))
    assert not seen[0].exists()
    assert settings.HVEN_FOLDERS.data in seen[0].parents


def test_adding_says_of_each_file_what_became_of_it(hven, tmp_path) -> None:
    path = skies.built(tmp_path / "made")
    broken = tmp_path / "broken.fits"
    broken.write_bytes(path.read_bytes()[:9000])
    done = hven("add", broken, path, path)
    assert done.returncode == 1
    assert done.stdout.startswith("own-deep-02.fits: fields of 0.1 to ")
    assert done.stderr.count("hven: ") == 2
    assert "broken.fits" in done.stderr and "installed already" in done.stderr
    assert "Traceback" not in done.stderr


def test_removing_leaves_other_folders_alone_and_says_so(hven, tmp_path) -> None:
    path = skies.built(tmp_path / "system")
    done = hven("remove", "deep")
    assert done.returncode == 1
    assert str(path) in done.stderr and "own data folder only" in done.stderr
    assert path.exists()


def test_fetching_asks_first_and_says_how_much(hven) -> None:
    done = hven("fetch", "5204")
    assert done.returncode == 1
    assert "48 files, about 1.2 GB" in done.stderr
    assert "free on the disk" in done.stderr
    assert "--yes" in done.stderr
    done = hven("fetch", "4200", "--yes")
    assert done.returncode == 2
    assert "4100" in done.stderr


def test_fetching_from_a_mirror(hven, tmp_path, tycho2) -> None:
    name = "index-4119.fits"
    content = (tycho2 / "index-tycho2-19.littleendian.fits").read_bytes()
    with serving(Mirror({f"/{name}": content}, faults=["break off"])) as mirror:
        done = hven("fetch", "4119", "--yes", HVEN_INDEX_URL_4100=mirror.url)
        assert done.returncode == 0, done.stderr
        assert f"{name} is installed" in done.stderr
        assert (tmp_path / "data" / "solver" / "indexes" / name).read_bytes() == content
        done = hven("fetch", "4119", "--yes", "--url", mirror.url)
        assert done.returncode == 0
        assert "1 of 1 files are installed already" in done.stderr
        assert len(mirror.asked) == 2
        done = hven("fetch", "4118", "--yes", "--url", mirror.url)
        assert done.returncode == 2
        assert "no such file" in done.stderr
