"""Taking in archives: one run a member, all at once or not at all, whatever happens to the worker on the way."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.archive.models import DataFile, Submission
from hven.errors import Invalid
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Run, RunState
from hven.imaging.services import intake
from hven.imaging.services.runs import Item, Request
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.outside.fetch import Fetched
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)
THREE = (("night/b.txt", b"1 2\n3 4\n"), ("a.txt", b"5 6\n7 8\n"), ("readme.md", b"hello there"))


def _tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _submit(user: Any, content: bytes, **request: Any) -> Submission:
    asked = Request(origin="web", name="night.tar.gz", steps=("render",), **request)
    return imaging.submit_file(Actor.of(user), storage.put(content), asked)


def _work() -> None:
    while (job := Job.objects.filter(state=State.QUEUED).order_by("id").first()) is not None:
        jobs.run_here(job)


def test_an_archive_is_accepted_first_and_unpacked_by_its_first_run(user: Any) -> None:
    submission = _submit(user, _tar(*THREE), visibility="public", config={"preview_size": 100})
    assert submission.started is not None
    assert submission.finished is None
    first = Run.objects.get()
    assert first.state is RunState.QUEUED
    assert not DataFile.objects.exists()
    assert first.job is not None
    jobs.run_here(first.job)
    submission.refresh_from_db()
    assert submission.finished is not None
    assert submission.blob is None
    runs = list(Run.objects.order_by("id"))
    assert runs[0] == first
    assert [run.reduction.name for run in runs] == ["b.txt", "a.txt", "readme.md"]
    assert [run.config for run in runs] == [{"preview_size": 100}] * 3
    assert {run.reduction.visibility for run in runs} == {"public"}
    assert {run.reduction.submission for run in runs} == {submission}
    assert [run.state for run in runs] == [RunState.DONE, RunState.QUEUED, RunState.QUEUED]
    _work()
    assert [run.state for run in Run.objects.order_by("id")] == [RunState.DONE, RunState.DONE, RunState.FAILED]
    assert "text file" in Run.objects.last().why  # type: ignore[union-attr]
    submission.refresh_from_db()
    assert submission.error == ""


def test_a_worker_that_dies_before_the_end_leaves_nothing_and_the_next_begins_anew(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = _submit(user, _tar(*THREE))
    real, calls = intake._file, 0

    def breaks(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("the power went")
        real(*args, **kwargs)

    monkeypatch.setattr(intake, "_file", breaks)
    job = Run.objects.get().job
    assert job is not None
    jobs.run_here(job)
    assert not DataFile.objects.exists()
    assert Reduction.objects.count() == Run.objects.count() == 1
    monkeypatch.undo()
    submission.refresh_from_db()
    assert submission.blob is not None
    # This death was one that ends a job; a killed worker's job comes back by itself, as tried elsewhere.
    jobs.run_here(jobs.retry(Job.objects.get()))
    assert [run.reduction.name for run in Run.objects.order_by("id")] == ["b.txt", "a.txt", "readme.md"]


def test_a_job_that_is_cancelled_meanwhile_files_nothing(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _submit(user, _tar(*THREE))
    real = intake._stored

    def cancelled(members: Any) -> Any:
        jobs.cancel(Job.objects.get())
        return real(members)

    monkeypatch.setattr(intake, "_stored", cancelled)
    _work()
    assert not DataFile.objects.exists()
    run = Run.objects.get()
    assert run.state is RunState.CANCELLED
    assert Submission.objects.get().finished is not None


def test_a_submission_deleted_meanwhile_stays_deleted(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = _submit(user, _tar(*THREE))
    real = intake._stored

    def deleted(members: Any) -> Any:
        imaging.delete_submission(Actor.of(user), Submission.objects.get(pk=submission.pk))
        return real(members)

    monkeypatch.setattr(intake, "_stored", deleted)
    _work()
    for model in (Submission, Reduction, DataFile, Run):
        assert not model.objects.exists()


def test_an_archive_whose_only_frame_is_deleted_is_let_go_of(user: Any) -> None:
    _submit(user, _tar(*THREE))
    imaging.delete_reduction(Actor.of(user), Reduction.objects.get())
    assert Submission.objects.get().blob is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no files"),
        (_tar((".DS_Store", b"x")), "no files"),
        (_tar(*[(f"{n}.txt", b"1 2\n") for n in range(6)]), "more than 5 files"),
        (_tar(("a", bytes(1000)), ("b", bytes(200_000))), "more than 100,000 bytes"),
    ],
)
def test_an_archive_with_nothing_usable_has_a_failed_run_and_a_sentence(
    user: Any, settings: Any, content: bytes, said: str
) -> None:
    settings.HVEN_MAX_MEMBERS, settings.HVEN_MAX_UNPACKED = 5, 100_000
    submission = _submit(user, content or _zip_of_folders())
    _work()
    run = Run.objects.get()
    assert run.state is RunState.FAILED
    assert said in run.why
    submission.refresh_from_db()
    assert submission.finished is not None
    assert submission.error == run.why


def _zip_of_folders() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/", "")
        archive.writestr("b/", "")
    return out.getvalue()


@pytest.mark.parametrize("broken", [0, 1])
def test_a_member_that_cannot_be_unpacked_has_a_failed_run_of_its_own(user: Any, broken: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(2):
            archive.writestr(f"{number}.txt", f"1 2\n{'3 4' if number != broken else '9 9'}\n")
    _submit(user, out.getvalue().replace(b"9 9\n", b"9 8\n"))
    _work()
    runs = list(Run.objects.order_by("id"))
    assert runs[broken].state is RunState.FAILED
    assert runs[broken].why.startswith(f"{broken}.txt is damaged")
    assert runs[1 - broken].state is RunState.DONE
    assert Submission.objects.get().error == ""
    imaging.repeat_run(Actor.of(user), runs[broken])
    _work()
    assert "not there" in Run.objects.last().why  # type: ignore[union-attr]


def test_an_archive_in_an_archive_is_not_unpacked(user: Any) -> None:
    _submit(user, _tar(("inner.tar", _tar(*THREE)), ("a.txt", b"1 2\n")))
    _work()
    runs = list(Run.objects.order_by("id"))
    assert [run.state for run in runs] == [RunState.FAILED, RunState.DONE]
    assert "tar archive" in runs[0].why


def test_several_files_are_handed_over_at_once(user: Any) -> None:
    blob = storage.put(b"1 2\n3 4\n")
    request = Request(origin="web", name="batch", steps=("solve",))
    items = [Item(blob, f"{n}.txt", {"ra": float(n), "dec": 0.0}) for n in range(3)]
    submission = imaging.submit_files(Actor.of(user), items, request)
    assert submission.finished is not None
    assert [run.config["ra"] for run in Run.objects.order_by("id")] == [0.0, 1.0, 2.0]
    with pytest.raises(Invalid):
        imaging.submit_files(Actor.of(user), [], request)
    with pytest.raises(Invalid):
        imaging.submit_files(Actor.of(user), [*items, Item(blob, "x", {"ra": 999})], request)
    assert Submission.objects.count() == 1


def test_the_log_names_the_server_of_an_address_and_none_of_its_secrets(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(_url: str, target: Path, **_: Any) -> Fetched:
        target.write_bytes(b"1 2\n3 4\n")
        return Fetched(target, 8, "list.txt", "text/plain", "")

    monkeypatch.setattr("hven.outside.fetch.fetch", fetched)
    imaging.submit_url(Actor.of(user), "https://frames.example/list.txt?signature=s3cret", Request(origin="web"))
    _work()
    log = jobs.read_log(Job.objects.get())
    assert "frames.example" in log
    assert "s3cret" not in log
