from django.db import models


class SyncHeartbeat(models.Model):
    """Since when the sync cycle has come by without a long gap; there is one row.

    Silence counts only while somebody listens, so an outage of ours makes no provider silent.
    """

    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"since {self.since}"
