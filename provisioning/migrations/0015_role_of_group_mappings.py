"""The reverse name of a mapping's role changes. The database does not."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0014_confirmed_links"),
    ]

    operations = [
        migrations.AlterField(
            model_name="groupmapping",
            name="role",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="%(app_label)s_mappings",
                to="people.role",
            ),
        ),
    ]
