"""API tokens get scopes, an expiry and a last use. Earlier ones keep all scopes and no expiry."""

from django.db import migrations, models

ALL_SCOPES = ["people:read", "people:manage", "spend:authorize"]


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0013_returning_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.JSONField(default=ALL_SCOPES.copy),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
    ]
