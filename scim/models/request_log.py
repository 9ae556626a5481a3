"""The request log and the sync errors."""

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from people.db.models import DeferrableModel
from people.models import Person
from people.tenancy import TenantManager, TenantOwned
from people.values import Actor
from scim.models.connection import Connection
from scim.models.groups import ScimGroup
from scim.models.resources import ScimUser


class RequestLog(DeferrableModel, TenantOwned):
    """One SCIM request that wrote or was refused. Successful reads are not logged.

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
    # The user that it wrote, if known.
    user = models.ForeignKey(
        ScimUser, on_delete=models.SET_NULL, null=True, related_name="requests"
    )
    # The administrator who retried a stored request, as an actor.
    retried_by = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=8)
    path = models.TextField()
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField()
    # The error response, or the first error if only a part of the request was refused.
    answer = models.TextField(blank=True)
    ip = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["connection", "received_at"], name="request_log_recent"),
            # Few requests are refused, and the overview counts those of a day.
            models.Index(
                fields=["connection", "received_at"],
                name="request_log_refused",
                condition=models.Q(status__gte=400, retried_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"


OPEN = models.Q(resolved_at=None, dismissed_at=None)


class SyncErrorQuerySet(models.QuerySet["SyncError"]):
    def open(self) -> Self:
        return self.filter(OPEN)

    def dismiss(self, *, actor: Actor, because: str, is_invited_anyway: bool = False) -> int:
        """Dismiss the open rows, and return their number."""
        return self.open().update(
            dismissed_at=timezone.now(),
            dismissed_by=str(actor),
            dismissed_reason=because,
            is_invited_anyway=is_invited_anyway,
        )


SyncErrorManager = TenantManager.from_queryset(SyncErrorQuerySet)


class SyncError(TenantOwned):
    """A write of a user or group that was refused or applied in part, until it is resolved.

    There is one row for each resource and reason, with a count. A dismissal applies to the refused
    value: while `resolved_at` is empty, the same value is not listed again.
    """

    class Kind(models.TextChoices):
        USER = "User", "user"
        GROUP = "Group", "group"
        BULK = "Bulk", "bulk request"

    class Reason(models.TextChoices):
        CIRCULAR_MANAGER = "circular-manager", "Circular manager"
        INVALID_MANAGER = "invalid-manager", "Invalid manager"
        SELF_MANAGER = "self-manager", "Self manager"
        DUPLICATE_EMAIL = "duplicate-email", "Duplicate email"
        INVALID_NAME = "invalid-name", "Invalid name"
        INVALID_LOCATION_CHANGE = "invalid-location-change", "Invalid location change"
        INVALID_ROLE_ASSIGNMENT = "invalid-role-assignment", "Invalid role assignment"
        SEVERAL_ROLES = "several-roles", "Several roles"
        INCOMPLETE = "incomplete", "Missing required fields"
        LAST_OWNER = "last-owner", "Last Owner"
        LAST_ADMINISTRATOR = "last-administrator", "Last administrator"
        TERMINATED = "terminated", "Terminated"
        # The errors of RFC 7644 section 3.12, by scimType, otherwise by status.
        INVALID_SYNTAX = "invalid-syntax", "Invalid syntax"
        INVALID_VALUE = "invalid-value", "Invalid value"
        INVALID_PATH = "invalid-path", "Invalid path"
        INVALID_FILTER = "invalid-filter", "Invalid filter"
        NO_TARGET = "no-target", "Nothing at the path"
        MUTABILITY = "mutability", "Read-only attribute"
        UNIQUENESS = "uniqueness", "Already taken"
        TOO_MANY = "too-many", "Too many at once"
        NOT_FOUND = "not-found", "Unknown resource"
        CONFLICT = "conflict", "Conflict"
        PRECONDITION_FAILED = "precondition-failed", "Changed in between"
        PAYLOAD_TOO_LARGE = "payload-too-large", "Request too large"
        UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", "Unknown media type"
        REFUSED = "refused", "Refused"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sync_errors")
    reason = models.CharField(max_length=32, choices=Reason)
    message = models.TextField()
    resource_type = models.CharField(max_length=8, choices=Kind, default=Kind.USER)
    # The provider's name of the user or group: userName, externalId, displayName or SCIM id.
    # Blank if the request could not be read. The resource may not exist.
    user_name_key = models.CharField(max_length=512)
    user_name = models.CharField(max_length=255)
    user = models.ForeignKey(ScimUser, on_delete=models.SET_NULL, null=True, related_name="+")
    group = models.ForeignKey(ScimGroup, on_delete=models.SET_NULL, null=True, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    # The field of the person that the error is about, and the provider's value.
    field = models.CharField(max_length=32, blank=True)
    offending_value = models.TextField(blank=True)
    request = models.ForeignKey(RequestLog, on_delete=models.SET_NULL, null=True, related_name="+")
    # The number of refused requests, and the time of the last one.
    times = models.PositiveIntegerField(default=1)
    happened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    # When Ramp last processed the stored resource again by itself.
    retried_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.CharField(max_length=255, blank=True)
    dismissed_reason = models.CharField(max_length=500, blank=True)
    # The administrator invited the person although the manager is missing.
    is_invited_anyway = models.BooleanField(default=False)

    objects: ClassVar = SyncErrorManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "connection",
                "user_name_key",
                "reason",
                "resource_type",
                name="sync_error_one_open",
                condition=OPEN,
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "happened_at"], name="sync_error_pending", condition=OPEN
            ),
            models.Index(
                fields=["user_name_key", "connection"],
                name="sync_error_standing",
                condition=models.Q(resolved_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.message}"

    @property
    def who(self) -> str:
        """Name the user or group as the provider does."""
        kind = self.get_resource_type_display()
        if not self.user_name:
            return f"a {kind}" if self.resource_type == self.Kind.BULK else f"an unnamed {kind}"
        return self.user_name if self.resource_type == self.Kind.USER else f"group {self.user_name}"
