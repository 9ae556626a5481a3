"""Outstanding items, and the workflows that approve them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import Max

from people import events, tenancy
from people.db.constraints import constraint_of
from people.models import Approval, Event, OutstandingItem, Person, Step, Workflow
from people.operations.locks import lock, lock_all
from people.operations.offboarding.handover_plan import currency_of
from people.operations.organization import DuplicateName
from people.operations.people import Terminated
from people.values import Actor, PeopleError


class ApproverInactive(PeopleError):
    code = "approver-inactive"

    def __init__(self, person: Person, field: str | None) -> None:
        super().__init__(f"{person.display_name} is not active and cannot approve anything.")
        self.field = field


class StepInUse(PeopleError):
    code = "step-in-use"

    def __init__(self, step: Step, field: str | None) -> None:
        super().__init__("This step has approvals. Choose another approver instead of removing it.")
        self.field = field


class WorkflowEmpty(PeopleError):
    code = "workflow-empty"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}” has no steps. Add an approver first.")


class InvalidState(PeopleError):
    code = "invalid-state"
    field = "state"

    def __init__(self, outstanding_item: OutstandingItem) -> None:
        states = [
            f"“{one.label}”"
            for one in OutstandingItem.STATES[OutstandingItem.Kind(outstanding_item.kind)]
        ]
        super().__init__(
            f"A {outstanding_item.get_kind_display().lower()} cannot be "
            f"“{outstanding_item.get_state_display()}”. "
            f"Choose {', '.join(states[:-1])} or {states[-1]}."
        )


@dataclass(frozen=True)
class StepChoice:
    """The approver of an existing or a new step. Without an approver, the step is removed."""

    step: Step | None
    approver: Person | None
    # The form field, for the `field` of errors.
    field: str | None = None


@transaction.atomic
def save_workflow(workflow: Workflow, choices: Sequence[StepChoice], *, actor: Actor) -> None:
    """Store a new or changed workflow with its steps.

    :raises DuplicateName: if the tenant has another one with this name.
    :raises ApproverInactive: if a new approver is not active.
    :raises StepInUse: if a removed step has approvals.
    """
    is_new = workflow.pk is None
    before = [] if is_new else _approvers(workflow)
    # Locked, so that nobody is terminated at the same time and remains an approver.
    people = lock_all(str(one.approver.pk) for one in choices if one.approver)
    choices = [
        replace(one, approver=people[str(one.approver.pk)]) if one.approver else one
        for one in choices
    ]
    # The form has checked it before, without locks.
    check_workflow(workflow, choices)
    workflow.tenant_id = tenancy.current_id()
    try:
        # The savepoint keeps the transaction usable after a refused insert.
        with transaction.atomic():
            workflow.save()
    except IntegrityError as error:
        if constraint_of(error) != "workflow_name_taken":
            raise
        raise DuplicateName(workflow.name) from error
    _save_steps(workflow, choices)
    after = _approvers(workflow)
    what = f"{'added' if is_new else 'changed'} the workflow “{workflow}”"
    events.record(
        Event.Kind.WORKFLOW_CHANGED, None, actor=actor, what=what, before=before, after=after
    )


def check_workflow(workflow: Workflow, choices: Sequence[StepChoice]) -> None:
    """Check that the workflow can be stored.

    :raises PeopleError: as `save_workflow`.
    """
    others = Workflow.objects.filter(name__iexact=workflow.name).exclude(pk=workflow.pk)
    if others.exists():
        raise DuplicateName(workflow.name)
    for choice in choices:
        step, approver = choice.step, choice.approver
        if step and approver is None and step.approvals.exists():
            raise StepInUse(step, choice.field)
        is_new = approver and (step is None or step.approver_id != approver.pk)
        if approver and is_new and approver.state != Person.State.ACTIVE:
            raise ApproverInactive(approver, choice.field)


def _save_steps(workflow: Workflow, choices: Sequence[StepChoice]) -> None:
    for choice in choices:
        step, approver = choice.step, choice.approver
        if approver is None:
            if step:
                step.delete()
        elif step:
            step.approver = approver
            step.save(update_fields=["approver"])
        else:
            last = workflow.steps.aggregate(last=Max("place"))["last"] or 0
            workflow.steps.create(tenant_id=workflow.tenant_id, place=last + 1, approver=approver)
    # Close the gaps that removed steps leave. In ascending order, so that each place is free when a
    # step moves to it.
    for place, step in enumerate(workflow.steps.order_by("place"), 1):
        if step.place != place:
            step.place = place
            step.save(update_fields=["place"])


def _approvers(workflow: Workflow) -> list[str]:
    steps = workflow.steps.order_by("place").select_related("approver")
    return [step.approver.full_name for step in steps]


@transaction.atomic
def record_outstanding_item(outstanding_item: OutstandingItem, *, actor: Actor) -> OutstandingItem:
    """Store a new outstanding item, in the currency of the person's entity.

    :raises InvalidState: if an item of this kind cannot have the state.
    :raises Terminated: if the person was terminated.
    """
    check_state(outstanding_item)
    person = outstanding_item.person
    lock(person)
    if person.state == Person.State.TERMINATED:
        raise Terminated(person)
    outstanding_item.tenant_id, outstanding_item.currency = person.tenant_id, currency_of(person)
    outstanding_item.save(force_insert=True)
    what = (
        f"added the {outstanding_item.kind} “{outstanding_item.description}” of {person.full_name}"
    )
    events.record(
        Event.Kind.SPEND_CHANGED, person, actor=actor, what=what, id=str(outstanding_item.pk)
    )
    return outstanding_item


@transaction.atomic
def settle_outstanding_item(outstanding_item: OutstandingItem, *, actor: Actor) -> bool:
    """Store the new state of the item; return False if it has not changed.

    :raises InvalidState: if an item of this kind cannot have the state.
    """
    check_state(outstanding_item)
    stored = OutstandingItem.objects.select_for_update().get(pk=outstanding_item.pk)
    if stored.state == outstanding_item.state:
        return False
    outstanding_item.save(update_fields=["state"])
    person = outstanding_item.person
    what = (
        f"set the {outstanding_item.kind} “{outstanding_item.description}” of {person.full_name} "
        f"to “{outstanding_item.get_state_display()}”"
    )
    events.record(
        Event.Kind.SPEND_CHANGED, person, actor=actor, what=what, id=str(outstanding_item.pk)
    )
    return True


@transaction.atomic
def request_approval(outstanding_item: OutstandingItem, workflow: Workflow) -> Approval:
    """Request the approval of the outstanding item from the first approver of the workflow.

    :raises WorkflowEmpty: if the workflow has no steps.
    """
    # Locked, so that the step is not removed at the same time.
    first = workflow.steps.order_by("place").select_for_update(of=("self",)).first()
    if first is None:
        raise WorkflowEmpty(workflow.name)
    return Approval.objects.create(
        tenant_id=workflow.tenant_id, step=first, outstanding_item=outstanding_item
    )


def check_state(outstanding_item: OutstandingItem) -> None:
    """Check that an item of this kind can have its state.

    :raises InvalidState: if it cannot.
    """
    if (
        outstanding_item.state
        not in OutstandingItem.STATES[OutstandingItem.Kind(outstanding_item.kind)]
    ):
        raise InvalidState(outstanding_item)
