import django.db.models.deletion
from django.db import migrations, models

from people.db import state_trigger
from people.db.index_operations import AddLargeIndex


def foreign_key(to: str) -> models.ForeignKey:
    return models.ForeignKey(
        blank=True,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="people",
        to=to,
    )


class Migration(migrations.Migration):
    """Count the people of departments and locations, and expired invites, by indexes alone."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [("people", "0021_webhook_delivery_unique")]

    operations = [
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                fields=["department", "state", "tenant"], name="person_of_department"
            ),
        ),
        AddLargeIndex(
            model_name="person",
            index=models.Index(fields=["location", "state", "tenant"], name="person_of_location"),
        ),
        AddLargeIndex(
            model_name="invite",
            index=models.Index(
                condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                fields=["tenant", "expires_at"],
                name="invite_expiry",
            ),
        ),
        # The new indexes begin with the same columns as those that these two drop.
        migrations.AlterField("person", "department", foreign_key("people.department")),
        migrations.AlterField("person", "location", foreign_key("people.location")),
        migrations.RunPython(state_trigger.create, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("tenant.created", "tenant created"),
                    ("organization.changed", "organization changed"),
                    ("person.added", "added"),
                    ("person.revised", "changed"),
                    ("person.linked", "linked to a userName"),
                    ("person.managed-fields-restored", "managed fields restored"),
                    ("person.address-approved", "new email address approved"),
                    ("person.address-confirmed", "new email address confirmed"),
                    ("person.password-changed", "password changed"),
                    ("person.second-factor-changed", "second factor changed"),
                    ("person.account-settings-changed", "account settings changed"),
                    ("person.delegation-changed", "delegate changed"),
                    ("person.joined", "joined"),
                    ("person.sessions-ended", "sessions ended"),
                    ("person.session-ended", "session ended"),
                    ("person.deactivated", "deactivated"),
                    ("person.reactivated", "reactivated"),
                    ("person.returned", "added again as a returning person"),
                    ("person.address-released", "email address reassigned"),
                    ("person.identity-linked", "sign-in linked"),
                    ("person.taken-for-same", "identified as the same person"),
                    ("person.terminated", "terminated"),
                    ("holdings.received", "items received"),
                    ("scheduled-termination.changed", "scheduled termination changed"),
                    ("invite.issued", "invited"),
                    ("invite.released", "invite released from hold"),
                    ("invite.accepted", "invite accepted"),
                    ("invite.resent", "invite resent"),
                    ("invite.revoked", "invite revoked"),
                    ("role.granted", "role granted"),
                    ("role.withdrawn", "role removed"),
                    ("connection.changed", "connection changed"),
                    ("spend.changed", "spend changed"),
                    ("workflow.changed", "workflow changed"),
                    ("approval.decided", "approval decided"),
                    ("api-token.changed", "API token changed"),
                    ("webhook.changed", "webhook endpoint changed"),
                    ("signal-stream.changed", "signal stream changed"),
                    ("data.exported", "data exported"),
                    ("invite.link-shown", "invite link shown"),
                    ("person.taken-for-different", "identified as different people"),
                    ("bulk-change.decided", "bulk change confirmed or undone"),
                    ("sync-error.dismissed", "sync error dismissed"),
                ],
                max_length=64,
            ),
        ),
    ]
