"""Reading what waits: one job for many files, none overlooked, and the one that brings workers down is found."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.archive.services import reading
from hven.archive.services.files import plain_cards
from hven.archive.services.unread import READ, ask_for_all, is_any_waiting, read_again
from hven.errors import Forbidden, NotFound
from hven.jobs import runner, table
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.science.frames.frame import Card
from tests.dialects.arcsecond.conftest import Caller, frame

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = "test:1:1"


@pytest.fixture
def tycho(user: Any, monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(reading, "_MORE_S", 0.0)
    return Caller(user)


@pytest.fixture
def dataset(tycho: Caller) -> str:
    return str(tycho.post("datasets/", {"name": "Night"})["uuid"])


def upload(tycho: Caller, dataset: str, *numbers: int) -> list[int]:
    return [tycho.upload(dataset, frame(number, OBJECT=f"M{number}"), f"{number}.fits")["id"] for number in numbers]


def work() -> Job:
    """Run the job whose turn it is, as a worker does."""
    claim = table.claim(WORKER)
    assert claim is not None
    runner.run(claim)
    return Job.objects.get(pk=claim.job_id)


def unread() -> list[int]:
    return list(DataFile.objects.filter(awaits_reading=True).order_by("id").values_list("pk", flat=True))


def targets() -> list[str]:
    return list(DataFile.objects.order_by("id").values_list("object_name", flat=True))


def test_one_job_reads_all_that_waits(tycho: Caller, dataset: str) -> None:
    numbers = range(2 * reading.AT_ONCE + 1)
    upload(tycho, dataset, *numbers)
    assert Job.objects.count() == 1 and len(unread()) == len(numbers)
    assert work().result == {"files": len(numbers)}
    assert targets() == [f"M{number}" for number in numbers]
    assert unread() == [] and table.claim(WORKER) is None
    assert tycho.get("datafiles/", search="m7")[0]["name"] == "7.fits"


def test_files_of_others_have_a_job_of_their_own(tycho: Caller, dataset: str, other_user: Any) -> None:
    upload(tycho, dataset, 1)
    sophie = Caller(other_user)
    upload(sophie, sophie.post("datasets/", {"name": "Hers"})["uuid"], 2)
    assert [work().created_by_id for _ in range(2)] == [tycho.user.pk, other_user.pk]
    assert targets() == ["M1", "M2"]


def test_what_comes_while_others_are_read_is_read_too(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(tycho, dataset, 1)
    read_headers, more = reading.read_headers, iter([2, 3])

    def interrupted(*args: Any, **words: Any) -> Any:
        for number in more:
            upload(tycho, dataset, number)
            assert Job.objects.count() == 1  # who is at it looks again
        return read_headers(*args, **words)

    monkeypatch.setattr(reading, "read_headers", interrupted)
    first = work()
    assert first.state == State.DONE and first.result == {"files": 1} and len(unread()) == 2
    assert work().result == {"files": 2} and targets() == ["M1", "M2", "M3"]


def test_a_job_that_had_its_turn_leaves_the_rest_to_the_next(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "TURN_S", -1.0)
    upload(tycho, dataset, *range(reading.AT_ONCE + 2))
    assert work().result == {"files": reading.AT_ONCE}
    assert len(unread()) == 2 and Job.objects.filter(state=State.QUEUED).count() == 1
    assert work().result == {"files": 2} and unread() == []


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(MemoryError(), 1), (OSError(5, "Input/output error"), 3), (NotFound("It is not there."), 1)],
)
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_read(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch, error: Exception, attempts: int
) -> None:
    upload(tycho, dataset, 1, 2, 3)
    spoil(monkeypatch, error)
    for _ in range(attempts):
        Job.objects.update(not_before=None)
        last = work()
    assert last.state == State.DONE and last.attempts == attempts
    assert targets() == ["M1", "", "M3"] and unread() == []
    told = DataFile.objects.get(name="2.fits")
    assert told.unfiled.endswith(".") and told.read_at is None


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "Input/output error"), NotFound("It is not there.")])
def test_what_is_known_of_a_file_stays_where_it_cannot_be_read_again(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    upload(tycho, dataset, 2)
    work()
    found = DataFile.objects.get()
    spoil(monkeypatch, error)
    read_again(Actor.of(tycho.user), found)
    while unread():
        Job.objects.update(not_before=None)
        work()
    kept = DataFile.objects.get()
    assert kept.object_name == "M2" and kept.cards == found.cards and kept.read_at == found.read_at


def spoil(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let reading M2 fail."""
    read_headers = reading.read_headers

    def spoilt(source: Any, **words: Any) -> Any:
        content = source.getvalue() if hasattr(source, "getvalue") else source.read_bytes()
        if b"'M2" in content:
            raise error
        return read_headers(source, **words)

    monkeypatch.setattr(reading, "read_headers", spoilt)


