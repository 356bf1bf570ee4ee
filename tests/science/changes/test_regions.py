"""Region files."""

import numpy as np

from hven.science.changes.regions import ds9_regions


def test_each_position_has_a_circle_with_its_name() -> None:
    text = ds9_regions([150.1, np.nan, 10.0], [2.0, 3.0, -45.0], 3.0, ["J1", "J2", "J{3}\n"])
    lines = text.splitlines()
    assert lines[0].startswith("# Region file format: DS9") and "icrs" in lines
    assert lines[3:] == [
        'circle(150.1000000,2.0000000,3.000") # text={J1}',
        'circle(10.0000000,-45.0000000,3.000") # text={J3}',
    ]
    assert ds9_regions([], [], 1.0).splitlines()[-1] == "icrs"
