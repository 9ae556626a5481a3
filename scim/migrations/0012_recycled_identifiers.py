"""Identifiers are recycled: externalIds may be shared, and deleted people are told apart."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Exists, F, OuterRef


def detach(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mark the inactive people whom their provider has deleted."""
    resources = apps.get_model("scim", "ScimUser").objects.filter(person=OuterRef("pk"))
    people = apps.get_model("people", "Person").objects.filter(
        Exists(resources.filter(deleted_at__isnull=False)),
        ~Exists(resources.filter(deleted_at=None)),
        state="inactive",
    )
    people.update(detached_at=F("deactivated_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0019_agreeing_to_addresses"),
        ("scim", "0011_former_names"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SamePersonQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("agrees", models.JSONField(default=list)),
                ("differs", models.JSONField(default=list)),
                ("asked_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(blank=True, max_length=255)),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[("same", "the same person"), ("different", "a different person")],
                        max_length=16,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="scimgroup",
            name="scim_group_external_id_taken",
        ),
        migrations.RemoveConstraint(
            model_name="scimuser",
            name="scim_user_external_id_taken",
        ),
        migrations.AddIndex(
            model_name="scimgroup",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                fields=["scim_external_id", "connection"],
                name="scim_group_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                fields=["scim_external_id", "connection"],
                name="scim_user_external_id",
            ),
        ),
        migrations.AddField(
            model_name="samepersonquestion",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="scim.connection"
            ),
        ),
        migrations.AddField(
            model_name="samepersonquestion",
            name="earlier",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="samepersonquestion",
            name="earlier_user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="scim.scimuser"
            ),
        ),
        migrations.AddField(
            model_name="samepersonquestion",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddField(
            model_name="samepersonquestion",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="questions",
                to="scim.scimuser",
            ),
        ),
        migrations.AddIndex(
            model_name="samepersonquestion",
            index=models.Index(
                condition=models.Q(("answered_at", None)),
                fields=["tenant", "asked_at"],
                name="same_person_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="samepersonquestion",
            constraint=models.UniqueConstraint(
                models.F("user"), models.F("earlier"), name="same_person_asked_once"
            ),
        ),
        migrations.RunPython(detach, migrations.RunPython.noop),
    ]
