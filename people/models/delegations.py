"""Who decides approvals for a person who is away."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def not_over(self, at: datetime) -> Self:
        """Keep the delegations that apply at the time or later."""
        return self.filter(ends_at__gt=at)

    def in_effect(self, at: datetime) -> Self:
        """Keep the delegations that apply at the time.

        The states are read with each request: a delegate who was deactivated decides nothing, also
        before the delegation is deleted.
        """
        active = Person.State.ACTIVE
        begun = self.not_over(at).filter(starts_at__lte=at)
        return begun.filter(person__state=active, delegate__state=active)


DelegationManager = TenantManager.from_queryset(DelegationQuerySet)


class Delegation(TenantOwned):
    """A period in which the approvals of a person also wait for a delegate.

    A person has one at most. It is deleted when it is ended early or changed; the events keep the
    history.
    """

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="delegation")
    delegate = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="received_delegations"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    objects: ClassVar = DelegationManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                name="delegation_has_a_period",
                condition=models.Q(ends_at__gt=models.F("starts_at")),
            ),
            models.CheckConstraint(
                name="delegation_to_somebody_else",
                condition=~models.Q(delegate=models.F("person")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} to {self.delegate}"
