from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def not_revoked(self) -> Self:
        """Keep the tokens that are not revoked, including expired ones.

        The deactivation of the person revokes a token, because it increases the session epoch.
        """
        return self.filter(
            revoked_at=None,
            tenant__is_active=True,
            person__state=Person.State.ACTIVE,
            person__session_epoch=models.F("session_epoch"),
        )

    def active(self) -> Self:
        """Keep the tokens that are valid now."""
        return self.not_revoked().filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


ApiTokenManager = TenantManager.from_queryset(ApiTokenQuerySet)


class Scope(models.TextChoices):
    """What a token may do, within the permissions of its person."""

    READ_PEOPLE = "people:read", "Read people, what needs attention, cards and funds"
    MANAGE_PEOPLE = "people:manage", "Deactivate and reactivate people"
    READ_AUDIT_LOG = "audit:read", "Read the audit log"
    AUTHORIZE_SPEND = "spend:authorize", "Authorize purchases, and read cards and funds"
    MANAGE_SIGNALS = "signals:manage", "Manage signal streams, and receive their security events"


class ApiToken(TenantOwned):
    """A token for programs. It acts as the person who created it, within its scopes.

    Only its digest is stored.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # The last four characters, by which people recognize a token in the list.
    hint = models.CharField(max_length=4, editable=False)
    # The person's session epoch when it was created; it is invalid once that has changed.
    session_epoch = models.PositiveIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # None for tokens that were created before Ramp had expiry dates.
    expires_at = models.DateTimeField(null=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar = ApiTokenManager()

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"

    @property
    def scope_labels(self) -> list[str]:
        return [scope.label for scope in Scope if scope in self.scopes]

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
