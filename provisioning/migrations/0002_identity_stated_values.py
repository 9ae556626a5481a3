from django.db import migrations, models


class Migration(migrations.Migration):
    """Rename `Identity.said` in the code only.

    The column keeps its name, so the previous version still runs while this one is deployed, and
    SQLite does not rebuild the table, which would drop its trigger.
    """

    dependencies = [
        ("provisioning", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="identity",
            name="said",
            field=models.JSONField(db_column="said", default=dict),
        ),
        migrations.RenameField(
            model_name="identity",
            old_name="said",
            new_name="stated_values",
        ),
    ]
