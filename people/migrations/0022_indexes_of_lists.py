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

    dependencies = [("people", "0018_api")]

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
    ]
