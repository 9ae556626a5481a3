from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    """Add the row about the installation, and the index of given-up mails, built concurrently."""

    atomic = False

    dependencies = [
        ("people", "0011_account"),
    ]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("database", models.CharField(blank=True, max_length=100)),
                ("held_since", models.DateTimeField(null=True)),
                ("link_epoch", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="installation_only_one"
                    )
                ],
            },
        ),
        AddLargeIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("attempts__gt", 0), ("given_up_at__isnull", False)),
                fields=["given_up_at"],
                name="mail_given_up",
            ),
        ),
    ]
