from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("scim", "0011_async_requests"),
    ]

    operations = [
        AddLargeIndex(
            model_name="scimuser",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("active", False)),
                fields=["connection", "id"],
                name="scim_user_inactive",
            ),
        ),
    ]
