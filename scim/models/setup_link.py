from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from people.tenancy import TenantManager, TenantOwned
from scim.models.connection import Connection


class SetupLinkQuerySet(models.QuerySet["SetupLink"]):
    def usable(self) -> Self:
        """Keep the links that open the setup steps now."""
        return self.filter(
            revoked_at=None,
            expires_at__gt=timezone.now(),
            connection__activated_at=None,
            connection__disconnected_at=None,
            tenant__is_active=True,
        )


SetupLinkManager = TenantManager.from_queryset(SetupLinkQuerySet)


class SetupLink(TenantOwned):
    """A link to the setup steps for a colleague in IT, who needs no account in Ramp.

    Whoever has the link may create the token of the connection once.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="setup_links")
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    token_created_at = models.DateTimeField(null=True)
    # The name that the colleague entered.
    token_created_by = models.CharField(max_length=100, blank=True)

    objects: ClassVar = SetupLinkManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "connection", name="setup_link_one_unrevoked", condition=Q(revoked_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"Setup link of {self.connection}"
