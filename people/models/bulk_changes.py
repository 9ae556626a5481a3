"""Changes to many people at once, so that they can be confirmed or taken back together."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned

# How long a bulk change can be taken back.
UNDO_DAYS = 30
UNDECIDED = models.Q(needs_confirmation=True, confirmed_at=None, undone_at=None)


class BulkChangeQuerySet(models.QuerySet["BulkChange"]):
    def undecided(self) -> Self:
        """Keep those that nobody has confirmed or taken back although somebody has to."""
        return self.filter(UNDECIDED)


BulkChangeManager = TenantManager.from_queryset(BulkChangeQuerySet)


class BulkChange(TenantOwned):
    """What one click, or one connection within an hour, did to many."""

    class Kind(models.TextChoices):
        DEACTIVATED = "deactivated", "deactivated"
        REACTIVATED = "reactivated", "reactivated"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    actor = models.CharField(max_length=255)
    began_at = models.DateTimeField()
    # True where nobody asked for a bulk change: terminations wait until somebody confirms.
    needs_confirmation = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=255, blank=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=255, blank=True)

    objects: ClassVar = BulkChangeManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "began_at"], name="bulk_change_recent"),
            models.Index(fields=["tenant"], name="bulk_change_undecided", condition=UNDECIDED),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.kind} many at {self.began_at}"

    @property
    def is_undecided(self) -> bool:
        return self.needs_confirmation and not (self.confirmed_at or self.undone_at)

    @property
    def undoable_until(self) -> datetime:
        return self.began_at + timedelta(days=UNDO_DAYS)

    def may_be_undone(self, now: datetime) -> bool:
        """Tell whether it is not too late; what somebody has to decide on waits for them."""
        return not self.undone_at and (self.is_undecided or now < self.undoable_until)


class BulkChangeItemQuerySet(models.QuerySet["BulkChangeItem"]):
    def asked(self) -> Self:
        """Keep those whom somebody wants back as they were, and who are not yet."""
        return self.filter(outcome=BulkChangeItem.Outcome.ASKED)

    def pausing(self) -> Self:
        """Keep those who must not be terminated: somebody has to decide, or wants them back."""
        undecided = models.Q(
            outcome=BulkChangeItem.Outcome.CHANGED,
            change__needs_confirmation=True,
            change__confirmed_at=None,
        )
        return self.filter(
            undecided | models.Q(outcome=BulkChangeItem.Outcome.ASKED),
            change__kind=BulkChange.Kind.DEACTIVATED,
        )


BulkChangeItemManager = TenantManager.from_queryset(BulkChangeItemQuerySet)


class BulkChangeItem(TenantOwned):
    """One person of a bulk change, and what became of them since."""

    class Outcome(models.TextChoices):
        CHANGED = "", "changed"
        ASKED = "asked", "to be taken back"
        UNDONE = "undone", "taken back"
        KEPT = "kept", "kept, for they have changed since"

    change = models.ForeignKey(BulkChange, on_delete=models.CASCADE, related_name="items")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    # The number of the event that changed them: a later one of the kind is a later change.
    event_id = models.BigIntegerField()
    # What their row and their history do not tell: who was reactivated had been due to leave.
    before = models.JSONField(default=dict)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    # Why they were not taken back.
    skipped_reason = models.CharField(max_length=300, blank=True)

    objects: ClassVar = BulkChangeItemManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("change", "person", name="bulk_change_item_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], name="bulk_change_pending", condition=models.Q(outcome="asked")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} in {self.change}"
