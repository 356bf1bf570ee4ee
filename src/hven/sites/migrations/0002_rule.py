from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0001_first")]

    operations = [
        migrations.AddField(
            model_name="telescope",
            name="rule",
            field=models.CharField(
                choices=[("none", "nothing"), ("solve", "solve"), ("photometry", "solve and calibrate")],
                default="none",
                help_text="what filing one of its frames starts, where the dataset says nothing else",
                max_length=20,
            ),
        ),
    ]
