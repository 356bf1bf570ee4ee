"""Note who put a dataset into a package; of those that are in one already, the package's owner."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CARRY = (
    "INSERT INTO archive_packageddataset (package_id, dataset_id, by_id)"
    " SELECT packed.package_id, packed.dataset_id, package.owner_id FROM archive_package_datasets packed"
    " JOIN archive_package package ON package.id = packed.package_id ORDER BY packed.id"
)
_CARRY_BACK = (
    "INSERT INTO archive_package_datasets (package_id, dataset_id)"
    " SELECT package_id, dataset_id FROM archive_packageddataset ORDER BY id"
)


class Migration(migrations.Migration):
    """See above."""

    dependencies = [
        ("archive", "0010_rule_of_telescope"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PackagedDataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="packed", to="archive.dataset"
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="packed", to="archive.package"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="packageddataset",
            constraint=models.UniqueConstraint(
                models.F("package"), models.F("dataset"), name="a_dataset_once_a_package"
            ),
        ),
        migrations.RunSQL(CARRY, _CARRY_BACK),
        migrations.RemoveField(model_name="package", name="datasets"),
        migrations.AddField(
            model_name="package",
            name="datasets",
            field=models.ManyToManyField(
                blank=True, related_name="packages", through="archive.PackagedDataset", to="archive.dataset"
            ),
        ),
    ]
