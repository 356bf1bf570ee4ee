"""Let nothing that deletes an album delete the files in it."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0005_archives_by_owner")]
    operations = [
        migrations.AlterField(
            model_name="datafile",
            name="dataset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.RESTRICT, related_name="data_files", to="archive.dataset"
            ),
        ),
    ]
