"""People who have left via SCIM, what they still have, and the job that comes by."""

from datetime import datetime, timedelta
from typing import Any

from people import tenancy
from people.models import (
    Approval,
    BulkChange,
    BulkChangeItem,
    Fund,
    OutstandingItem,
    Person,
    Step,
    Tenant,
    Workflow,
)
from people.operations.offboarding import auto_termination, job
from people.operations.people import deactivate_person
from people.values import Actor
from tests.factories import core

OKTA = Actor("scim", "okta")


def switch(days: int | None) -> None:
    """Switch auto-termination on or off for the tenant in force."""
    tenant = Tenant.objects.get(pk=tenancy.current_id())
    auto_termination.set_auto_termination(tenant, days, actor=Actor("command", "test"))


def gone(actor: Actor = OKTA, **fields: Any) -> Person:
    """Make somebody, and have them deactivated."""
    person = core.person(**fields)
    deactivate_person(person, actor=actor)
    return person


def tick(as_of: datetime) -> int:
    """Let the job come by as a worker does, with no tenant in force."""
    with tenancy.across_tenants():
        return job.terminate_due(as_of=as_of)


def after(person: Person, **ago: float) -> datetime:
    """Return the instant so long after the person was deactivated."""
    assert person.deactivated_at
    return person.deactivated_at + timedelta(**ago)


def is_terminated(person: Person) -> bool:
    return bool(Person.objects.get(pk=person.pk).state == Person.State.TERMINATED)


def outstanding_item(person: Person, kind: str, state: str) -> OutstandingItem:
    return OutstandingItem.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        kind=kind,
        state=state,
        amount=1250,
        currency="EUR",
        description="Lunch",
    )


def step(approver: Person) -> Step:
    workflow = Workflow.objects.create(
        tenant_id=approver.tenant_id, name=f"Workflow {core.number()}"
    )
    return Step.objects.create(
        tenant_id=approver.tenant_id, workflow=workflow, place=1, approver=approver
    )


def approval(approver: Person, whose: OutstandingItem) -> Approval:
    return Approval.objects.create(
        tenant_id=approver.tenant_id, step=step(approver), outstanding_item=whose
    )


def shared_fund(owner: Person, **fields: Any) -> Fund:
    usual = {"name": "Team lunch", "currency": "EUR", "is_shared": True, "balance": 0}
    return Fund.objects.create(tenant_id=owner.tenant_id, owner=owner, **usual | fields)


def bulk_change(*people: Person, **fields: Any) -> BulkChange:
    """Make a suspicious one that nobody has looked at yet."""
    usual = {"kind": BulkChange.Kind.DEACTIVATED, "actor": "scim:okta", "needs_confirmation": True}
    tenant_id, began_at = people[0].tenant_id, people[0].deactivated_at
    assert began_at
    change = BulkChange.objects.create(tenant_id=tenant_id, began_at=began_at, **usual | fields)
    for person in people:
        BulkChangeItem.objects.create(tenant_id=tenant_id, change=change, person=person, event_id=1)
    return change
