"""A person has one identity a provider that signs them in, and any number of past ones."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0013_returning_people"),
        ("provisioning", "0005_directory_token"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="identity",
            name="identity_once_a_provider",
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.UniqueConstraint(
                models.F("provider"),
                models.F("person"),
                condition=models.Q(("retired_at", None)),
                name="identity_once_a_provider",
            ),
        ),
    ]
