from django.db import migrations, models

from people.db.index_operations import AddLargeUniqueConstraint


class Migration(migrations.Migration):
    """Let one event have several deliveries to a signal stream, one of each security event."""

    # PostgreSQL builds an index concurrently only outside of a transaction.
    atomic = False

    dependencies = [
        ("people", "0020_signal_streams"),
    ]

    operations = [
        AddLargeUniqueConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event__isnull", False)),
                fields=("endpoint", "event", "event_type"),
                name="webhook_delivery_unique",
            ),
        ),
        migrations.RemoveConstraint(model_name="webhookdelivery", name="webhook_delivery_once"),
    ]
