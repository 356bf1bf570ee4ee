"""Took the words of cards that tell where a frame was taken out of the full-text table; 0014 writes all words anew."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """See above."""

    dependencies = [("archive", "0011_packed_by")]
    operations = []
