from django.db import migrations, models
from django.db.models.functions import Upper

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    """Add partial indexes, which few people are in, for lookups that would read everybody."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0012_installation"),
    ]

    operations = [
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("state", "terminated")),
                fields=["email_key", "tenant"],
                name="person_terminated_email",
            ),
        ),
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                Upper("pending_email"),
                models.F("tenant"),
                condition=models.Q(("pending_email", ""), _negated=True),
                name="person_pending_email",
            ),
        ),
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("role", "BUSINESS_USER"), _negated=True),
                fields=["tenant", "role"],
                name="person_other_role",
            ),
        ),
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(("manager", None)),
                fields=["tenant"],
                name="person_at_top",
            ),
        ),
    ]
