"""Watching: silence is measured on the watcher's own clock; processes of this machine are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from hven.jobs import processes, reaper, services, table
from hven.jobs.models import Duty, Job, State
from hven.jobs.processes import Identity, myself
from hven.jobs.watch import Watcher

pytestmark = pytest.mark.django_db(transaction=True)
ELSEWHERE = str(Identity("elsewhere", "boot.1", 1, 1, "abcd"))


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watcher(clock):
    return Watcher(lease_s=10.0, clock=clock)


@pytest.fixture
def job(products):
    services.enqueue("fault.work", {"name": "a"})
    table.claim(ELSEWHERE)
    return Job.objects.get()


def rounds(watcher, clock, count, step=3.0, beat=False):
    offered = 0
    for _ in range(count):
        offered += watcher.round()
        if beat:
            Job.objects.update(beat=F("beat") + 1)
        clock.now += step
    return offered


def test_silence_of_a_lease_offers_the_job_again(watcher, clock, job):
    assert rounds(watcher, clock, 4) == 0
    assert rounds(watcher, clock, 1) == 1
    job.refresh_from_db()
    assert (job.state, job.worker) == (State.QUEUED, "")


def test_heartbeats_keep_the_job_however_long_it_runs(watcher, clock, job):
    assert rounds(watcher, clock, 20, beat=True) == 0


@pytest.mark.parametrize("hours", [-48, 48])
def test_times_in_the_row_decide_nothing(watcher, clock, job, hours):
    Job.objects.update(
        lease_until=timezone.now() + timedelta(hours=hours), started=timezone.now() + timedelta(hours=hours)
    )
    assert rounds(watcher, clock, 20, beat=True) == 0
    assert rounds(watcher, clock, 6) == 1


def test_a_watcher_that_slept_forgets_what_it_saw(watcher, clock, job):
    watcher.round()
    clock.now += 1000.0
    assert watcher.round() == 0
    assert rounds(watcher, clock, 4) == 0


def test_a_new_claim_is_not_judged_by_the_old_ones_silence(watcher, clock, job):
    rounds(watcher, clock, 3)
    table.give_back(table.Claim(job.pk, 1, job.kind), "x")
    table.claim(ELSEWHERE)
    assert rounds(watcher, clock, 3) == 0


def test_worker_that_ended_on_this_machine_is_noticed_at_once(watcher, job):
    me = myself()
    assert not me.gone()
    ended = Identity(me.host, me.place, me.pid, me.start - 1, "x")
    Job.objects.update(worker=str(ended))
    assert watcher.round() == 1


def test_identities_survive_being_written_and_nonsense_names_nobody():
    me = myself()
    assert Identity.parse(str(me)) == me
    assert me.pid == os.getpid()
    for nonsense in ("", "here", "a:b:c:d:e", "a:b:1:2:3:4"):
        assert Identity.parse(nonsense) is None
    assert not Identity.parse(ELSEWHERE).gone()


def test_last_attempt_that_fell_silent_fails(watcher, clock, job):
    Job.objects.update(attempts=3)
    rounds(watcher, clock, 6)
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "died" in job.error_text


def test_marks_are_found_in_whatever_session(products):
    mark = f"test-{os.getpid()}"
    process = subprocess.Popen(["sleep", "60"], env=processes.marked(mark), start_new_session=True)
    other = subprocess.Popen(["sleep", "60"], env=processes.marked(mark + "x"))
    try:
        deadline = time.monotonic() + 10
        while processes.kill_marked(mark) == 0 and time.monotonic() < deadline:
            time.sleep(0.01)  # until the program has replaced the fork, its environment is ours
        assert process.wait(10) == -9
        assert other.poll() is None
    finally:
        for each in (process, other):
            each.kill()
            each.wait()


def test_workers_give_way_with_all_that_they_start():
    said = "import os; from hven.jobs.processes import give_way; give_way(10); os.system('nice')"
    found = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert int(found.stdout) == min(19, os.nice(0) + 10)


def test_duties_are_done_once_by_however_many_reapers(products):
    done = []
    duty = reaper.Regular("test", timedelta(hours=1), lambda: done.append(1))
    assert [reaper.do_duty(duty) for _ in range(3)] == [True, False, False]
    Duty.objects.update(done=timezone.now() - timedelta(hours=2))
    assert reaper.do_duty(duty)
    Duty.objects.update(done=timezone.now() + timedelta(days=3))  # the clock was set back since
    assert reaper.do_duty(duty)
    assert len(done) == 3


def test_one_broken_duty_keeps_no_other_from_being_done(products, monkeypatch):
    done = []
    broken = reaper.Regular("broken", timedelta(hours=1), lambda: 1 / 0)
    fine = reaper.Regular("fine", timedelta(hours=1), lambda: done.append(1))
    monkeypatch.setattr(reaper, "duties", lambda: (broken, fine))
    reaper.Reaper().round()
    assert done == [1]


def test_all_duties_run_on_an_empty_and_on_a_used_house(products, settings, user):
    from hven.accounts import services as accounts

    accounts.make_key(user, "session", lifetime=timedelta(seconds=-1))
    kept = accounts.make_key(user, "api")
    stale = settings.HVEN_FOLDERS.scratch / "0123-1"
    stale.mkdir()
    os.utime(stale, (1, 1))
    old_log = settings.HVEN_FOLDERS.logs / "jobs" / "ab" / ("ab" * 16 + ".log")
    old_log.parent.mkdir(parents=True)
    old_log.write_text("x")
    os.utime(old_log, (1, 1))
    for duty in reaper.duties():
        assert reaper.do_duty(duty) == (duty.is_needed is None)
    assert not stale.exists()
    assert not old_log.exists()
    assert list(accounts.list_keys(user)) == [kept.key]
