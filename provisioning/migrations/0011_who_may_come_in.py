from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0010_pin_mappings_to_one_group")]

    operations = [
        migrations.AddField(
            "identityprovider", "adds_unverified", models.BooleanField(default=False)
        ),
        migrations.AddField(
            "identityprovider", "admission", models.JSONField(blank=True, default=dict)
        ),
    ]
