from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    """Add an index of the people who have a password, for “Who has no second factor”."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0014_passkeys"),
    ]

    operations = [
        AddLargeIndex(
            model_name="person",
            index=models.Index(
                condition=models.Q(
                    ("state", "active"), models.Q(("password__startswith", "!"), _negated=True)
                ),
                fields=["tenant", "family_name", "given_name", "id"],
                name="person_with_password",
            ),
        ),
    ]
