from django.db import migrations

# Deliveries name their subscriber by its path.
MOVED = {
    "people.operations.alarms.note_deactivation": "people.operations.bulk.alerts.note_deactivation",
}
RENAME = "UPDATE people_delivery SET subscriber = %s WHERE subscriber = %s"


class Migration(migrations.Migration):
    """Have deliveries that wait name the new path of a subscriber that has moved."""

    dependencies = [("people", "0023_sessions_ended")]

    operations = [
        migrations.RunSQL(
            [(RENAME, [new, old]) for old, new in MOVED.items()],
            [(RENAME, [old, new]) for old, new in MOVED.items()],
        )
    ]
