"""Installing and removing index files: whole, sound, once; and nothing outside the folder is touched."""

from __future__ import annotations

import pytest
from tests import skies

from hven.errors import Conflict, Invalid, NotFound
from hven.science.catalogues.index_check import check_index
from hven.science.catalogues.index_store import install_index, removable, remove_indexes
from hven.science.catalogues.indexes import find_indexes, read_index


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return skies.built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "indexes"


def damaged(path, tmp_path, change):
    content = bytearray(path.read_bytes())
    out = tmp_path / "damaged.fits"
    out.write_bytes(change(content) or content)
    return out


def test_a_sound_index_says_what_it_holds(index) -> None:
    found = check_index(index)
    assert (found.index_id, found.stars_per_quad, found.own_name) == (10012, 4, "deep")
    assert (round(found.quad_low_arcmin, 1), round(found.quad_high_arcmin, 1)) == (4.0, 5.6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[: len(b) // 2], "cut off"),
        (lambda b: b[:-2880], "cut off"),
        (lambda b: b[:5000], "cut off"),
        (lambda b: b[:2880], "cut off"),
        (lambda b: b.replace(b"DIMQUADS=                    4", b"DIMQUADS=                    9", 1), "kind"),
        (lambda b: b.replace(b"'04:03:02:01'", b"'01:02:03:04'", 1), "byte order"),
        (lambda b: b.replace(b"kdtree_data_stars", b"kdtree_lost_stars"), "missing"),
        (lambda b: b.replace(b"NQUADS  =                15069", b"NQUADS  =                15070", 1), "rows and not"),
        (lambda b: b"SIMPLE  =                    T" + bytes(9000), "not an index"),
        (lambda b: b"no FITS at all", "not an index"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence(index, tmp_path, folder, change, words) -> None:
    path = damaged(index, tmp_path, change)
    with pytest.raises(Invalid, match=words) as refused:
        install_index(path, folder)
    assert str(tmp_path) not in str(refused.value)
    assert find_indexes([folder]) == ()


def test_asterisms_of_stars_that_do_not_exist_are_noticed(index, tmp_path) -> None:
    from astropy.io import fits

    with fits.open(index) as hdus:
        start = hdus[1].fileinfo()["datLoc"]

    def wild(content):
        content[start + 1600 : start + 1616] = b"\xff" * 16

    def blank(content):
        content[start : start + 16000] = bytes(16000)

    with pytest.raises(Invalid, match="does not have"):
        check_index(damaged(index, tmp_path, wild))
    with pytest.raises(Invalid, match="of no stars"):
        check_index(damaged(index, tmp_path, blank))


def test_a_directory_or_a_missing_file_is_a_sentence(tmp_path, folder) -> None:
    with pytest.raises(Invalid):
        install_index(tmp_path, folder)
    with pytest.raises(Invalid, match="cannot be read"):
        install_index(tmp_path / "absent.fits", folder)


def test_installing_copies_and_leaves_the_original_alone(index, folder) -> None:
    target = install_index(index, folder)
    assert target.read_bytes() == index.read_bytes()
    assert not target.is_symlink()
    assert target.stat().st_ino != index.stat().st_ino
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock" and path.name != ".lock"] == [index.name]


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_link_takes_no_room(index, folder, link) -> None:
    target = install_index(index, folder, link=link)
    assert target.is_symlink() == (link == "symbolic")
    assert target.stat().st_ino == index.stat().st_ino
    assert len(find_indexes([folder])) == 1


def test_the_same_index_is_not_installed_twice_whatever_its_name(index, folder, tmp_path) -> None:
    install_index(index, folder)
    again = tmp_path / "another-name.fits"
    again.write_bytes(index.read_bytes())
    with pytest.raises(Conflict, match="index 10012, which is installed already"):
        install_index(again, folder)
    with pytest.raises(Conflict, match="installed already"):
        install_index(again, tmp_path / "new", [folder])


def test_another_index_of_the_same_name_is_not_overwritten(index, folder, tmp_path) -> None:
    install_index(index, folder)
    other = skies.built(tmp_path / "other", scale=3, first_id=20_000)
    same = tmp_path / index.name
    same.write_bytes(other.read_bytes())
    with pytest.raises(Conflict, match="rename yours"):
        install_index(same, folder)
    assert (folder / index.name).read_bytes() == index.read_bytes()


def test_a_disk_that_fails_leaves_nothing_half_there(index, folder, monkeypatch) -> None:
    def fail(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hven.science.catalogues.index_store.shutil.copyfile", fail)
    with pytest.raises(Invalid, match="No space left"):
        install_index(index, folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize("word", ["deep", "10012", "own-deep-02.fits", "OWN-DEEP-02"])
def test_an_index_is_removed_by_any_of_its_names(index, folder, word) -> None:
    install_index(index, folder)
    here, elsewhere = removable(word, folder)
    assert [each.path.name for each in here] == [index.name]
    assert elsewhere == []
    remove_indexes(here, folder)
    assert find_indexes([folder]) == ()


def test_what_lies_elsewhere_is_named_and_stays(index, folder, tmp_path) -> None:
    folder.mkdir()
    system = tmp_path / "system"
    install_index(index, system)
    here, elsewhere = removable("deep", folder, [system])
    assert here == []
    assert elsewhere[0].path.parent == system
    with pytest.raises(Invalid, match="outside"):
        remove_indexes(elsewhere, folder)
    assert elsewhere[0].path.exists()


def test_removing_what_is_not_there_is_a_sentence(folder) -> None:
    with pytest.raises(NotFound, match="nothing-like-it"):
        removable("nothing-like-it", folder)


def test_removing_a_link_leaves_what_it_leads_to(index, folder, tmp_path) -> None:
    original = tmp_path / index.name
    original.write_bytes(index.read_bytes())
    install_index(original, folder, link="symbolic")
    remove_indexes(removable("deep", folder)[0], folder)
    assert read_index(original).index_id == 10012


@pytest.mark.tycho2
def test_the_files_of_the_public_series_are_sound(tycho2) -> None:
    checked = check_index(tycho2 / "index-tycho2-15.littleendian.fits")
    assert (checked.index_id, checked.stars_per_quad) == (4115, 3)
