"""Migrating with a copy made first, and the answers of health checks."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from hven.errors import Unavailable
from hven.jobs.models import Worker
from hven.ops import database, doctor

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_model_lacks_a_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_nothing_is_pending_on_a_migrated_database():
    assert database.pending() == []
    assert database.from_the_future() == []
    database.check_migrated()


def test_unknown_migration_means_a_newer_version(db):
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    recorder.record_applied("jobs", "9999_future")
    try:
        with pytest.raises(Unavailable, match="newer"):
            database.check_migrated()
    finally:
        recorder.record_unapplied("jobs", "9999_future")


def test_backup_is_a_whole_database_and_only_three_are_kept(settings, user, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", connection.settings_dict["NAME"])
    copies = [database.back_up("test") for _ in range(5)]
    kept = sorted(settings.HVEN_FOLDERS.backups.glob("*-test.sqlite3"))
    assert kept == sorted(copies)[-3:]
    with sqlite3.connect(kept[-1]) as copy:
        assert copy.execute("SELECT username FROM accounts_user").fetchall() == [("tycho",)]
    assert kept[-1].stat().st_mode & 0o077 == 0
    for path in kept:
        path.unlink()


def test_healthz_answers_without_a_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok\n"
    assert client.post("/healthz").status_code == 405


def test_readyz_says_what_is_missing(client, settings):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "none was seen" in answer.json()["checks"]["worker"]
    now = timezone.now()
    worker = Worker.objects.create(name="w", slots=1, started=now, seen=now)
    assert client.get("/readyz").json()["ready"] is True
    worker.seen = now - timedelta(minutes=2)
    worker.save()
    assert client.get("/readyz").status_code == 503
    settings.HVEN_MIN_FREE_DISK = 10**18
    assert client.get("/readyz").json()["checks"]["storage"] == "nearly full"


def test_doctor_looks_at_everything_and_mends_by_sentences():
    findings = list(doctor.examine())
    subjects = {finding.subject for finding in findings}
    assert {"Python", "packages", "folders", "secret key", "disk", "clock", "solver indexes", "page assets"} <= subjects
    for finding in findings:
        assert finding.state in {"well", "note", "ill"}
        assert finding.mend or finding.state != "ill", finding


def test_doctor_finds_what_is_wrong(settings, tmp_path):
    key = settings.HVEN_FOLDERS.data / "secret-key"
    key.chmod(0o644)
    broken = tmp_path / "indexes"
    broken.mkdir()
    (broken / "index-1.fits").write_bytes(b"cut")
    settings.HVEN_INDEX_FOLDERS = (broken, tmp_path / "none")
    settings.HVEN_MIN_FREE_DISK = 10**18
    try:
        ill = {finding.subject for finding in doctor.examine() if finding.state == "ill"}
    finally:
        key.chmod(0o600)
    assert {"secret key", "solver indexes", "disk"} <= ill


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def _clock():
        raise OSError("no such device")
        yield

    monkeypatch.setattr(doctor, "_clock", _clock)
    [finding] = [finding for finding in doctor.examine() if finding.subject == "clock"]
    assert finding.state == "ill"
    assert json.dumps(finding.text)
