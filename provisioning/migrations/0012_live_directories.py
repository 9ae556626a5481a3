from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

identities_stay = import_module("provisioning.migrations.0002_identities_stay")


def guard_again(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Restore the trigger that SQLite lost when Django rebuilt the table of identities."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER IF EXISTS identity_stays")
        identities_stay.guard(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0023_sessions_ended"),
        ("provisioning", "0011_who_may_come_in"),
    ]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="account",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="identity",
            name="status",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "good"),
                    ("account-disabled", "disabled"),
                    ("account-expired", "expired"),
                    ("account-outside", "not among those that may sign in"),
                    ("account-unknown", "deleted"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="status_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="identity",
            name="how",
            field=models.CharField(
                choices=[
                    ("created", "added at the first sign-in"),
                    ("paired", "found by the pairing with SCIM"),
                    ("invited", "came by an invite"),
                    ("linked", "linked it while signed in"),
                    ("shared", "came through another provider of the same directory"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="signinattempt",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("signed-in", "signed in"),
                    ("created", "added and signed in"),
                    ("linked", "linked and signed in"),
                    ("confirmed", "confirmed who they are"),
                    ("refused", "refused"),
                    ("failed", "failed"),
                    ("signed-out", "signed out"),
                ],
                max_length=12,
            ),
        ),
        migrations.RunPython(guard_again, guard_again),
        migrations.CreateModel(
            name="DirectoryCheck",
            fields=[
                (
                    "provider",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="check_state",
                        serialize=False,
                        to="provisioning.identityprovider",
                    ),
                ),
                ("tried_at", models.DateTimeField()),
                ("after", models.BigIntegerField(default=0)),
                ("problem", models.CharField(blank=True, max_length=64)),
                ("detail", models.TextField(blank=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tried_at"], name="directory_check_tried")],
            },
        ),
    ]
