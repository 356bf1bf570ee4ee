"""What one user, or somebody without an account, may ask for at once, and keep."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import User
from hven.archive.models import DataFile, Submission
from hven.archive.services import bytes_kept
from hven.errors import Conflict, Forbidden, Invalid, TooLarge, Unauthenticated
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Run
from hven.imaging.services.queue_limits import forget_visitors
from hven.imaging.services.runs import Request
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.jobs.reaper import duties
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "192.0.2.7"


def hand_over(actor: Actor, content: bytes = b"a frame", **request: Any) -> Submission:
    return imaging.submit_file(actor, storage.put(content), Request(origin="web", name="a.fits", **request))


def zipped(count: int, content: bytes = b"no frame", method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number in range(count):
            archive.writestr(f"{number}.fits", content + bytes([number]))
    return out.getvalue()


def work() -> None:
    while (job := Job.objects.filter(state=State.QUEUED).order_by("id").first()) is not None:
        jobs.run_here(job)


@pytest.fixture
def visitors(settings: Any) -> Actor:
    settings.HVEN_VISITORS = True
    return accounts.visitor_actor()


def test_a_user_keeps_as_many_bytes_as_they_may_and_not_one_more(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_STORAGE = 20
    hand_over(Actor.of(user), b"x" * 12)
    with pytest.raises(TooLarge, match=r"your files take 12 bytes of 20 bytes"):
        hand_over(Actor.of(user), b"y" * 9)
    assert Submission.objects.count() == 1
    hand_over(Actor.of(user), b"z" * 8)
    assert bytes_kept(user) == 20


def test_deleting_makes_room_again(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_STORAGE = 20
    submission = hand_over(Actor.of(user), b"x" * 20)
    imaging.delete_submission(Actor.of(user), submission)
    hand_over(Actor.of(user), b"y" * 20)


def test_the_same_bytes_filed_twice_count_twice(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_STORAGE = 20
    hand_over(Actor.of(user), b"x" * 12)
    with pytest.raises(TooLarge):
        hand_over(Actor.of(user), b"x" * 12)


def test_a_user_has_as_many_jobs_waiting_as_they_may(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_QUEUED = 2
    hand_over(Actor.of(user), b"1")
    second = hand_over(Actor.of(user), b"2")
    with pytest.raises(Conflict, match="2 of your jobs wait"):
        hand_over(Actor.of(user), b"3")
    with pytest.raises(Conflict):
        imaging.request_run(Actor.of(user), second.reductions.get(), {})
    Job.objects.update(state=State.DONE)
    hand_over(Actor.of(user), b"3")


def test_a_users_own_limits_go_before_the_servers(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_STORAGE, settings.HVEN_QUOTA_QUEUED = 5, 1
    accounts.set_quotas(user, storage=0, queued=3)
    for number in range(3):
        hand_over(Actor.of(user), b"longer than five" + bytes([number]))
    with pytest.raises(Conflict):
        hand_over(Actor.of(user))
    accounts.set_quotas(user, storage=None, queued=0)
    with pytest.raises(TooLarge):
        hand_over(Actor.of(user), b"longer than five")
    with pytest.raises(Invalid):
        accounts.set_quotas(user, storage=-1, queued=None)


def test_one_users_limit_is_nobody_elses(user: User, other_user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_QUEUED = 1
    hand_over(Actor.of(user))
    hand_over(Actor.of(other_user))


def test_visitors_are_not_let_in_by_default(db: None) -> None:
    with pytest.raises(Unauthenticated):
        accounts.visitor_actor()
    with pytest.raises(Unauthenticated):
        hand_over(ANYONE)
    assert not User.objects.filter(is_visitor=True).exists()


def test_what_visitors_hand_over_is_public(visitors: Actor) -> None:
    submission = hand_over(visitors, address=ADDRESS)
    assert submission.visibility == "public"
    assert submission.reductions.get().visibility == "public"
    assert DataFile.objects.get().visibility == "public"
    with pytest.raises(Invalid, match="sign in to keep a frame private"):
        hand_over(visitors, address=ADDRESS, visibility="private")


def test_visitors_change_and_delete_nothing(visitors: Actor) -> None:
    submission = hand_over(visitors, address=ADDRESS)
    reduction = submission.reductions.get()
    for forbidden in (
        lambda: imaging.delete_submission(visitors, submission),
        lambda: imaging.request_run(visitors, reduction, {}),
        lambda: imaging.set_visibility(visitors, reduction, "private"),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    assert Reduction.objects.count() == 1


def test_nobody_signs_in_as_the_visitors_nor_takes_their_name(visitors: Actor) -> None:
    assert visitors.user is not None and not visitors.user.has_usable_password()
    with pytest.raises(Conflict):
        accounts.create_user("Anonymous", "a long enough phrase 7")


def test_a_name_taken_before_is_left_to_its_owner(db: None, settings: Any) -> None:
    settings.HVEN_VISITORS = True
    taken = User.objects.create(username="anonymous")
    assert accounts.visitor() != taken
    assert accounts.visitor() == accounts.visitor()


def test_a_visitors_file_is_small_and_few_wait_at_once(visitors: Actor, settings: Any) -> None:
    settings.HVEN_VISITOR_UPLOAD, settings.HVEN_VISITOR_QUEUED, settings.HVEN_VISITOR_DAILY = 10, 2, 3
    with pytest.raises(TooLarge, match="Without an account"):
        hand_over(visitors, b"x" * 11, address=ADDRESS)
    for number in range(2):
        hand_over(visitors, bytes([number]), address=ADDRESS)
    with pytest.raises(Conflict, match="may wait at once"):
        hand_over(visitors, address=ADDRESS)
    hand_over(visitors, address="198.51.100.1")
    Job.objects.update(state=State.DONE)
    hand_over(visitors, address=ADDRESS)
    Job.objects.update(state=State.DONE)
    with pytest.raises(Conflict, match="a day"):
        hand_over(visitors, address=ADDRESS)


def test_the_files_of_a_visitors_archive_count_one_by_one(visitors: Actor, settings: Any) -> None:
    settings.HVEN_VISITOR_QUEUED, settings.HVEN_VISITOR_DAILY = 100, 5
    hand_over(visitors, zipped(4), address=ADDRESS)
    work()
    assert Reduction.objects.count() == 4
    hand_over(visitors, zipped(3), address=ADDRESS)
    work()
    assert Reduction.objects.count() == 5
    assert "a day" in Run.objects.latest("id").why
    with pytest.raises(Conflict, match="a day"):
        hand_over(visitors, address=ADDRESS)


def test_visitors_of_one_ipv6_network_count_as_one(visitors: Actor, settings: Any) -> None:
    settings.HVEN_VISITOR_QUEUED = 2
    for number in range(2):
        hand_over(visitors, bytes([number]), address=f"2001:db8:1:2::{number}:1")
    with pytest.raises(Conflict):
        hand_over(visitors, address="2001:db8:1:2:ffff::3")
    hand_over(visitors, address="2001:db8:1:3::1")
    for number in range(3):  # IPv4 in the clothes of IPv6 is one network for all
        hand_over(visitors, bytes([number]), address=f"::ffff:192.0.2.{number}")


def test_the_files_of_an_archive_are_jobs_like_others(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_QUEUED = 3
    submission = hand_over(Actor.of(user), zipped(4))
    work()
    run = Run.objects.get()
    assert "3 more jobs are too many" in run.why
    settings.HVEN_QUOTA_QUEUED = 4
    imaging.repeat_run(Actor.of(user), run)
    work()
    submission.refresh_from_db()
    assert submission.reductions.count() == 4
    assert submission.error == ""


def test_an_archive_counts_until_its_files_do_and_no_longer(user: User, settings: Any) -> None:
    content = zipped(3, b"x" * 1000)
    settings.HVEN_QUOTA_STORAGE = len(content) + 100
    hand_over(Actor.of(user), content)
    assert bytes_kept(user) == len(content)
    with pytest.raises(TooLarge):
        hand_over(Actor.of(user), content)
    work()
    assert bytes_kept(user) == 3003


def test_an_archive_that_unpacks_to_more_than_may_be_kept_still_counts(user: User, settings: Any) -> None:
    settings.HVEN_QUOTA_STORAGE = 3000
    content = zipped(3, bytes(1000), zipfile.ZIP_DEFLATED)
    submission = hand_over(Actor.of(user), content)
    work()
    assert "These 3 files of 3 kB cannot be kept" in Run.objects.get().why
    submission.refresh_from_db()
    assert not submission.data_files.exists()
    assert bytes_kept(user) == len(content)


def test_visitors_frames_go_after_a_while_and_others_stay(visitors: Actor, user: User, settings: Any) -> None:
    settings.HVEN_VISITOR_KEEP = 3600.0
    old, new, own = hand_over(visitors, b"1"), hand_over(visitors, b"2"), hand_over(Actor.of(user), b"3")
    Submission.objects.filter(pk__in=[old.pk, own.pk]).update(created=timezone.now() - timedelta(hours=2))
    assert forget_visitors() == 1
    assert set(Submission.objects.all()) == {new, own}
    assert not DataFile.objects.filter(submission=old.pk).exists()
    assert forget_visitors() == 0


def test_the_reaper_looks_after_visitors() -> None:
    assert "visitors" in {duty.name for duty in duties()}
