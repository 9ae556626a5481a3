from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0003_overview"),
    ]

    operations = [
        AddLargeIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("kind", "invite"), models.Q(("problem", ""), _negated=True)),
                fields=["invite"],
                name="mail_invite_problem",
            ),
        ),
    ]
