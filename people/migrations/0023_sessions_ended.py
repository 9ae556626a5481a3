from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0022_taken_for_same_and_linked"),
    ]

    operations = [
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
                    ("person.address-approved", "agreed to a new address"),
                    ("person.address-confirmed", "address confirmed"),
                    ("person.password-changed", "password changed"),
                    ("person.joined", "joined"),
                    ("person.sessions-ended", "sessions ended"),
                    ("person.deactivated", "deactivated"),
                    ("person.reactivated", "reactivated"),
                    ("person.returned", "returned"),
                    ("person.address-released", "address released"),
                    ("person.identity-linked", "sign-in linked"),
                    ("person.taken-for-same", "taken for somebody who came back"),
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
    ]
