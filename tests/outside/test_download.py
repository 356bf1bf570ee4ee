"""Downloading in several sittings: nothing is lost, nothing is joined that does not belong together."""

from __future__ import annotations

import pytest
from tests.mirror import Mirror, serving

from hven.errors import Forbidden, Invalid, NotFound, TooLarge, Unavailable
from hven.outside import download as module
from hven.outside.download import TRIES, download, part_of

BODY = bytes(range(256)) * 4000
OTHER = bytes(reversed(range(256))) * 3000
PATH = "/4100/index-4110.fits"


@pytest.fixture
def mirror():
    with serving(Mirror({PATH: BODY})) as made:
        yield made


@pytest.fixture
def get(mirror, tmp_path):
    def run(**options):
        options = {"limit": 10**8, "trusted": mirror.url, "pause_s": 0.0} | options
        return download(mirror.url + PATH, tmp_path / "index.fits", **options)

    run.target = tmp_path / "index.fits"
    return run


def left_over(target):
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(get, mirror) -> None:
    told = []
    assert get(progress=lambda fraction, words: told.append(fraction)) == len(BODY)
    assert get.target.read_bytes() == BODY
    assert left_over(get.target) == []
    assert told[-1] == 1.0
    assert mirror.asked == [(PATH, "", "")]


def test_what_broke_off_is_continued_where_it_ended(get, mirror) -> None:
    mirror.faults = ["break off", "break off"]
    get()
    assert get.target.read_bytes() == BODY
    half = len(BODY) // 2
    assert mirror.asked[1:] == [(PATH, f"bytes={half}-", '"1"'), (PATH, f"bytes={half + half // 2}-", '"1"')]


def test_an_interrupted_download_is_continued_by_the_next_one(get, mirror) -> None:
    def interrupt(fraction, words):
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(progress=interrupt)
    arrived = part_of(get.target).stat().st_size
    assert 0 < arrived < len(BODY)
    assert not get.target.exists()
    get()
    assert get.target.read_bytes() == BODY
    assert mirror.asked[1] == (PATH, f"bytes={arrived}-", '"1"')


def test_a_file_that_changed_in_between_is_begun_anew(get, mirror) -> None:
    mirror.faults = ["break off", "503"]

    def change(_fraction, words):
        if "503" in words:
            mirror.files[PATH], mirror.etags[PATH] = OTHER, '"2"'

    get(progress=change, pause_s=0.01)
    assert get.target.read_bytes() == OTHER


def test_a_server_without_validators_is_asked_for_the_whole_file_again(get, mirror) -> None:
    mirror.validators = False
    mirror.faults = ["break off"]
    get()
    assert get.target.read_bytes() == BODY
    assert [asked[1] for asked in mirror.asked] == ["", ""]


def test_a_weak_etag_is_no_ground_to_continue_on(get, mirror) -> None:
    mirror.etags[PATH] = 'W/"1"'
    mirror.faults = ["break off"]
    get()
    assert get.target.read_bytes() == BODY
    assert [asked[1] for asked in mirror.asked] == ["", ""]


def test_a_server_without_ranges_sends_all_again(get, mirror) -> None:
    mirror.ranges = False
    mirror.faults = ["break off"]
    get()
    assert get.target.read_bytes() == BODY


def test_another_part_than_was_asked_for_is_not_joined(get, mirror) -> None:
    mirror.faults = ["break off", "wrong part"]
    get()
    assert get.target.read_bytes() == BODY


def test_a_busy_server_is_tried_again_and_then_given_up_with_what_came_kept(get, mirror) -> None:
    mirror.faults = ["503", "429", "502"]
    get()
    assert get.target.read_bytes() == BODY
    get.target.unlink()
    mirror.faults = ["break off"] + ["503"] * TRIES
    with pytest.raises(Unavailable, match=r"HTTP 503.*kept"):
        get()
    assert part_of(get.target).stat().st_size == len(BODY) // 2


def test_the_server_says_how_long_to_wait_and_a_pause_is_told(get, mirror, monkeypatch) -> None:
    waited = []
    monkeypatch.setattr(module, "_pause", lambda seconds, why, tell: waited.append((seconds, why)))
    mirror.faults = ["503", "503", "503"]
    get(pause_s=2.0)
    assert [seconds for seconds, _ in waited] == [2.0, 4.0, 8.0]
    assert "503" in waited[0][1]


@pytest.mark.parametrize(("fault", "error"), [("404", NotFound), ("403", NotFound), ("410", NotFound)])
def test_what_is_not_there_is_said_at_once(get, mirror, fault, error) -> None:
    mirror.faults = [fault]
    with pytest.raises(error):
        get()
    assert len(mirror.asked) == 1
    assert left_over(get.target) == []


def test_a_length_that_is_too_long_ends_in_a_sentence_and_not_in_a_file(get, mirror) -> None:
    mirror.faults = ["longer"] * (3 * TRIES)
    mirror.ranges = False
    with pytest.raises(Unavailable, match="broke off"):
        get()
    assert not get.target.exists()


def test_a_file_beyond_the_limit_is_refused_before_it_comes(get) -> None:
    with pytest.raises(TooLarge):
        get(limit=1000)
    assert not get.target.exists()


def test_a_disk_without_room_is_noticed_before_anything_is_written(get) -> None:
    asked = []

    def room(size):
        asked.append(size)
        raise Unavailable("The disk is full.")

    with pytest.raises(Unavailable, match="disk is full"):
        get(room=room)
    assert asked == [len(BODY)]
    assert not part_of(get.target).exists()


def test_a_disk_that_fills_up_is_no_fault_of_the_connection(get, monkeypatch) -> None:
    def full(_stream, _piece):
        raise Unavailable("The file cannot be written: No space left on device. What arrived is kept.")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(Unavailable, match="cannot be written"):
        get()


def test_private_addresses_are_refused_unless_the_operator_named_them(get, mirror) -> None:
    with pytest.raises(Forbidden, match="own machine"):
        get(trusted="")
    with pytest.raises(Forbidden):
        get(trusted="http://127.0.0.1:1")
    assert mirror.asked == []


def test_a_redirect_away_from_the_named_server_is_vetted(get, mirror) -> None:
    mirror.faults = ["to http://127.0.0.1:1/other"]
    with pytest.raises(Forbidden):
        get()
    mirror.faults = [f"to {mirror.url}{PATH}"]
    get()
    assert get.target.read_bytes() == BODY


def test_redirects_end(get, mirror) -> None:
    mirror.faults = [f"to {mirror.url}{PATH}"] * 10
    with pytest.raises(Invalid, match="redirects more than"):
        get()


def test_a_torn_note_means_beginning_anew(get, mirror) -> None:
    part_of(get.target).write_bytes(b"old bytes of something else")
    part_of(get.target).with_name("index.fits.part.json").write_text('{"url": 3')
    get()
    assert get.target.read_bytes() == BODY
    assert mirror.asked[0][1] == ""


def test_all_bytes_there_but_not_finished_takes_one_question(get, mirror) -> None:
    get()
    get.target.rename(part_of(get.target))
    part_of(get.target).with_name("index.fits.part.json").write_text(
        f'{{"url": "{mirror.url}{PATH}", "etag": "\\"1\\"", "modified": "", "total": {len(BODY)}}}'
    )
    get()
    assert get.target.read_bytes() == BODY
    assert len(mirror.asked) == 2
