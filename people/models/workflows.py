"""Approval workflows, their steps, and approvals."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from people.models.delegations import Delegation
from people.models.person import Person
from people.models.spend import OutstandingItem
from people.tenancy import TenantManager, TenantOwned


class Workflow(TenantOwned):
    name = models.CharField(max_length=100)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name", name="workflow_name_taken"),
        ]

    def __str__(self) -> str:
        return self.name


class Step(TenantOwned):
    """A step of a workflow, with one approver."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="steps")
    # Counts from 1 without gaps, see `save_workflow`.
    place = models.PositiveSmallIntegerField()
    approver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="steps")

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("workflow", "place", name="step_place_taken"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow}, step {self.place}"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def open_to(self, person: Person, *, at: datetime) -> Self:
        """Keep the approvals of the person's steps, and of the people whose delegate they are."""
        absent = Delegation.objects.in_effect(at).filter(delegate=person).values("person")
        own = models.Q(step__approver=person)
        return self.filter(own | models.Q(step__approver__in=absent))


ApprovalManager = TenantManager.from_queryset(ApprovalQuerySet)


class Approval(TenantOwned):
    """The approval of an outstanding item at a step, pending or decided."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="approvals")
    outstanding_item = models.ForeignKey(
        OutstandingItem, on_delete=models.PROTECT, related_name="approvals"
    )
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    decided_by = models.CharField(max_length=255, blank=True)
    decided_at = models.DateTimeField(null=True)
    # Why it was declined.
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")

    objects: ClassVar = ApprovalManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["step"],
                name="approval_pending",
                condition=models.Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outstanding_item} at {self.step}"
