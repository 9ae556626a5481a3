"""Each change of a person writes in every index of theirs, so there is none twice."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

terminated_is_final = import_module("people.migrations.0002_terminated_is_final")


def guard_again(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put back the trigger that SQLite forgets when Django rebuilds the table."""
    if schema_editor.connection.vendor == "sqlite":
        terminated_is_final.guard(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0011_closed_tenants"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="person",
            name="person_email_taken",
        ),
        migrations.AlterField(
            model_name="event",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="person",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(
                models.F("email_key"),
                models.F("tenant"),
                condition=models.Q(("state", "terminated"), _negated=True),
                name="person_email_taken",
            ),
        ),
        migrations.RunPython(guard_again, guard_again),
    ]
