"""Scheduled terminations, with postponements, exemptions and handover plans."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from people.db.models import DeferrableModel
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class ScheduledTerminationQuerySet(models.QuerySet["ScheduledTermination"]):
    def due(self, now: datetime) -> Self:
        return self.filter(due_at__lte=now, exempted_at=None).order_by("due_at")


ScheduledTerminationManager = TenantManager.from_queryset(ScheduledTerminationQuerySet)


class ScheduledTermination(DeferrableModel, TenantOwned):
    """The planned termination of a person who was deactivated via SCIM.

    It is created with the deactivation, and deleted with the reactivation or the termination.
    """

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, related_name="scheduled_termination"
    )
    due_at = models.DateTimeField()
    # The original due date and the reason, if it was postponed.
    postponed_from = models.DateTimeField(null=True)
    postponed_reason = models.CharField(max_length=500, blank=True)
    exempted_at = models.DateTimeField(null=True)
    exempted_by = models.CharField(max_length=255, blank=True)
    exempted_reason = models.CharField(max_length=500, blank=True)
    # A HandoverPlan as JSON; without one, the default handover applies. The column keeps its older
    # name, because the previous version still runs during an update.
    handover_plan = models.JSONField(null=True, db_column="disposition")
    # Why the last attempt of the job failed; blank if it did not.
    problem = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = ScheduledTerminationManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            # The job reads due rows by this index, so its duration depends on their number only.
            models.Index(
                fields=["due_at"],
                name="scheduled_termination_due",
                condition=models.Q(exempted_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} on {self.due_at:%Y-%m-%d}"
