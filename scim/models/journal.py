"""What was asked of us and how it ended: kept also when the request changed nothing."""

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from people.models import Person
from people.tenancy import TenantManager, TenantOwned
from people.values import Actor
from scim.models.connection import Connection
from scim.models.resources import ScimUser


class RequestLog(TenantOwned):
    """One SCIM request that wrote, or that was refused. Reads that went well leave none.

    Its id is the request id of the answer and of every event it caused. Secrets in headers
    and body are masked before they are stored.
    """

    # Not indexed by tenant alone: requests are listed by connection.
    tenant = models.ForeignKey(
        "people.Tenant", on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    id = models.UUIDField(primary_key=True, editable=False)
    # `request_log_recent` leads with it.
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="requests", db_index=False
    )
    # Whom it was about, if that is known.
    user = models.ForeignKey(
        ScimUser, on_delete=models.SET_NULL, null=True, related_name="requests"
    )
    # The administrator who had a stored request carried out again, as an actor.
    retried_by = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=8)
    path = models.TextField()
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField()
    # The answer, when it was a refusal.
    answer = models.TextField(blank=True)
    ip = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["connection", "received_at"], name="request_log_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"


OPEN = models.Q(resolved_at=None, dismissed_at=None)


class SyncErrorQuerySet(models.QuerySet["SyncError"]):
    def open(self) -> Self:
        return self.filter(OPEN)

    def dismiss(self, *, actor: Actor, because: str) -> int:
        """Let the open ones be, and return how many those were."""
        now = timezone.now()
        return self.open().update(
            dismissed_at=now, dismissed_by=str(actor), dismissed_because=because
        )


SyncErrorManager = TenantManager.from_queryset(SyncErrorQuerySet)


class SyncError(TenantOwned):
    """Why somebody could not be provisioned as asked, until it is resolved or dismissed."""

    class Reason(models.TextChoices):
        CIRCULAR_MANAGER = "circular-manager", "Circular manager"
        INVALID_MANAGER = "invalid-manager", "Invalid manager"
        SELF_MANAGER = "self-manager", "Self manager"
        DUPLICATE_EMAIL = "duplicate-email", "Duplicate email"
        INVALID_NAME = "invalid-name", "Invalid name"
        INVALID_LOCATION_CHANGE = "invalid-location-change", "Invalid location change"
        INVALID_ROLE_ASSIGNMENT = "invalid-role-assignment", "Invalid role assignment"
        INCOMPLETE = "incomplete", "Missing required fields"
        LAST_OWNER = "last-owner", "Last Owner"
        LAST_ADMINISTRATOR = "last-administrator", "Last administrator"
        TERMINATED = "terminated", "Terminated"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sync_errors")
    reason = models.CharField(max_length=32, choices=Reason)
    message = models.TextField()
    # Who it was about, as the provider named them; nobody of ours may have come of it.
    user_name_key = models.CharField(max_length=512)
    user_name = models.CharField(max_length=255)
    user = models.ForeignKey(ScimUser, on_delete=models.SET_NULL, null=True, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    # The field it is about, as people name it, and what the provider said there.
    field = models.CharField(max_length=32, blank=True)
    offending_value = models.TextField(blank=True)
    request = models.ForeignKey(RequestLog, on_delete=models.SET_NULL, null=True, related_name="+")
    happened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.CharField(max_length=255, blank=True)
    dismissed_because = models.CharField(max_length=500, blank=True)

    objects: ClassVar = SyncErrorManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "connection",
                "user_name_key",
                "reason",
                name="sync_error_one_open",
                condition=OPEN,
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "happened_at"], name="sync_error_pending", condition=OPEN
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_name}: {self.message}"
