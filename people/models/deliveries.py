from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from people.db.leases import NAME_LENGTH
from people.models.events import Event
from people.tenancy import TenantManager, TenantOwned

# After this many failures, in about seven minutes, an operator should look at a delivery.
STUCK_ATTEMPTS = 5


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def stuck(self) -> Self:
        """Keep the deliveries that failed several times. They are still tried every hour."""
        return self.filter(attempts__gte=STUCK_ATTEMPTS).exclude(problem="").order_by("pk")


DeliveryManager = TenantManager.from_queryset(DeliveryQuerySet)


class Delivery(TenantOwned):
    """An event that one subscriber has not acknowledged yet.

    The row is deleted when the subscriber returns. A process that works on it first moves `due_at`
    ahead. If the process dies, the delivery is due again at that time.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    # The name of a subscription; people/hooks.py knows its function.
    subscriber = models.CharField(max_length=200)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    # The process that works on it, so that others on the same machine see when it has died.
    held_by = models.CharField(max_length=NAME_LENGTH, blank=True)
    # What the last attempt raised.
    problem = models.TextField(blank=True)

    objects: ClassVar = DeliveryManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "subscriber"], name="delivery_once")
        ]
        indexes: ClassVar = [models.Index(fields=["due_at", "id"], name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.event} to {self.subscriber}"
