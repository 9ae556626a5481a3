from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scim", "0006_setup_link"),
    ]

    operations = [
        # The sync cycle fills in the keys of the rows that are here already.
        migrations.AddField(
            model_name="scimwaitingmember",
            name="value_key",
            field=models.CharField(db_default="", default="", max_length=512),
        ),
        migrations.AddField(
            model_name="scimwaitingmember",
            name="value_id",
            field=models.UUIDField(null=True),
        ),
    ]
