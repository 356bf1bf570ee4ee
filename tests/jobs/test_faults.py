"""What may go wrong with workers goes wrong here, with real processes. No job is lost, none is published twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter

import pytest
from django.db import connection
from faultapp.look import alive, children, signal_quietly

from hven.jobs import services
from hven.jobs.models import Job, State
from hven.jobs.processes import Identity

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def state(job):
    job.refresh_from_db()
    return job.state


def begun(trace, name):
    """Processes (worker, supervisor) that began the job of this name."""
    return [(int(words[2]), int(words[3])) for words in trace() if words[:2] == ["begin", name]]


def test_killed_child_its_job_runs_again_and_is_published_once(start, trace, until, products):
    start()
    job = services.enqueue("fault.work", {"name": "a", "seconds": 0.5})
    [(child, _)] = until(lambda: begun(trace, "a"))
    os.kill(child, signal.SIGKILL)
    until(lambda: state(job) == State.DONE)
    assert products() == ["a"]
    assert job.attempts == 2


def test_killed_worker_group_its_jobs_run_again_under_a_new_one(start, trace, until, products):
    first = start(slots=2, lease=30.0)
    jobs = [services.enqueue("fault.work", {"name": name, "seconds": 1.0}) for name in ("a", "b", "c", "d")]
    pids = until(lambda: (b := begun(trace, "a") + begun(trace, "b")) and len(b) == 2 and b)
    os.kill(first.pid, signal.SIGKILL)
    for child, _ in pids:
        signal_quietly(child, signal.SIGKILL)  # unless it died with its supervisor already
    first.wait()
    start(slots=2, lease=30.0)  # a long lease: on one machine nobody waits for it
    for job in jobs:
        until(lambda job=job: state(job) == State.DONE)
    assert sorted(products()) == ["a", "b", "c", "d"]


def test_killed_supervisor_takes_its_children_and_what_they_started_with_it(start, trace, until, products):
    first = start()
    job = services.enqueue("fault.family", {"name": "a"})
    [_, _, child, near, far] = map(str, until(trace)[0])
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: not alive(int(child)))
    start()
    until(lambda: len(trace()) == 2)  # it runs again
    assert not alive(int(near))
    assert not alive(int(far))
    services.cancel(job)
    until(lambda: not any(alive(int(pid)) for pid in trace()[1][2:]))
    assert state(job) == State.CANCELLED


def test_two_workers_racing_on_a_thousand_rows_run_each_once(start, trace, until, products):
    Job.objects.bulk_create([Job(kind="fault.work", args={"name": str(n)}) for n in range(1000)])
    start(slots=2, ready=False, lease=30.0)
    start(slots=2, ready=False, lease=30.0)
    until(lambda: Job.objects.filter(state=State.DONE).count() == 1000, 100)
    assert Counter(products()) == Counter(map(str, range(1000)))
    assert set(Job.objects.values_list("attempts", flat=True)) == {1}
    assert len({supervisor for words in trace() if (supervisor := words[3])}) == 2


def test_cancelling_a_pending_job_keeps_it_from_running(start, trace, until, products):
    job = services.enqueue("fault.work", {"name": "never"})
    assert services.cancel(job)
    assert not services.cancel(job)
    start()
    after = services.enqueue("fault.work", {"name": "after"})
    until(lambda: state(after) == State.DONE)
    assert products() == ["after"]
    assert state(job) == State.CANCELLED


def test_cancelling_a_running_job_kills_it_with_its_grandchildren(start, trace, until, products):
    supervisor = start(lease=30.0)
    job = services.enqueue("fault.family", {"name": "a"})
    pids = [int(word) for word in until(trace)[0][2:]]
    assert all(alive(pid) for pid in pids)
    services.cancel(job)
    until(lambda: not any(alive(pid) for pid in pids), 5)  # at once, not after the lease
    after = services.enqueue("fault.work", {"name": "after"})
    until(lambda: state(after) == State.DONE)
    assert state(job) == State.CANCELLED
    assert supervisor.poll() is None


def test_stale_worker_that_wakes_after_its_lease_publishes_nothing(start, trace, until, products):
    first = start()
    job = services.enqueue("fault.work", {"name": "a", "seconds": 0.5})
    [(child, _)] = until(lambda: begun(trace, "a"))
    os.kill(first.pid, signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    start()
    until(lambda: state(job) == State.DONE)
    os.kill(child, signal.SIGCONT)
    until(lambda: not any("begin" in words for words in trace()[2:]))
    os.kill(first.pid, signal.SIGCONT)
    more = [services.enqueue("fault.work", {"name": f"more{n}", "seconds": 0.2}) for n in range(6)]
    for each in more:
        until(lambda each=each: state(each) == State.DONE)
    assert products().count("a") == 1
    assert state(job) == State.DONE
    assert job.attempts == 2
    assert len({supervisor for words in trace() if (supervisor := words[3])}) == 2  # the stale one works on


def test_poison_job_fails_after_its_attempts_with_its_log(start, trace, until, products):
    start()
    job = services.enqueue("fault.poison", {"name": "p"})
    until(lambda: state(job) == State.FAILED)
    assert len(begun(trace, "p")) == 2
    assert "died 2 times" in job.error_text
    assert services.read_log(job).count("about to die") == 2
    after = services.enqueue("fault.work", {"name": "after"})
    until(lambda: state(after) == State.DONE)


def test_database_locked_for_five_seconds_loses_and_repeats_nothing(start, trace, until, products):
    start(slots=2)  # the lease is one second
    jobs = [services.enqueue("fault.work", {"name": name, "seconds": 0.5}) for name in "abcd"]
    until(lambda: begun(trace, "a"))
    lock = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    lock.execute("PRAGMA busy_timeout = 10000")
    lock.execute("BEGIN IMMEDIATE")
    time.sleep(5.0)
    lock.execute("ROLLBACK")
    lock.close()
    for job in jobs:
        until(lambda job=job: state(job) == State.DONE)
    assert sorted(products()) == list("abcd")


def test_worker_in_c_code_with_the_interpreter_locked_keeps_its_lease(start, trace, until, products):
    start()
    start()
    job = services.enqueue("fault.stubborn", {"name": "a", "seconds": 3.0})
    until(lambda: state(job) == State.DONE)
    assert job.attempts == 1
    assert products() == ["a"]


@pytest.mark.parametrize("hours", [-3, 3])
def test_moved_clock_neither_repeats_a_running_job_nor_holds_up_the_queue(start, trace, until, products, hours):
    """What a moved clock leaves behind: rows whose times are hours off the clocks of all processes."""
    start()
    start()
    running = services.enqueue("fault.work", {"name": "running", "seconds": 2.5})
    waiting = [services.enqueue("fault.work", {"name": f"w{n}", "seconds": 0.1}) for n in range(4)]
    until(lambda: begun(trace, "running"))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET created = datetime(created, %s), lease_until = datetime(lease_until, %s), "
            "started = datetime(started, %s)",
            [f"{hours} hours"] * 3,
        )
    for job in [running, *waiting]:
        until(lambda job=job: state(job) == State.DONE)
    assert set(Job.objects.values_list("attempts", flat=True)) == {1}
    assert len(products()) == 5


def test_job_of_another_machine_is_offered_again_after_a_lease_of_silence(start, trace, until, products):
    job = services.enqueue("fault.work", {"name": "a"})
    elsewhere = str(Identity("elsewhere", "boot.1", 1, 1, "abcd"))
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING, worker=elsewhere, claim=1, attempts=1)
    start()
    until(lambda: state(job) == State.DONE)
    assert job.attempts == 2


def test_time_limit_ends_the_job_and_not_the_worker(start, trace, until, products):
    start()
    job = services.enqueue("fault.late", {"name": "a"})
    until(lambda: state(job) == State.FAILED)
    assert job.error_class == "TimeLimit"
    [(child, _)] = begun(trace, "a")
    assert not alive(child)
    after = services.enqueue("fault.work", {"name": "after"})
    until(lambda: state(after) == State.DONE)


@pytest.mark.parametrize("outside", [False, True])
def test_memory_limit_counts_the_process_and_its_programs(start, until, products, outside):
    start()
    job = services.enqueue("fault.greedy", {"megabytes": 700, "outside": outside})
    until(lambda: state(job) == State.FAILED)
    assert job.error_class == "MemoryLimit"
    assert job.attempts == 1


def test_exit_inside_a_job_counts_as_a_death(start, until, products):
    start()
    job = services.enqueue("fault.error", {"of": "exit"})
    until(lambda: state(job) == State.FAILED)
    assert job.attempts == 2


def test_graceful_stop_lets_running_jobs_finish_and_leaves_no_process(start, trace, until, products):
    supervisor = start()
    job = services.enqueue("fault.work", {"name": "a", "seconds": 1.0})
    later = services.enqueue("fault.work", {"name": "b"})
    [(child, _)] = until(lambda: begun(trace, "a"))
    supervisor.terminate()
    assert supervisor.wait(15) == 0
    assert state(job) == State.DONE
    assert state(later) == State.QUEUED
    assert not alive(child)


def test_stop_without_grace_gives_the_job_back_uncounted(start, trace, until, products):
    supervisor = start(HVEN_STOP_GRACE="0.2")
    job = services.enqueue("fault.work", {"name": "a", "seconds": 30.0})
    until(lambda: begun(trace, "a"))
    supervisor.terminate()
    assert supervisor.wait(15) == 0
    assert state(job) == State.QUEUED
    assert job.attempts == 0
    assert products() == []


def test_worker_process_is_renewed_after_its_jobs(start, trace, until, products):
    supervisor = start(HVEN_WORKER_JOBS="2")
    for n in range(5):
        services.enqueue("fault.work", {"name": str(n)})
    until(lambda: len(products()) == 5)
    assert len({words[2] for words in trace()}) == 3
    until(lambda: len(children(supervisor.pid)) == 1)


def test_worker_processes_give_way_as_far_as_the_operator_says(start, until):
    supervisor = start(HVEN_WORKER_NICE="3")
    wanted = min(19, os.getpriority(os.PRIO_PROCESS, supervisor.pid) + 3)
    until(lambda: [os.getpriority(os.PRIO_PROCESS, pid) for pid in children(supervisor.pid)] == [wanted])


def test_full_disk_pauses_jobs(start, trace, until, products):
    start(HVEN_MIN_FREE_DISK="900TB")
    job = services.enqueue("fault.work", {"name": "a"})
    until(lambda: Job.objects.filter(pk=job.pk, state=State.QUEUED).exists())
    time.sleep(1.5)  # longer than a poll
    assert state(job) == State.QUEUED
