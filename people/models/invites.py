from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.db.models import DeferrableModel
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class InviteQuerySet(models.QuerySet["Invite"]):
    def open(self) -> Self:
        """Keep the invites that were neither accepted nor revoked, including expired ones."""
        return self.filter(accepted_at=None, revoked_at=None)


InviteManager = TenantManager.from_queryset(InviteQuerySet)


class Invite(DeferrableModel, TenantOwned):
    """An invitation to join. A person has at most one open invite."""

    class Source(models.TextChoices):
        SCIM = "scim", "SCIM"
        HAND = "hand", "by hand"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="invites")
    source = models.CharField(max_length=8, choices=Source)
    # Why the invite is on hold; blank if it is not.
    hold_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar = InviteManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            # Closed invites stay for the history, and lists only show open ones.
            models.Index(
                fields=["tenant", "created_at"],
                name="invite_pending",
                condition=models.Q(accepted_at=None, revoked_at=None),
            ),
            # Every page shows how many have expired, among all the others that are open.
            models.Index(
                fields=["tenant", "expires_at"],
                name="invite_expiry",
                condition=models.Q(accepted_at=None, revoked_at=None),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "person",
                name="invite_one_open",
                condition=models.Q(accepted_at=None, revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"Invite for {self.person}"
