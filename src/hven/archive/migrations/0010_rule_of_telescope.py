from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0009_fill_and_text")]

    operations = [
        migrations.AlterField(
            model_name="dataset",
            name="rule",
            field=models.CharField(
                blank=True,
                choices=[("none", "nothing"), ("solve", "solve"), ("photometry", "solve and calibrate")],
                help_text="what filing a frame there starts; empty: what its telescope says",
                max_length=20,
            ),
        ),
    ]
