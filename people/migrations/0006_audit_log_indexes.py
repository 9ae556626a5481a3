from django.db import migrations, models

from people.db.index_operations import AddLargeIndex


class Migration(migrations.Migration):
    """Add the indexes of the audit log. They are built concurrently, outside of a transaction."""

    atomic = False

    dependencies = [
        ("people", "0005_audit_log"),
    ]

    operations = [
        AddLargeIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "happened_at", "id"], name="event_log"),
        ),
        AddLargeIndex(
            model_name="event",
            index=models.Index(
                fields=["tenant", "kind", "happened_at", "id"], name="event_log_kind"
            ),
        ),
        AddLargeIndex(
            model_name="event",
            index=models.Index(
                fields=["tenant", "actor", "happened_at", "id"], name="event_log_actor"
            ),
        ),
        AddLargeIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("actor_person__isnull", False)),
                fields=["actor_person", "happened_at", "id"],
                name="event_log_actor_person",
            ),
        ),
        AddLargeIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("interface__in", ["page", "api", "sign-in", "job", "command"])),
                fields=["tenant", "interface", "happened_at", "id"],
                name="event_log_interface",
            ),
        ),
    ]
