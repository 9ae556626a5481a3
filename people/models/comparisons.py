"""Comparisons of a list of people, from HR or an identity provider, with the people in Ramp."""

from datetime import timedelta
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.models.bulk_changes import UNDO_DAYS, BulkChange
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned

# A comparison contains personal data. It is deleted when its bulk change can no longer be undone.
KEPT_FOR = timedelta(days=UNDO_DAYS)


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def at_work(self) -> Self:
        """Keep those that a job has to continue."""
        return self.filter(state__in=Comparison.WORKING)


ComparisonManager = TenantManager.from_queryset(ComparisonQuerySet)


class Comparison(TenantOwned):
    """An uploaded list, how its columns are read, and how far the comparison has come."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Columns not confirmed"
        COMPARING = "comparing", "Comparing"
        COMPARED = "compared", "Ready for review"
        CHECKING = "checking", "Checking the selection"
        APPLYING = "applying", "Applying the selection"
        INVITING = "inviting", "Sending invites"
        # A row could not be applied, so the rows before it are undone.
        REVERTING = "reverting", "Undoing what was applied"
        STOPPED = "stopped", "Not applied"
        APPLIED = "applied", "Applied"

    class Key(models.TextChoices):
        """The value that tells which person a row is about."""

        EMAIL = "email", "Email address"
        USER_NAME = "user_name", "userName at the identity provider"
        EXTERNAL_ID = "external_id", "External ID at the identity provider"

    WORKING: ClassVar = (
        State.COMPARING,
        State.CHECKING,
        State.APPLYING,
        State.INVITING,
        State.REVERTING,
    )

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.UPLOADED)
    file_name = models.CharField(max_length=200)
    # As it was uploaded, because the encoding is a guess that the administrator may correct.
    content = models.BinaryField()
    encoding = models.CharField(max_length=20)
    separator = models.CharField(max_length=1)
    # What each column of the file contains, by its index: {"0": "email", "3": "custom.team"}.
    columns = models.JSONField(default=dict)
    key = models.CharField(max_length=16, choices=Key, default=Key.EMAIL)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    applied_by = models.CharField(max_length=255, blank=True)
    # The progress of the present step.
    done_count = models.PositiveIntegerField(default=0)
    total_count = models.PositiveIntegerField(default=0)
    # How many rows match their person, and how many active people Ramp has.
    unchanged_count = models.PositiveIntegerField(default=0)
    here_count = models.PositiveIntegerField(default=0)
    # The last person checked in the search for people who are not in the list.
    searched_until = models.UUIDField(null=True)
    change = models.ForeignKey(
        BulkChange, on_delete=models.SET_NULL, null=True, related_name="comparisons"
    )

    objects: ClassVar = ComparisonManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "created_at"], name="comparison_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.get_state_display()})"

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING

    @property
    def is_applied(self) -> bool:
        return self.state == self.State.APPLIED

    @property
    def may_be_applied(self) -> bool:
        return self.state in (self.State.COMPARED, self.State.STOPPED)


class ComparisonRow(TenantOwned):
    """A row of the list that differs from Ramp, or a person who is not in the list."""

    class Kind(models.TextChoices):
        NEW = "new", "New"
        DIFFERENT = "different", "Different"
        GONE = "gone", "Gone"
        UNREADABLE = "unreadable", "Unreadable"

    class Outcome(models.TextChoices):
        NONE = "", "not applied"
        CHECKED = "checked", "can be applied"
        REFUSED = "refused", "cannot be applied"
        APPLIED = "applied", "applied"
        INVITED = "invited", "applied, and the invite was sent"

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="rows")
    kind = models.CharField(max_length=16, choices=Kind)
    # The row of the file; the header is row 1. NULL for people who are not in the file.
    number = models.PositiveIntegerField(null=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    # The identifying value of the file, normalized.
    key = models.CharField(max_length=512, blank=True)
    name = models.CharField(max_length=500, blank=True)
    email = models.CharField(max_length=512, blank=True)
    # The values of the file, by field.
    values = models.JSONField(default=dict)
    # See `operations.comparison.differences.Difference`.
    differences = models.JSONField(default=list)
    # For an unreadable row: the reason in one word, and in a sentence.
    reason = models.CharField(max_length=32, blank=True)
    explanation = models.CharField(max_length=500, blank=True)
    # The key of the manager, if the manager is a new person of the same list.
    manager_key = models.CharField(max_length=512, blank=True)
    # The number of new managers above a new person, who have to be added before.
    depth = models.PositiveIntegerField(default=0)
    # Why the row cannot be selected; blank if it can.
    blocked_because = models.CharField(max_length=500, blank=True)
    is_selected = models.BooleanField(default=False)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    # Why the row could not be applied.
    problem = models.CharField(max_length=500, blank=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["comparison", "kind", "depth", "id"], name="comparison_row_list"),
            models.Index(fields=["comparison", "key"], name="comparison_row_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name or self.email}"
