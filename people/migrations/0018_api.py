from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    """Add the index with which the API lists the people who changed since a time."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0017_account"),
    ]

    operations = [
        AddLargeIndex(
            model_name="person",
            index=models.Index(fields=["tenant", "changed_at", "id"], name="person_changed"),
        ),
    ]