def test_a_header_that_no_database_keeps_is_told_and_keeps_no_other_from_being_filed(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(tycho, dataset, 1, 2, 3)
    said_by = reading.said_by

    def too_large(headers: Any) -> Any:
        said = said_by(headers)
        if headers.meaning.object_name == "M2":
            said.ready["width"] = 10**30
        return said

    monkeypatch.setattr(reading, "said_by", too_large)
    while unread():
        work()
    assert targets() == ["M1", "", "M3"]
    assert "could not be kept" in DataFile.objects.get(name="2.fits").unfiled


@pytest.mark.parametrize("cards", [{"NAXIS1": 99999999999999999999}, {"NAXIS2": 2**31}, {"EXPTIME": 10**400}])
def test_headers_of_numbers_beyond_measure_are_read(tycho: Caller, dataset: str, cards: Any) -> None:
    content = frame(1, OBJECT="M1", **{name: value for name, value in cards.items() if name == "EXPTIME"})
    for name, value in cards.items():
        if name != "EXPTIME":
            at = content.index(name.encode())
            content = content[: at + 10] + f"{value:>20}".encode() + content[at + 30 :]
    tycho.upload(dataset, content, "a.fits")
    assert work().state == State.DONE
    found = DataFile.objects.get()
    assert found.read_at is not None and not found.awaits_reading


def test_a_file_whose_bytes_are_lost_is_told(tycho: Caller, dataset: str) -> None:
    from hven.storage.models import NewBytes

    upload(tycho, dataset, 1)
    NewBytes.objects.all().delete()
    assert work().state == State.DONE
    assert "storage" in DataFile.objects.get().unfiled


def die(job_id: int) -> None:
    """End an attempt as the death of its worker does."""
    row = Job.objects.get(pk=job_id)
    assert table.give_back(table.Claim(row.pk, row.claim, row.kind), "Its worker is gone.")


class Killed(BaseException):
    """The end of a worker."""


def attempt() -> bool:
    """Run what is next; say whether the worker lived."""
    claim = table.claim(WORKER)
    assert claim is not None
    try:
        runner.run(claim)
    except Killed:
        die(claim.job_id)
        return False
    return True


def test_the_file_that_ends_workers_is_found_and_the_others_are_read(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, Killed())
    upload(tycho, dataset, 1, 2, 3, 4)
    lived = [attempt() for _ in range(3)]
    assert lived == [False, False, False]
    assert targets() == ["M1", "", "", ""]  # from the second attempt on they were taken one by one
    found = DataFile.objects.get(name="2.fits")
    assert not found.awaits_reading and "memory" in found.unfiled
    assert tycho.get("datafiles/", search="2.fits")[0]["unfiled"] == found.unfiled
    assert attempt() and targets() == ["M1", "", "M3", "M4"] and unread() == []
    assert table.claim(WORKER) is None
    upload(tycho, dataset, 5)
    assert attempt() and targets()[-1] == "M5"


def test_after_a_job_that_took_too_long_its_files_are_taken_one_by_one(tycho: Caller, dataset: str) -> None:
    upload(tycho, dataset, 1, 2)
    claim = table.claim(WORKER)
    assert claim is not None and table.fail(claim, "TimeLimit", "It took too long.")
    (again,) = Job.objects.filter(state=State.QUEUED)
    assert again.args == {"owner_id": tycho.user.pk, "singly": True}
    assert work().state == State.DONE and targets() == ["M1", "M2"]


def test_a_database_that_does_not_answer_is_no_files_fault(tycho: Caller, dataset: str) -> None:
    upload(tycho, dataset, 1, 2)
    claim = table.claim(WORKER)
    assert claim is not None
    claim.rows().update(result={"data_file_id": unread()[0]})
    assert table.fail(claim, "Database", "The database did not answer in time.")
    assert table.claim(WORKER) is None and len(unread()) == 2
    assert ask_for_all() == 1 and work().state == State.DONE
    assert targets() == ["M1", "M2"] and not is_any_waiting()


def test_files_that_wait_without_a_job_are_asked_for_by_a_duty(tycho: Caller, dataset: str) -> None:
    from hven.jobs import reaper

    duty = next(each for each in reaper.duties() if each.name == "unread")
    assert not reaper.do_duty(duty)
    upload(tycho, dataset, 1)
    Job.objects.all().delete()
    assert reaper.do_duty(duty) and Job.objects.count() == 1
    work()
    assert targets() == ["M1"] and not reaper.do_duty(duty)


def test_whoever_else_notes_a_header_leaves_the_file_to_be_filed(tycho: Caller, dataset: str) -> None:
    from hven.archive import services as archive
    from hven.science.frames.headers import Headers

    upload(tycho, dataset, 1)
    archive.note_header(DataFile.objects.get(), Headers("fits"))
    assert len(unread()) == 1 and work().result == {"files": 1}
    assert "telescope" in DataFile.objects.get().unfiled


def test_a_cancelled_job_leaves_its_files_to_the_next(tycho: Caller, dataset: str) -> None:
    upload(tycho, dataset, 1)
    jobs.cancel(Job.objects.get())
    assert table.claim(WORKER) is None
    upload(tycho, dataset, 2)
    assert work().state == State.DONE and targets() == ["M1", "M2"]


def test_a_file_is_read_again_when_its_owner_asks(tycho: Caller, dataset: str, other_user: Any) -> None:
    upload(tycho, dataset, 1)
    work()
    DataFile.objects.update(object_name="spoilt")
    found = DataFile.objects.get()
    with pytest.raises(Forbidden):
        read_again(Actor.of(other_user), found)
    read_again(Actor.of(tycho.user), found)
    assert Job.objects.filter(kind=READ, state=State.QUEUED).get().created_by == tycho.user
    work()
    assert targets() == ["M1"]


def test_cards_that_are_equal_but_not_the_same_are_kept_as_they_are() -> None:
    said = [1, 1.0, True, 0.0, -0.0, 0, False, "1"]
    for order in (said, said[::-1], said):  # later ones meet what is remembered of the first
        kept = [value for _, value, _ in plain_cards(Card("A", value) for value in order)]
        assert [repr(value) for value in kept] == [repr(value) for value in order]


@pytest.mark.parametrize(("value", "asked"), [("1", "1.0"), ("1.0", "1"), ("-0.0", "-0"), ("T", "t"), ("'1'", "1")])
def test_cards_are_found_whatever_equal_ones_were_read_before(
    tycho: Caller, dataset: str, value: str, asked: str
) -> None:
    lines = [f"{'TESTCARD':8}= {each:>20}" for each in ("1", "T", "0.0", "1.0", value)]
    for number, line in enumerate(lines):
        content = frame(number, OBJECT="M1", TESTCARD="x")
        at = content.index(b"TESTCARD")
        tycho.upload(dataset, content[:at] + f"{line:80}".encode() + content[at + 80 :], f"{number}.fits")
        work()
    names = [each["name"] for each in tycho.get(f"datafiles/?header.TESTCARD={asked}")]
    assert f"{len(lines) - 1}.fits" in names
    assert ("1.fits" in names) == (asked == "t")
