"""People who have something of everything, and everything that could change about them."""

from datetime import timedelta
from itertools import cycle
from typing import Any

from people.models import (
    Approval,
    Card,
    Fund,
    Grant,
    Invite,
    OutstandingItem,
    Person,
    Role,
    ScheduledTermination,
    Step,
    Tenant,
)
from tests.support import offboarding
from tests.support.scim_bulk import MONDAY

# What a deactivation ends for good, and what tells that time has gone by.
BESIDES = ("session_epoch", "changed_at", "last_login")


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all that the people of the tenant are and hold."""
    models: tuple[Any, ...] = (
        *(
            Person,
            Card,
            Fund,
            Step,
            Approval,
            OutstandingItem,
            Grant,
            Invite,
            ScheduledTermination,
            Tenant,
        ),
    )
    return {
        model.__name__: [
            {key: value for key, value in row.items() if key not in BESIDES}
            for row in model.objects.order_by("pk").values()
        ]
        for model in models
    }


def furnish(people: list[Person], owner: Person) -> None:
    """Give them roles, cards, funds, managers, steps that something waits at, and invites."""
    auditor = Role.objects.create(tenant_id=owner.tenant_id, name="Auditor", name_key="auditor")
    roles = cycle([Person.Role.CARDHOLDER, Person.Role.BOOKKEEPER, Person.Role.ADMIN])
    for number, (person, role) in enumerate(zip(people, roles, strict=False)):
        person.role, person.manager = role, people[number // 10] if number else owner
        if person.state == Person.State.INVITED:
            Invite.objects.create(
                tenant_id=person.tenant_id,
                person=person,
                source=Invite.Source.SCIM,
                created_at=MONDAY - timedelta(days=3),
                expires_at=MONDAY + timedelta(days=87),
            )
            continue
        offboarding.card(person)
        if number % 5 == 0:
            offboarding.fund(person, is_shared=number % 2 == 0)
            Grant.objects.create(
                tenant_id=person.tenant_id,
                person=person,
                role=auditor,
                source="person:owner@example.com",
                since=MONDAY,
                confirmed_at=MONDAY,
            )
        if number % 20 == 0:
            kind, state = OutstandingItem.Kind.REIMBURSEMENT, OutstandingItem.State.SUBMITTED
            offboarding.waits(
                offboarding.step(person), offboarding.outstanding_item(person, kind, state)
            )
    Person.objects.bulk_update(people, ["role", "manager"])
