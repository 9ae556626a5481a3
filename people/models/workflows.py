"""Approval workflows, their steps, and approvals."""

from typing import ClassVar

from django.db import models

from people.models.person import Person
from people.models.spend import OutstandingItem
from people.tenancy import TenantOwned


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
