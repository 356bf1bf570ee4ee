"""Reference stars as a service: this machine first, then VizieR, then the solver's own; each said in words."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from astropy.table import Table

from hven.config.folders import Folders
from hven.errors import Conflict, Invalid, NotFound, Unavailable
from hven.imaging.services import catalogues, solver_data
from hven.outside import vizier as client
from hven.outside.ask import resting
from tests.services import serving, vizier_answer

FIELDS = {"_RAJ2000": "double", "_DEJ2000": "double", "gmag": "float", "e_gmag": "float", "rmag": "float",
          "e_rmag": "float", "imag": "float", "e_imag": "float"}  # fmt: skip


@pytest.fixture
def place(settings, tmp_path):
    """A data folder of its own, and no network."""
    settings.HVEN_FOLDERS = Folders(tmp_path / "data")
    settings.HVEN_FOLDERS.make()
    settings.HVEN_OUTSIDE = True
    settings.HVEN_OUTSIDE_TIME_LIMIT = 5.0
    settings.HVEN_OUTSIDE_CACHE = 10**8
    settings.HVEN_VIZIER_URL = "https://vizier.example.invalid"
    resting.clear()
    solver_data.opened.cache_clear()
    yield tmp_path
    resting.clear()
    solver_data.opened.cache_clear()


@pytest.fixture
def vizier(place, settings):
    """VizieR on loopback, with five stars around (10, 20)."""
    rows = [(10 + 0.01 * n, 20.0, 15.5 + n, 0.01, 15.0 + n, 0.01, 14.8 + n, 0.01) for n in range(5)]
    with serving({"/viz-bin/votable": vizier_answer(FIELDS, rows)}) as service:
        settings.HVEN_VIZIER_URL = service.url
        yield service


def csv(place, name="c.csv", dec=20.0, count=5, columns="ra,dec,g,e_g,r,e_r,i,e_i"):
    lines = [columns] + [f"{10 + 0.01 * n},{dec},{15.6 + n},0.02,{15.1 + n},0.02,{14.9 + n},0.02" for n in range(count)]
    (place / name).write_text("\n".join(lines))
    return place / name


@pytest.fixture
def asked():
    """Ask around (10, 20), and return the rows and what the log said."""

    def ask(name="ps1", ra=10.0, dec=20.0, radius=0.2, limit=None):
        said = []
        return catalogues.reference_rows(name, ra, dec, radius, limit, log=said.append), said

    return ask


def test_what_lies_on_this_machine_comes_first(vizier, place, asked):
    catalogues.add_catalogue("ps1", csv(place))
    rows, said = asked()
    assert (len(rows), rows.key, rows.warning) == (5, "ps1", "")
    assert "on this machine" in rows.source
    assert vizier.asked == []
    assert rows.filters == ("B", "V", "R", "I", "g", "r", "i")
    [line] = said
    assert line.startswith("5 reference stars from the catalogue ps1 on this machine, which stands for Pan-STARRS DR1;")
    assert line.endswith("B, V, R, I by transformation.")
    assert rows.table["Vmag"][0] == pytest.approx(15.1 + 0.005 + 0.462 * 0.5 + 0.013 * 0.25, abs=1e-5)


def test_a_catalogue_of_another_name_may_stand_for_a_known_one(vizier, place, asked):
    catalogues.add_catalogue("mine", csv(place), stands_for="atlas")
    assert asked("atlas")[0].key == "mine"
    assert asked("mine")[0].key == "mine"
    assert vizier.asked == []
    assert asked("ps1")[0].key == "ps1"
    entry = {one.key: one for one in catalogues.all_catalogues()}
    assert entry["atlas"].local.name == "mine"
    assert entry["mine"].known is None
    assert entry["ps1"].local is None


def test_where_this_machine_has_no_star_vizier_is_asked(vizier, place, asked):
    catalogues.add_catalogue("ps1", csv(place, dec=-20.0))
    rows, said = asked()
    assert rows.source == "Pan-STARRS DR1 (VizieR)"
    assert said[0] == "The catalogue ps1 on this machine has no star in this field."
    assert rows.filters == ("B", "V", "R", "I", "g", "r", "i")


def test_a_cone_is_asked_once_and_kept_for_its_neighbours(vizier, asked):
    first, _ = asked()
    again, said = asked(ra=10.0005, radius=0.19)
    assert len(vizier.asked) == 1
    assert len(first) == len(again) == 5
    assert "kept on this machine" in again.source and "kept on this machine" in said[-1]
    np.testing.assert_allclose(first.table["rmag"].filled(0), again.table["rmag"].filled(0), atol=1e-5)
    asked(radius=1.0)
    assert len(vizier.asked) == 2


def test_a_kept_cone_serves_without_a_network(vizier, asked, settings):
    asked()
    settings.HVEN_OUTSIDE = False
    assert len(asked()[0]) == 5


def test_limits_are_rounded_up_when_asked_and_kept_when_answered(vizier, asked):
    rows, _ = asked(limit=17.2)
    assert vizier.asked[0][1]["rmag"] == "<=17.5"
    assert len(rows) == 3
    assert len(asked(limit=17.4)[0]) == 3
    assert len(vizier.asked) == 1


def test_a_limit_holds_for_this_machine_too(place, asked):
    catalogues.add_catalogue("ps1", csv(place))
    assert len(asked(limit=16.2)[0]) == 2
    catalogues.add_catalogue("own", csv(place, "v.csv", columns="ra,dec,V,e_V,B,e_B,x,y"))
    assert len(asked("own", limit=16.7)[0]) == 2


def crowded(service, most):
    """Let VizieR cut off its answers at `most` rows, as it does; stars lie along a line."""

    def answer(_path, parameters):
        ra, dec = (float(part) for part in re.fullmatch(r"([\d.]+)([+-][\d.]+)", parameters["-c"]).groups())
        faintest = float(parameters.get("rmag", "<=99").removeprefix("<="))
        stars = [(10 + 0.02 * n, 20.0, 13.0 + 0.6 * abs(n)) for n in range(-9, 10)]
        near = [one for one in stars if np.hypot(one[0] - ra, one[1] - dec) < float(parameters["-c.rd"])]
        rows = [(a, d, r + 0.5, 0.01, r, 0.01, r - 0.2, 0.01) for a, d, r in near if r <= faintest]
        return vizier_answer(FIELDS, rows[:most])

    service.routes["/viz-bin/votable"] = answer


def test_more_stars_than_vizier_gives_come_from_smaller_cones(vizier, asked, monkeypatch):
    monkeypatch.setattr(client, "MOST_ROWS", 18)
    crowded(vizier, 18)
    rows, _ = asked(radius=0.185)
    assert len(vizier.asked) == 8
    assert len(rows) == len(set(rows.table["RAJ2000"].tolist())) == 19


def test_more_stars_than_vizier_gives_under_a_limit_come_to_a_brighter_one(vizier, asked, monkeypatch):
    monkeypatch.setattr(client, "MOST_ROWS", 18)
    crowded(vizier, 18)
    assert len(asked(radius=0.185, limit=19.0)[0]) == 17
    assert [parameters["rmag"] for _, parameters in vizier.asked] == ["<=19", "<=18"]
    monkeypatch.setattr(client, "MOST_ROWS", 1)
    with pytest.raises(Unavailable, match="more stars"):
        asked(radius=0.18, limit=18.5)


def test_without_a_network_the_solvers_stars_stand_in_with_a_warning(place, settings, solver_folder, asked):
    shutil.rmtree(settings.HVEN_FOLDERS.solver)
    settings.HVEN_FOLDERS.solver.symlink_to(solver_folder)
    solver_data.opened.cache_clear()
    rows, said = asked(ra=84.0, dec=-1.5, radius=3.0)
    assert rows.key == "solver"
    assert "expect errors" in rows.warning and rows.warning in said
    assert "VizieR cannot be reached" in said[1]
    assert {"V", "r", "G"} <= set(rows.filters)
    _, said = asked(ra=84.0, dec=-1.5, radius=3.0)
    assert "left alone" in said[1]
    with pytest.raises(Unavailable, match="no magnitudes of 2MASS"):
        asked("2mass", ra=84.0, dec=-1.5, radius=3.0)


def test_where_nobody_has_a_star_all_reasons_are_told(place, settings, asked):
    settings.HVEN_OUTSIDE = False
    with pytest.raises(Unavailable) as told:
        asked()
    for words in ("No catalogue on this machine stands for Pan-STARRS DR1", "HVEN_OUTSIDE", "have not been built"):
        assert words in str(told.value)


def test_vizier_is_not_asked_where_the_survey_ends(vizier, asked):
    with pytest.raises(Unavailable, match="does not reach declination -60"):
        asked(dec=-60.0)
    assert vizier.asked == []


def test_an_unknown_name_is_told_with_those_there_are(place, asked):
    catalogues.add_catalogue("mine", csv(place))
    with pytest.raises(Invalid, match=r"gaiadr3syn, ps1.*mine"):
        asked("pss1")


def test_a_catalogue_that_goes_meanwhile_makes_way_for_the_next_source(vizier, place, asked):
    catalogues.add_catalogue("ps1", csv(place))
    for path in (catalogues.folder() / "ps1").glob("part-*"):
        path.unlink()
    rows, said = asked()
    assert rows.source.endswith("(VizieR)")
    assert "removed meanwhile" in said[0]


def test_an_exchanged_catalogue_is_noticed_by_those_who_had_it_open(place, asked):
    catalogues.add_catalogue("ps1", csv(place))
    assert len(asked()[0]) == 5
    with pytest.raises(Conflict):
        catalogues.add_catalogue("ps1", csv(place, count=3))
    catalogues.add_catalogue("ps1", csv(place, count=3), replace_old=True)
    assert len(asked()[0]) == 3
    catalogues.remove_catalogue("ps1")
    with pytest.raises(Unavailable):
        asked()
    assert [path.name for path in catalogues.folder().iterdir()] == []


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "x" * 61, "a b", "a.", "-x", "ü"])
def test_names_that_could_be_paths_are_refused(place, name):
    for verb in (catalogues.open_catalogue, catalogues.remove_catalogue):
        with pytest.raises(Invalid, match="letters"):
            verb(name)
    with pytest.raises(Invalid, match="letters"):
        catalogues.add_catalogue(name, csv(place))


def test_families_follow_from_name_columns_or_word(place):
    assert catalogues.add_catalogue("ps1", csv(place)).family == "ps1"
    assert catalogues.add_catalogue("own", csv(place)).family == ""
    assert catalogues.add_catalogue("said", csv(place), family="ps1").family == "ps1"
    assert catalogues.add_catalogue("no", csv(place), stands_for="ps1", family="none").family == ""
    Table({"ra": [1.0], "dec": [2.0], "Gmag": [9.0], "BPmag": [9.2], "RPmag": [8.5]}).write(place / "g.fits")
    assert catalogues.add_catalogue("gaia", place / "g.fits").family == "gaia"
    for more in ({"family": "x"}, {"stands_for": "x"}, {"unit": "x"}):
        with pytest.raises(Invalid):
            catalogues.add_catalogue("other", csv(place), **more)


def test_known_catalogues_bring_their_epoch(place):
    assert catalogues.add_catalogue("ps1", csv(place)).epoch == 2012.0
    assert catalogues.add_catalogue("own", csv(place), epoch=2020.5).epoch == 2020.5


def test_neighbours_come_from_all_that_have_sky(vizier, place):
    gaia = Table(
        {"ra": [10.0, 10.01], "dec": [20.0, 20.0], "Gmag": [15.0, 16.0], "BPmag": [15.5, 16.5], "RPmag": [14.5, 15.5]}
    )
    gaia.write(place / "g.fits")
    catalogues.add_catalogue("gaiaedr3", place / "g.fits")
    said = []
    found = catalogues.neighbours(10.0, 20.0, 0.2, log=said.append)
    assert {key: len(rows) for key, rows in found.items()} == {"gaiaedr3": 2, "ps1": 5}
    assert any("on this machine" in line for line in said)


def test_a_neighbour_that_cannot_be_asked_is_missing_and_an_empty_one_is_not(place, vizier, settings):
    said = []
    vizier.routes["/viz-bin/votable"] = vizier_answer({}, [])
    found = catalogues.neighbours(10.0, 20.0, 0.2, names=["ps1"], log=said.append)
    assert len(found["ps1"]) == 0
    settings.HVEN_OUTSIDE = False
    found = catalogues.neighbours(10.0, 20.0, 0.2, names=["gaiaedr3"], log=said.append)
    assert found == {}
    assert "HVEN_OUTSIDE" in said[-1]


def test_a_catalogue_is_written_out_unless_the_format_cannot(place):
    catalogues.add_catalogue("ps1", csv(place))
    assert catalogues.write_catalogue("ps1", place / "out.fits") == 5
    Table({"ra": [1.0], "dec": [2.0], "Gmag": [9.0], "gmag": [9.2]}).write(place / "g.csv", format="ascii.csv")
    catalogues.add_catalogue("both", place / "g.csv")
    with pytest.raises(Invalid, match="differ in case"):
        catalogues.write_catalogue("both", place / "both.fits")
    with pytest.raises(NotFound):
        catalogues.write_catalogue("none", place / "none.csv")
