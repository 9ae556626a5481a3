from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("scim", "0007_keys_of_waiting_members"),
    ]

    operations = [
        AddLargeIndex(
            model_name="scimwaitingmember",
            index=models.Index(fields=["value_key"], name="scim_waiting_member_key"),
        ),
    ]
