"""VizieR: what is asked, and what its answers mean, in the shapes that its documents give."""

from __future__ import annotations

import numpy as np
import pytest
from tests.services import serving, vizier_answer

from hven.errors import Invalid, Unavailable
from hven.outside import vizier
from hven.outside.ask import Asking, resting
from hven.science.catalogues.photometric.known import CATALOGUES

PS1_FIELDS = {"_RAJ2000": "double", "_DEJ2000": "double"} | {
    f"{error}{band}mag": "float" for band in "grizy" for error in ("", "e_")
}


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()


def ps1_row(ra, dec, g=15.0, r=14.5):
    return (ra, dec, g, 0.01, r, 0.02, 14.3, 0.01, 14.2, None, None, None)


def test_the_question_names_catalogue_circle_columns_and_limit():
    asked = vizier.question(CATALOGUES["ps1"], 10.5, -20.25, 0.5, 19.5)
    assert (asked["-source"], asked["rmag"], asked["-c.rd"]) == ("II/349/ps1", "<=19.5", "0.5")
    ra, _, dec = asked["-c"].partition("-")
    assert (float(ra), -float(dec)) == pytest.approx((10.5, -20.25), abs=1e-4)
    assert {"gmag", "e_gmag", "ymag"} <= set(asked["-out"].split(","))
    assert int(asked["-out.max"]) == vizier.MOST_ROWS
    assert "Jmag" not in vizier.question(CATALOGUES["2mass"], 1, 2, 0.5, None)


def test_a_cone_comes_under_our_names_with_nothing_where_nothing_is():
    answer = vizier_answer(PS1_FIELDS, [ps1_row(10.5, -20.2), ps1_row(10.6, -20.3, g=None, r=-999.0)])
    with serving({"/viz-bin/votable": answer}) as service:
        found = vizier.cone(
            CATALOGUES["ps1"], 10.5, -20.25, 0.5, Asking(trusted=service.url), limit=20, address=service.url
        )
        assert service.asked[0][1]["-source"] == "II/349/ps1"
    assert found.colnames[:4] == ["RAJ2000", "DEJ2000", "gmag", "e_gmag"]
    assert found["gmag"].mask.tolist() == [False, True]
    assert found["rmag"].mask.tolist() == [False, True]
    assert found["ymag"].mask.all() and found["e_zmag"].mask.all()
    assert found["RAJ2000"].tolist() == [10.5, 10.6]


def test_other_catalogues_names_become_ours():
    fields = {"_RAJ2000": "double", "_DEJ2000": "double", "Jmag": "float", "e_Jmag": "float", "Hmag": "float",
              "e_Hmag": "float", "Kmag": "float", "e_Kmag": "float"}  # fmt: skip
    found = vizier.parse(
        vizier_answer(fields, [(1, 2, 9, 0.02, 8, 0.03, 7, 0.04)], "II/246/out").encode(), CATALOGUES["2mass"]
    )
    assert found["Ksmag"][0] == 7 and found["e_Ksmag"][0] == pytest.approx(0.04)
    fields = {"_RAJ2000": "double", "_DEJ2000": "double", "rPSF": "float", "e_rPSF": "float", "gPSF": "float"}
    found = vizier.parse(vizier_answer(fields, [(1, -40, 15, 0.02, 15.5)]).encode(), CATALOGUES["skymapper"])
    assert found["rmag"][0] == 15 and found["e_rmag"][0] == pytest.approx(0.02)
    assert found["e_gmag"].mask.all()


def test_errors_of_synthetic_magnitudes_follow_from_their_fluxes():
    fields = {
        "RA_ICRS": "double",
        "DE_ICRS": "double",
        "Source": "long",
        "Vmag": "float",
        "FV": "float",
        "e_FV": "float",
    }
    found = vizier.parse(vizier_answer(fields, [(1, 2, 77, 12.0, 100.0, 1.0)]).encode(), CATALOGUES["gaiadr3syn"])
    assert found["e_Vmag"][0] == pytest.approx(2.5 / np.log(10) * 0.01)
    assert found["id"][0] == "77"


def test_no_stars_are_no_rows():
    found = vizier.parse(vizier_answer({}, []).encode(), CATALOGUES["ps1"])
    assert len(found) == 0
    assert {"RAJ2000", "DEJ2000", "rmag", "e_rmag"} <= set(found.colnames)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>Service under maintenance</html>", "something else"),
        (b"", "something else"),
        (b"<VOTABLE><RESOURCE><TABLE>", "something else"),
        (
            b'<VOTABLE version="1.4"><INFO name="Error" value="No table found for: XX/1"/></VOTABLE>',
            "No table found",
        ),
    ],
)
def test_what_is_no_answer_is_told(answer, words):
    with pytest.raises(Invalid, match=words):
        vizier.parse(answer, CATALOGUES["ps1"])


def test_an_absent_server_is_unavailable_at_once():
    with pytest.raises(Unavailable, match="VizieR"):
        vizier.cone(CATALOGUES["ps1"], 1, 2, 0.5, Asking(time_limit_s=5), address="https://vizier.example.invalid")
