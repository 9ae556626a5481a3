"""People who left may come back: former addresses, and roles that wait for a decision."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

guard_again = import_module("people.migrations.0012_fewer_indexes").guard_again


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0012_fewer_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormerAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("email_key", models.CharField(max_length=512)),
                ("until", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "former addresses",
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="person",
            name="person_email_taken",
        ),
        migrations.AddField(
            model_name="person",
            name="detached_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="person",
            name="withheld_roles",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("tenant.created", "tenant created"),
                    ("organisation.changed", "organisation changed"),
                    ("person.added", "added"),
                    ("person.revised", "updated"),
                    ("person.put-back", "put back"),
                    ("person.address-confirmed", "address confirmed"),
                    ("person.password-changed", "password changed"),
                    ("person.joined", "joined"),
                    ("person.deactivated", "deactivated"),
                    ("person.reactivated", "reactivated"),
                    ("person.returned", "returned"),
                    ("person.address-released", "address released"),
                    ("person.terminated", "terminated"),
                    ("holdings.received", "received what somebody held"),
                    ("departure.changed", "departure changed"),
                    ("invite.issued", "invited"),
                    ("invite.released", "invite released"),
                    ("invite.accepted", "invite accepted"),
                    ("invite.resent", "invite sent again"),
                    ("invite.voided", "invite withdrawn"),
                    ("role.granted", "role granted"),
                    ("role.withdrawn", "role withdrawn"),
                    ("connection.changed", "connection changed"),
                    ("spend.changed", "spend changed"),
                    ("workflow.changed", "workflow changed"),
                    ("api-token.changed", "API token changed"),
                ],
                max_length=64,
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("withheld_roles", {}), _negated=True),
                fields=["tenant"],
                name="person_withheld_roles",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(
                models.F("email_key"),
                models.F("tenant"),
                condition=models.Q(
                    models.Q(("state", "terminated"), _negated=True),
                    models.Q(("email_key", ""), _negated=True),
                ),
                name="person_email_taken",
            ),
        ),
        migrations.AddField(
            model_name="formeraddress",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="former_addresses",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="formeraddress",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.tenant",
            ),
        ),
        migrations.AddIndex(
            model_name="formeraddress",
            index=models.Index(fields=["email_key", "tenant"], name="former_address_found"),
        ),
        migrations.RunPython(guard_again, guard_again),
    ]
