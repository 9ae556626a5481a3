"""Bulk changes: many people at once, which can be confirmed or undone together."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned

# How long a bulk change can be undone.
UNDO_DAYS = 30
UNDECIDED = models.Q(needs_confirmation=True, confirmed_at=None, undone_at=None)


class BulkChangeQuerySet(models.QuerySet["BulkChange"]):
    def applied(self) -> Self:
        """Leave out the drafts of bulk edits."""
        return self.filter(is_draft=False)

    def undecided(self) -> Self:
        """Keep those that an administrator has to confirm or undo, and has not yet."""
        return self.filter(UNDECIDED)


BulkChangeManager = TenantManager.from_queryset(BulkChangeQuerySet)


class BulkChange(TenantOwned):
    """Many people, changed by one click or list, or by one connection within an hour."""

    class Kind(models.TextChoices):
        DEACTIVATED = "deactivated", "deactivated"
        REACTIVATED = "reactivated", "reactivated"
        EDITED = "edited", "edited"
        # Added, changed and deactivated people; see `Comparison`.
        LIST = "list", "changed from a list"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    actor = models.CharField(max_length=255)
    began_at = models.DateTimeField()
    # True for alerts: terminations wait until somebody confirms.
    needs_confirmation = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=255, blank=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=255, blank=True)
    # True until the administrator applies the bulk edit. A draft has only selected people.
    is_draft = models.BooleanField(default=False, db_default=False)
    # The new values of a bulk edit: {"department": "5", "manager": ""}, with keys of rows.
    values = models.JSONField(null=True)

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
        """Tell whether it can be undone. An unconfirmed alert never becomes too old for that."""
        return not self.undone_at and (self.is_undecided or now < self.undoable_until)


class BulkChangeItemQuerySet(models.QuerySet["BulkChangeItem"]):
    def pending(self) -> Self:
        """Keep the items that a job still has to undo or, in a bulk edit, to apply."""
        return self.filter(outcome=BulkChangeItem.Outcome.PENDING)

    def pausing(self) -> Self:
        """Keep the items whose person must not be terminated, because of an alert or an undo."""
        undecided = models.Q(
            outcome=BulkChangeItem.Outcome.CHANGED,
            change__needs_confirmation=True,
            change__confirmed_at=None,
        )
        return self.filter(
            undecided | models.Q(outcome=BulkChangeItem.Outcome.PENDING),
            change__kind=BulkChange.Kind.DEACTIVATED,
        )


BulkChangeItemManager = TenantManager.from_queryset(BulkChangeItemQuerySet)


class BulkChangeItem(TenantOwned):
    """One person of a bulk change, and whether it was undone for them."""

    class Outcome(models.TextChoices):
        # Selected for a bulk edit that is still a draft.
        SELECTED = "draft", "selected"
        SKIPPED = "skipped", "not changed"
        CHANGED = "", "changed"
        # To be undone if `BulkChange.undone_at` is set, otherwise to be changed.
        PENDING = "asked", "pending"
        UNDONE = "undone", "undone"
        KEPT = "kept", "not undone"

    change = models.ForeignKey(BulkChange, on_delete=models.CASCADE, related_name="items")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    # The event of the change. A later event of the same kinds is a later change. 0 in bulk edits.
    event_id = models.BigIntegerField()
    # For the undo: the values that a reactivation deleted, such as a scheduled termination, or the
    # old and the new keys of a bulk edit: {"department": ["3", "5"]}. In a bulk change from a list:
    # {"action": "added"}, "revised" or "deactivated".
    before = models.JSONField(default=dict)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    # Why they, or some of their fields, were not changed, or why the change was not undone.
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
