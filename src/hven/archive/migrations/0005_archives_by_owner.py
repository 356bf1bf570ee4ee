"""Find the archives that wait to be unpacked, which count as their owners' bytes."""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """See above."""

    dependencies = [
        ("accounts", "0003_quotas"),
        ("archive", "0004_quotas"),
        ("storage", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(condition=models.Q(("blob__isnull", False)), fields=["owner"], name="archives_by_owner"),
        ),
    ]
