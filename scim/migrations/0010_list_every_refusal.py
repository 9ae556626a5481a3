"""Sync errors list refused writes of groups too, with a count."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def keep_invited_anyway(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mark the rows that “Invite anyway” dismissed; until now only their reason said so."""
    rows = apps.get_model("scim", "SyncError")._base_manager.filter(reason="invalid-manager")
    rows.filter(dismissed_because="Invited anyway").update(is_invited_anyway=True)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0012_fewer_indexes"),
        ("scim", "0009_connection_may_assign_owner"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="syncerror",
            name="sync_error_one_open",
        ),
        migrations.AddField(
            model_name="scimgroup",
            name="has_errors",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="syncerror",
            name="group",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="scim.scimgroup",
            ),
        ),
        migrations.AddField(
            model_name="syncerror",
            name="is_invited_anyway",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="syncerror",
            name="resource_type",
            field=models.CharField(
                choices=[("User", "user"), ("Group", "group"), ("Bulk", "bulk request")],
                default="User",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="syncerror",
            name="times",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AlterField(
            model_name="syncerror",
            name="reason",
            field=models.CharField(
                choices=[
                    ("circular-manager", "Circular manager"),
                    ("invalid-manager", "Invalid manager"),
                    ("self-manager", "Self manager"),
                    ("duplicate-email", "Duplicate email"),
                    ("invalid-name", "Invalid name"),
                    ("invalid-location-change", "Invalid location change"),
                    ("invalid-role-assignment", "Invalid role assignment"),
                    ("incomplete", "Missing required fields"),
                    ("last-owner", "Last Owner"),
                    ("last-administrator", "Last administrator"),
                    ("terminated", "Terminated"),
                    ("invalid-syntax", "Invalid syntax"),
                    ("invalid-value", "Invalid value"),
                    ("invalid-path", "Invalid path"),
                    ("invalid-filter", "Invalid filter"),
                    ("no-target", "Nothing at the path"),
                    ("mutability", "Read-only attribute"),
                    ("uniqueness", "Already taken"),
                    ("too-many", "Too many at once"),
                    ("not-found", "Unknown resource"),
                    ("conflict", "Conflict"),
                    ("precondition-failed", "Changed in between"),
                    ("payload-too-large", "Request too large"),
                    ("unsupported-media-type", "Unknown media type"),
                    ("refused", "Refused"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            model_name="syncerror",
            index=models.Index(
                condition=models.Q(("resolved_at", None)),
                fields=["user_name_key", "connection"],
                name="sync_error_standing",
            ),
        ),
        migrations.AddConstraint(
            model_name="syncerror",
            constraint=models.UniqueConstraint(
                models.F("connection"),
                models.F("user_name_key"),
                models.F("reason"),
                models.F("resource_type"),
                condition=models.Q(("dismissed_at", None), ("resolved_at", None)),
                name="sync_error_one_open",
            ),
        ),
        migrations.RunPython(keep_invited_anyway, migrations.RunPython.noop),
    ]
