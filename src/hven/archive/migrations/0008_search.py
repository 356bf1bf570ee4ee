"""Columns and indexes by which files are found in large datasets."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """See above."""

    dependencies = [
        ("accounts", "0003_quotas"),
        ("archive", "0007_observatory"),
        ("storage", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="datafile",
            name="file_by_dataset",
        ),
        migrations.RemoveIndex(
            model_name="headervalue",
            name="header_by_value",
        ),
        migrations.AddField(
            model_name="datafile",
            name="cell",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="cos_radius",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="is_solved",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name="datafile",
            name="radius_deg",
            field=models.FloatField(editable=False, help_text="of the frame's circle; 0 where nobody knows", null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="sin_radius",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="x",
            field=models.FloatField(editable=False, help_text="of the unit vector, ICRS", null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="y",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="datafile",
            name="z",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="headervalue",
            name="dataset",
            field=models.ForeignKey(
                db_index=False,
                help_text="that the file is in; here so that an index leads from it to the newest files",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="archive.dataset",
            ),
        ),
        migrations.AlterField(
            model_name="datafile",
            name="dataset",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="data_files",
                to="archive.dataset",
            ),
        ),
        migrations.AlterField(
            model_name="datafile",
            name="observation",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="data_files",
                to="archive.observation",
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["observation", "middle"], name="file_by_observation"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                fields=["dataset", "-id", "visibility", "owner", "observatory", "uuid"], name="file_by_dataset"
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["dataset", "filter", "id"], name="file_by_filter_in_dataset"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["dataset", "object_name", "id"], name="file_by_object_in_dataset"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["dataset", "image_type", "id"], name="file_by_type_in_dataset"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["dataset", "middle", "id"], name="file_by_time_in_dataset"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                condition=models.Q(("observation__isnull", False)), fields=["dataset", "id"], name="file_light"
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                condition=models.Q(("calibration__isnull", False)), fields=["dataset", "id"], name="file_calibration"
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                condition=models.Q(("calibration__isnull", True), ("observation__isnull", True)),
                fields=["dataset", "id", "unfiled"],
                name="file_of_no_night",
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                models.F("cell"),
                models.F("x"),
                models.F("y"),
                models.F("z"),
                models.F("cos_radius"),
                models.F("sin_radius"),
                models.F("radius_deg"),
                name="file_place",
            ),
        ),
        migrations.AddIndex(
            model_name="headervalue",
            index=models.Index(fields=["dataset", "keyword", "text", "data_file"], name="header_by_value"),
        ),
    ]
