"""People who have something of everything, and everything that could change about them."""

from datetime import timedelta
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

ROLES = (Person.Role.CARDHOLDER, Person.Role.BOOKKEEPER, Person.Role.ADMIN)
TEAM = 10


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
    for first, role in enumerate(ROLES):
        _update(people[first :: len(ROLES)], role=role)
    _update(people[:1], manager=owner)
    for first in range(0, len(people), TEAM):
        _update(people[max(first, 1) : first + TEAM], manager=people[first // TEAM])
    invited = [one for one in people if one.state == Person.State.INVITED]
    Invite.objects.bulk_create(_invite(person) for person in invited)
    here = [one for one in people if one.state != Person.State.INVITED]
    Card.objects.bulk_create(offboarding.new_card(person) for person in here)
    Fund.objects.bulk_create(
        offboarding.new_fund(person, is_shared=number % 2 == 0)
        for number, person in enumerate(here[::5])
    )
    Grant.objects.bulk_create(_grant(person, auditor) for person in here[::5])
    for person in here[::20]:
        kind, state = OutstandingItem.Kind.REIMBURSEMENT, OutstandingItem.State.SUBMITTED
        item = offboarding.outstanding_item(person, kind, state)
        offboarding.waits(offboarding.step(person), item)


def _update(people: list[Person], **values: Any) -> None:
    Person.objects.filter(pk__in=[person.pk for person in people]).update(**values)


def _invite(person: Person) -> Invite:
    return Invite(
        tenant_id=person.tenant_id,
        person=person,
        source=Invite.Source.SCIM,
        created_at=MONDAY - timedelta(days=3),
        expires_at=MONDAY + timedelta(days=87),
    )


def _grant(person: Person, role: Role) -> Grant:
    return Grant(
        tenant_id=person.tenant_id,
        person=person,
        role=role,
        source="person:owner@example.com",
        since=MONDAY,
        confirmed_at=MONDAY,
    )
