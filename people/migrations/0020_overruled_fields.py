"""Which fields somebody changed that a provider owns, each with its moment."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def mark_all_owned_fields(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mark every owned field of the people who were overruled: which ones is not known."""
    people = apps.get_model("people", "Person")._base_manager
    for person in people.filter(overruled_at__isnull=False).iterator():
        # Only custom fields can have been changed of somebody without owned ones.
        names = list(person.owned_fields) or ["custom"]
        person.overruled_fields = dict.fromkeys(names, person.overruled_at.isoformat())
        person.save(update_fields=["overruled_fields"])


class Migration(migrations.Migration):
    dependencies = [("people", "0019_agreeing_to_addresses")]

    operations = [
        migrations.AddField(
            model_name="person",
            name="overruled_fields",
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
                    ("person.linked", "linked"),
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
        migrations.RunPython(mark_all_owned_fields, migrations.RunPython.noop),
    ]
