"""Indexes that find one user lead with what they are found by; those that say it twice go."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0012_fewer_indexes"),
        ("scim", "0006_room_to_change"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="scimgroup",
            name="scim_group_external_id_taken",
        ),
        migrations.RemoveConstraint(
            model_name="scimuser",
            name="scim_user_name_taken",
        ),
        migrations.RemoveConstraint(
            model_name="scimuser",
            name="scim_user_external_id_taken",
        ),
        migrations.RemoveIndex(
            model_name="scimgroup",
            name="scim_group_name",
        ),
        migrations.RemoveIndex(
            model_name="scimuser",
            name="scim_user_email",
        ),
        migrations.RemoveIndex(
            model_name="scimuser",
            name="scim_user_gone",
        ),
        migrations.RemoveIndex(
            model_name="scimuser",
            name="scim_user_gone_external_id",
        ),
        migrations.RemoveIndex(
            model_name="scimuser",
            name="scim_user_waiting",
        ),
        migrations.AlterField(
            model_name="requestlog",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="scim.connection",
            ),
        ),
        migrations.AlterField(
            model_name="requestlog",
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
            model_name="scimgroup",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="scim.connection",
            ),
        ),
        migrations.AlterField(
            model_name="scimgroup",
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
            model_name="scimuser",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="scim.connection",
            ),
        ),
        migrations.AlterField(
            model_name="scimuser",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddIndex(
            model_name="scimgroup",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["display_name_key", "connection"],
                name="scim_group_name",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(fields=["email_key", "connection"], name="scim_user_email"),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["user_name_key", "connection"],
                name="scim_user_gone",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["scim_external_id", "connection"],
                name="scim_user_gone_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("waiting_manager", ""), _negated=True),
                fields=["waiting_manager", "connection"],
                name="scim_user_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimgroup",
            constraint=models.UniqueConstraint(
                models.F("scim_external_id"),
                models.F("connection"),
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                name="scim_group_external_id_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                models.F("user_name_key"),
                models.F("connection"),
                condition=models.Q(("deleted_at", None)),
                name="scim_user_name_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="scimuser",
            constraint=models.UniqueConstraint(
                models.F("scim_external_id"),
                models.F("connection"),
                condition=models.Q(
                    ("deleted_at", None), models.Q(("scim_external_id", ""), _negated=True)
                ),
                name="scim_user_external_id_taken",
            ),
        ),
    ]
