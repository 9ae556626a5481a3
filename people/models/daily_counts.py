"""Counts by day for the charts of the overview, so that no page counts a month of rows."""

from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned


class DailyCount(TenantOwned):
    """How often something happened in a tenant on one day, in UTC."""

    class Metric(models.TextChoices):
        ARRIVALS = "arrivals", "Arrived"
        LEAVERS = "leavers", "Left"
        SIGN_INS = "sign-ins", "Sign-ins"
        REFUSALS = "refusals", "Sign-ins refused"

    metric = models.CharField(max_length=16, choices=Metric)
    day = models.DateField()
    count = models.PositiveIntegerField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "metric", "day", name="daily_count_once"),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.metric} on {self.day}"


class CountedSource(models.Model):
    """The last row of a source of daily counts that is counted."""

    name = models.CharField(max_length=64, primary_key=True)
    last_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} up to {self.last_id}"
