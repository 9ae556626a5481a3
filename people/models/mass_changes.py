"""Changes to many people at once, so that they can be confirmed or taken back together."""

from typing import ClassVar
from uuid import uuid4

from django.db import models

from people.models.person import Person
from people.tenancy import TenantOwned


class MassChange(TenantOwned):
    """What one click, or one connection within an hour, did to many."""

    class Kind(models.TextChoices):
        DEACTIVATED = "deactivated", "deactivated"
        REACTIVATED = "reactivated", "reactivated"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    actor = models.CharField(max_length=255)
    began_at = models.DateTimeField()
    # True where nobody asked for a mass change: terminations wait until somebody confirms.
    is_suspicious = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=255, blank=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=255, blank=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "began_at"], name="mass_change_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.kind} many at {self.began_at}"


class MassChangeItem(TenantOwned):
    """One person of a mass change, and how they were before and after it."""

    change = models.ForeignKey(MassChange, on_delete=models.CASCADE, related_name="items")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    # The number of the event that changed them: a later one of the kind is a later change.
    event_id = models.BigIntegerField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("change", "person", name="mass_change_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person} in {self.change}"
