"""Jobs as services see them: enqueue, take turns, cancel, retry, publish."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta

import faultapp.jobs
import pytest
from django.db import connection, transaction
from django.utils import timezone

from hven.errors import Conflict, Invalid
from hven.jobs import context as context_module
from hven.jobs import kinds, services, table, wake
from hven.jobs.models import Job, State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def work(products):
    """Enqueue a job of the plain kind."""
    return lambda name="x", **kwargs: services.enqueue("fault.work", {"name": name}, **kwargs)


def order():
    """Run everything in the order of the queue; return the names."""
    names = []
    while claim := table.claim("w"):
        names.append(Job.objects.get(pk=claim.job_id).args["name"])
        table.done(claim, None)
    return names


def test_job_runs_and_publishes_its_result(work, products):
    job = services.run_here(work("a"))
    assert (job.state, job.result, job.progress, job.attempts) == (State.DONE, {"name": "a"}, 1.0, 1)
    assert job.finished >= job.started >= job.created
    assert products() == ["a"]


def test_returned_dictionary_is_the_result_and_scratch_is_gone(products, settings):
    job = services.run_here(services.enqueue("fault.scratch"))
    assert job.result["attempt"] == 1
    assert job.result["cancelled"] is False
    assert list(settings.HVEN_FOLDERS.scratch.iterdir()) == []


def test_unknown_kind_is_refused_at_once_and_fails_if_it_is_there(db):
    with pytest.raises(Invalid):
        services.enqueue("no.such.kind")
    job = services.run_here(Job.objects.create(kind="gone.kind"))
    assert job.state == State.FAILED
    assert "gone.kind" in job.error_text


def test_job_of_a_rolled_back_change_is_not_there(work):
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - the rollback is the point
        work()
        raise ZeroDivisionError
    assert not Job.objects.exists()


def test_workers_are_woken_on_commit_and_not_before(work):
    listener, path = wake.listen()
    try:
        with transaction.atomic():
            work()
            with pytest.raises(BlockingIOError):
                listener.recv(64)
        assert listener.recv(64) == wake.WORK
    finally:
        listener.close()
        path.unlink()


def test_waking_nobody_or_the_dead_does_no_harm(settings):
    listener, path = wake.listen()
    listener.close()
    wake.send()
    assert not path.exists()  # a socket that nobody hears is removed
    wake.send()


def test_waking_works_below_a_long_path(settings, tmp_path, monkeypatch):
    from hven.config.folders import Folders

    settings.HVEN_FOLDERS = Folders(tmp_path / ("long" * 30) / "data")
    listener, path = wake.listen()
    assert len(str(path)) > 108
    wake.send()
    assert listener.recv(64) == wake.WORK
    listener.close()


def test_idempotency_key_gives_the_same_job_in_whatever_state(work):
    job = work("a", idempotency_key="k")
    services.run_here(job)
    assert work("b", idempotency_key="k") == job
    assert Job.objects.count() == 1
    assert work("c") != work("c")


def test_users_take_turns_so_many_jobs_of_one_delay_another_by_one(work, user, other_user):
    for n in range(50):
        work(f"many{n}", created_by=user)
    first = table.claim("w")
    table.done(first, None)
    work("one", created_by=other_user)
    work("server's own")
    assert order()[:3] == ["one", "server's own", "many1"]


def test_a_thousand_jobs_of_one_user_let_anothers_through_at_once(work, user, other_user):
    Job.objects.bulk_create([Job(kind="fault.work", args={"name": str(n)}, created_by=user) for n in range(1000)])
    late = work("late", created_by=other_user)
    assert services.place_in_queue(late) <= 1
    claims = [table.claim("w"), table.claim("w")]
    assert late.pk in {claim.job_id for claim in claims}


def test_turns_go_round_among_all_who_wait(work, user, other_user):
    for n in range(3):
        work(f"a{n}", created_by=user)
        work(f"b{n}", created_by=other_user)
        work(f"s{n}")
    assert order() == ["a0", "b0", "s0", "a1", "b1", "s1", "a2", "b2", "s2"]


def test_priority_goes_before_turns_and_place_says_so(work, user, other_user):
    low = work("low", created_by=user)
    late = work("late", created_by=user)
    other = work("other", created_by=other_user)
    high = work("high", created_by=user, priority=5)
    places = {job.args["name"]: services.place_in_queue(job) for job in (low, late, other, high)}
    assert places["high"] == 0
    assert places["late"] >= 2
    names = order()
    assert names[0] == "high"
    assert names[-1] == "late"
    assert services.place_in_queue(low) is None


def test_place_in_the_queue_is_where_the_job_comes(work, user, other_user):
    jobs = [work(f"a{n}", created_by=user) for n in range(5)] + [work(f"b{n}", created_by=other_user) for n in range(2)]
    table.done(table.claim("w"), None)  # tycho had a turn
    waiting = jobs[1:]
    expected = {job.args["name"]: services.place_in_queue(job) for job in waiting}
    names = order()
    assert expected == {name: place for place, name in enumerate(names)}


def test_delayed_job_waits(work):
    work("later", delay=timedelta(hours=1))
    assert table.claim("w") is None
    Job.objects.update(not_before=timezone.now())
    assert order() == ["later"]


@pytest.mark.parametrize(
    ("of", "state", "text"),
    [
        ("final", State.FAILED, "It will never work."),
        ("invalid", State.FAILED, "The frame has no pixels."),
        ("bug", State.FAILED, "Something went wrong inside hven"),
    ],
)
def test_errors_that_will_not_pass_fail_at_once_with_a_sentence(products, of, state, text):
    job = services.run_here(services.enqueue("fault.error", {"of": of}))
    assert job.state == state
    assert job.error_text.startswith(text)
    assert "secret/path" not in job.error_text
    assert job.attempts == 1


def test_unexpected_error_has_its_trace_in_the_log(products):
    job = services.run_here(services.enqueue("fault.error", {"of": "bug"}))
    assert "ZeroDivisionError" in services.read_log(job)


def test_wrong_arguments_fail_the_job(products):
    assert services.run_here(services.enqueue("fault.work", {"nome": "x"})).state == State.FAILED


def test_retriable_error_comes_back_later_and_fails_in_the_end(products):
    job = services.run_here(services.enqueue("fault.error", {"of": "retriable"}))
    assert (job.state, job.error_text) == (State.QUEUED, "The weather is bad.")
    assert job.not_before > timezone.now()
    assert table.claim("w") is None
    job = services.run_here(job)
    assert (job.state, job.attempts) == (State.FAILED, 2)


def test_half_a_publication_is_none(products):
    job = services.run_here(services.enqueue("fault.half", {"name": "h"}))
    assert job.state == State.FAILED
    assert products() == []


def test_kind_is_told_of_the_end_and_cannot_spoil_it(products):
    faultapp.jobs.ENDED.clear()
    failed = services.run_here(services.enqueue("fault.ended"))
    cancelled = services.enqueue("fault.ended")
    services.cancel(cancelled)
    assert [(failed.pk, "failed"), (cancelled.pk, "cancelled")] == faultapp.jobs.ENDED
    assert services.run_here(services.enqueue("fault.badend")).state == State.FAILED


def test_cancel_reaches_the_parts_of_a_job(work):
    whole = work("whole")
    part = work("part", parent=whole)
    done = services.run_here(work("done", parent=whole))
    assert services.cancel(whole)
    part.refresh_from_db()
    done.refresh_from_db()
    assert (part.state, done.state) == (State.CANCELLED, State.DONE)
    assert not services.cancel(done)


def test_retry_starts_anew_and_only_after_a_failure(products, work):
    job = services.run_here(services.enqueue("fault.error", {"of": "final"}))
    again = services.retry(job)
    assert (again.state, again.attempts, again.error_text) == (State.QUEUED, 0, "")
    with pytest.raises(Conflict):
        services.retry(again)
    with pytest.raises(Conflict):
        services.retry(services.run_here(work()))


def test_who_lost_the_claim_can_write_nothing(work, products, tmp_path):
    work("a")
    old = table.claim("first")
    table.give_back(old, "silent")
    new = table.claim("second")
    stale = context_module.context_for(Job.objects.get(), old, tmp_path)
    stale._begun = 0.0
    with pytest.raises(table.LeaseLost), stale.publishing():
        pytest.fail("the block must not be entered")
    with pytest.raises(table.LeaseLost):
        stale.progress(0.5, "still here")
    assert stale.cancelled
    assert not table.fail(old, "X", "x")
    assert not table.give_back(old, "x")
    assert not table.retry_later(old, "X", "x")
    assert table.beat({old.job_id: old}) == {old.job_id}
    assert table.beat({new.job_id: new}) == set()
    table.done(new, {"by": "second"})
    with pytest.raises(table.LeaseLost):
        table.done(new, {"by": "second again"})


def test_cancel_during_publication_waits_or_wins_but_never_mixes(work, products, tmp_path):
    """The publication holds the row: a cancel that comes in its midst finds the job done."""
    job = work("a")
    claim = table.claim("w")
    context = context_module.context_for(job, claim, tmp_path)
    answers = []

    def cancel():
        answers.append(services.cancel(job))
        connection.close()

    with context.publishing() as publication:
        thread = threading.Thread(target=cancel)
        thread.start()
        publication.result = {"ok": True}
    thread.join(20)
    job.refresh_from_db()
    assert answers == [False]
    assert (job.state, job.result) == (State.DONE, {"ok": True})


def test_give_back_without_counting_keeps_the_attempt(work):
    job = work()
    for _ in range(5):
        table.give_back(table.claim("w"), "stopped", counts=False)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.QUEUED, 0)


def test_log_is_cut_and_not_endless(work, monkeypatch):
    monkeypatch.setattr(context_module, "LOG_LIMIT", 500)
    job = work()
    for n in range(100):
        services.add_to_log(job, f"line {n}")
    assert len(services.read_log(job)) < 1200
    assert "cut" in services.read_log(job)
    assert services.read_log(Job(kind="x")) == ""


def test_two_kinds_of_one_name_are_refused():
    with pytest.raises(Invalid):
        kinds.job_kind("fault.work")(lambda context: None)


def test_idle_claim_takes_no_lock(products):
    lock = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        assert table.claim("w") is None
    finally:
        lock.execute("ROLLBACK")
        lock.close()
