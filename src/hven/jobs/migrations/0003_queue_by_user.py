"""An index that gives each user's oldest waiting job of each priority."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """See above."""

    dependencies = [
        ("jobs", "0002_jobs_by_kind"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="job",
            name="job_queue",
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                models.F("priority"),
                models.F("created_by"),
                models.F("id"),
                models.F("not_before"),
                condition=models.Q(("state", "queued")),
                name="job_queue",
            ),
        ),
    ]
