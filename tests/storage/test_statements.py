"""Statements that are kept: they say what the ORM says, for each value anew, and keep no answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from hven.accounts.models import User
from hven.archive.models import DataFile, Dataset, Submission
from hven.jobs.models import Job
from hven.storage.models import Blob
from hven.storage.statements import Insert, Question, Update, columns, record

pytestmark = pytest.mark.django_db


def plain(row):
    """All columns of a record as the database gives them, but for its id."""
    names = [name for name in columns(type(row)) if name not in {"id", "uuid", "created", "changed", "wanted"}]
    return type(row).objects.filter(pk=row.pk).values(*names).get()


@pytest.mark.parametrize("model", [Submission, Dataset, Job, DataFile])
def test_an_insert_leaves_what_the_orm_leaves(model, user):
    said = {"owner": user, "name": "Käthe's"}
    if model is Job:
        said = {"created_by": user, "kind": "a", "args": {"n": [1, None, "ü"]}, "not_before": timezone.now()}
    if model is DataFile:
        blob = Blob.objects.create(sha256="0" * 64, sha1="", size=3)
        said |= {"blob": blob, "dataset": Dataset.objects.create(owner=user, name="d"), "is_raw": False, "ra": 1.5}
    if model is Submission:
        said |= {"origin": "web", "address": "2001:db8::1", "finished": timezone.now()}
    made = Insert(model).make(**said)
    kept = plain(made)
    model.objects.filter(pk=made.pk).delete()
    assert kept == plain(model.objects.create(**said))
    assert isinstance(made.uuid, UUID) and made.pk and not made._state.adding


def test_each_record_has_its_own_id_and_time(user):
    insert = Insert(Job)
    one, two = (Job.objects.get(pk=insert.make(kind="a").pk) for _ in range(2))
    assert one.uuid != two.uuid and one.created <= two.created <= timezone.now()
    assert timezone.now() - one.created < timedelta(minutes=5)


def test_what_is_there_already_is_renewed_and_keeps_the_rest():
    insert = Insert(Blob, unique=("sha256",), renewed=("wanted",))
    first = insert.make(sha256="a" * 64, sha1="1", size=1)
    Blob.objects.update(wanted=datetime(2020, 1, 1, tzinfo=UTC), created=datetime(2020, 1, 1, tzinfo=UTC))
    again = insert.make(sha256="a" * 64, sha1="1", size=1)
    kept = Blob.objects.get()
    assert (again.pk, kept.pk) == (first.pk, first.pk)
    assert kept.created.year == 2020 and kept.wanted.year > 2020


def test_what_the_database_refuses_is_djangos_error():
    insert = Insert(Blob)
    insert.make(sha256="a" * 64, sha1="", size=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert.make(sha256="a" * 64, sha1="", size=1)
    assert Blob.objects.count() == 1


def test_what_is_ready_is_written_instead_of_what_a_record_has(user):
    dataset = Dataset.objects.create(owner=user, name="d")
    blob = Blob.objects.create(sha256="0" * 64, sha1="", size=3)
    one, two = (DataFile.objects.create(owner=user, name=name, blob=blob, dataset=dataset) for name in "ab")
    update = Update(DataFile, "cards", "filter", "changed")
    for file in one, two:
        file.cards, file.filter = [["FILTER", "R %s", ""]], "R"
    update.many([one, two], {two.pk: update.ready({"cards": [["FILTER", "V ?", None]]})})
    update.many([])
    kept = {name: (cards, said) for name, cards, said in DataFile.objects.values_list("name", "cards", "filter")}
    assert kept == {"a": ([["FILTER", "R %s", ""]], "R"), "b": ([["FILTER", "V ?", None]], "R")}
    assert DataFile.objects.filter(changed__gt=max(one.changed, two.changed)).count() == 2


def test_a_question_is_asked_anew_with_other_values(user):
    question = Question(
        lambda name, uuid, now: Dataset.objects.filter(name=name, uuid=uuid, created__lte=now).values_list(
            *columns(Dataset)
        ),
        name=str, uuid=UUID, now=datetime,
    )  # fmt: skip
    made = [Dataset.objects.create(owner=user, name=f"d{n} %s", tags=["x"]) for n in range(2)]
    for one in made:
        [row] = question.rows(name=one.name, uuid=one.uuid, now=timezone.now())
        found = record(Dataset, row)
        assert found == one
        assert [getattr(found, name) for name in columns(Dataset)] == [getattr(one, name) for name in columns(Dataset)]
    assert question.rows(name=made[0].name, uuid=uuid4(), now=timezone.now()) == []
    assert question.rows(name=made[0].name, uuid=made[0].uuid, now=datetime(2020, 1, 1, tzinfo=UTC)) == []
    Dataset.objects.all().delete()
    assert question.rows(name=made[0].name, uuid=made[0].uuid, now=timezone.now()) == []


def test_a_question_that_excludes_everything_finds_nothing(user):
    question = Question(lambda pk: User.objects.filter(pk=pk, pk__in=()).values_list("pk"), pk=int)
    assert question.rows(pk=user.pk) == []


def test_a_value_that_is_not_asked_for_is_a_fault():
    with pytest.raises(AssertionError, match="other"):
        Question(lambda pk, other: User.objects.filter(pk=pk).values_list("pk"), pk=int, other=str).rows(pk=1, other="")
