from django.db import migrations, models

from people.db.concurrent_index import AddIndexOnline


class Migration(migrations.Migration):
    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0003_overview"),
    ]

    operations = [
        AddIndexOnline(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("kind", "invite"), models.Q(("problem", ""), _negated=True)),
                fields=["invite"],
                name="mail_invite_problem",
            ),
        ),
    ]
