from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Q

from people.db.leases import NAME_LENGTH
from people.models.events import Event
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def active(self) -> Self:
        return self.filter(state=WebhookEndpoint.State.ACTIVE, tenant__is_active=True)

    def collecting(self) -> Self:
        """Keep the endpoints whose events are to be sent, now or when a stream is enabled again."""
        is_wanted = Q(state=WebhookEndpoint.State.ACTIVE) | Q(stream__keeps_events=True)
        return self.filter(is_wanted, tenant__is_active=True)

    def hooks(self) -> Self:
        """Keep the webhook endpoints, without those that belong to a signal stream."""
        return self.filter(stream=None)

    def failing(self, since: datetime) -> Self:
        """Keep the endpoints that have failed since then, and those that Ramp paused for it."""
        is_tried = Q(state=WebhookEndpoint.State.ACTIVE) | ~Q(paused_because="")
        return self.filter(is_tried, failing_since__lte=since)


WebhookEndpointManager = TenantManager.from_queryset(WebhookEndpointQuerySet)


class WebhookEndpoint(TenantOwned):
    """A URL of the company to which Ramp sends events: a webhook, or a part of a signal stream.

    One process at a time sends to an endpoint: the one that holds its lease.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=100, blank=True)
    # The kinds of events that are sent. An empty list means all, also those of later versions.
    kinds = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    # Why Ramp paused it; blank if an administrator did.
    paused_because = models.CharField(max_length=200, blank=True)
    # Encrypted. Messages are signed with both, so that the receiver can change to the new secret at
    # any time before the older one is retired.
    secret = models.TextField(editable=False)
    older_secret = models.TextField(editable=False, blank=True)
    secret_created_at = models.DateTimeField()
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # Only events that happened later are sent: since the endpoint was added or last resumed.
    active_since = models.DateTimeField()
    # All events that were committed before this have their deliveries.
    enqueued_until = models.DateTimeField()
    # When its last turn began. The endpoint whose turn was longest ago comes next.
    served_at = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=NAME_LENGTH, blank=True)
    held_until = models.DateTimeField(null=True)
    # Nothing is sent before this, because the server did not respond the last times.
    rests_until = models.DateTimeField(null=True)
    rests = models.PositiveIntegerField(default=0)
    # When the first delivery failed after the last one that succeeded; None if none has.
    failing_since = models.DateTimeField(null=True)

    objects: ClassVar = WebhookEndpointManager()

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def is_stream(self) -> bool:
        return hasattr(self, "stream")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def waiting(self) -> Self:
        return self.filter(state=WebhookDelivery.State.WAITING)

    def ready(self, now: datetime, *, holds_after: datetime) -> Self:
        """Keep what is due, without what a failed delivery of the same person holds back.

        :param holds_after: a delivery that was first tried earlier no longer holds back others.
        """
        failed = WebhookDelivery.objects.waiting().filter(
            endpoint=OuterRef("endpoint"),
            person=OuterRef("person"),
            pk__lt=OuterRef("pk"),
            due_at__gt=now,
            first_attempt_at__gt=holds_after,
        )
        return self.waiting().filter(due_at__lte=now).exclude(Exists(failed)).order_by("pk")


WebhookDeliveryManager = TenantManager.from_queryset(WebhookDeliveryQuerySet)


class WebhookDelivery(TenantOwned):
    """An event on its way to an endpoint, and what came of it. Their keys are in sending order."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given-up", "Given up"

    # No index on the endpoint or person alone, because the indexes below begin with the endpoint.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    # None for a message about the signal stream itself, such as a verification event, and for the
    # completion of an asynchronous SCIM request.
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="+")
    # The URI of the security event, of which one event may cause several. Blank for webhooks.
    event_type = models.CharField(max_length=100, default="", db_default="")
    # The person of the event: deliveries of one person are sent in order.
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The header `webhook-id`, which is the same in each attempt.
    message_id = models.UUIDField(default=uuid4, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    # The JSON that is sent; blank before the first attempt.
    body = models.TextField(blank=True)
    # Of the last attempt: the status, what went wrong, and the beginning of the response.
    status = models.PositiveSmallIntegerField(null=True)
    problem = models.TextField(blank=True)
    response = models.TextField(blank=True)
    created_at = models.DateTimeField()

    objects: ClassVar = WebhookDeliveryManager()

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "event", "event_type"],
                name="webhook_delivery_unique",
                condition=Q(event__isnull=False),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "id"], name="webhook_delivery_log"),
            models.Index(
                fields=["endpoint", "person", "id"],
                name="webhook_delivery_waiting",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=["endpoint", "last_attempt_at"], name="webhook_delivery_tried"),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.title} to {self.endpoint}"

    @property
    def title(self) -> str:
        """Return how lists call it: the kind of the event, or the name of the security event."""
        if self.event_type:
            return self.event_type.rpartition("/")[2].removeprefix("urn:ietf:params:")
        return self.event.kind if self.event else ""

    @property
    def happened_at(self) -> datetime:
        return self.event.happened_at if self.event else self.created_at

    @property
    def next_attempt_at(self) -> datetime:
        """When a waiting delivery is sent next: when it is due, after the rest of its endpoint."""
        return max(self.due_at, self.endpoint.rests_until or self.due_at)

    @property
    def webhook_id(self) -> str:
        return f"msg_{self.message_id.hex}"
