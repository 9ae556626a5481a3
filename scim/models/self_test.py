from typing import ClassVar
from uuid import uuid4

from django.db import models

from people.tenancy import TenantOwned
from scim.models.connection import Connection


class SelfTest(TenantOwned):
    """One run of a provider's requests against our own public address."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    provider = models.CharField(max_length=16, choices=Connection.Provider)
    # The published suite, see `tools.suites`; blank for the provider's usual requests.
    suite = models.CharField(max_length=32, blank=True, default="", db_default="")
    started_by = models.CharField(max_length=255)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # The steps in order, each with its request, the expected response and the actual one.
    steps = models.JSONField(default=list)
    # Why the test stopped early, if it did.
    problem = models.TextField(blank=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "started_at"], name="self_test_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} at {self.started_at}"
