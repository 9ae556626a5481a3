from django.db import models


class SyncHeartbeat(models.Model):
    """Since when the sync cycle has run without a long gap; there is one row.

    Only that time counts, so an outage of Ramp does not make a connection look inactive.
    """

    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"since {self.since}"
