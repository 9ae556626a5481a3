"""What people owe or are owed, and who has to approve it."""

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
    """Who approves at a step that there is, or at a new one; nobody drops the step."""

    step: Step | None
    approver: Person | None
    # Where a form asked, for the refusal.
    field: str | None = None


@transaction.atomic
def save_workflow(workflow: Workflow, choices: Sequence[StepChoice], *, actor: Actor) -> None:
    """Store the workflow with its steps as they now read, new or changed.

    :raises DuplicateName: if the tenant has another one by this name.
    :raises ApproverInactive: if somebody who cannot approve was chosen.
    :raises StepInUse: if a step was dropped that something waits or waited at.
    """
    is_new = workflow.pk is None
    before = [] if is_new else _approvers(workflow)
    # Held, so that nobody is terminated beside this and stays an approver.
    people = lock_all(str(one.approver.pk) for one in choices if one.approver)
    choices = [
        replace(one, approver=people[str(one.approver.pk)]) if one.approver else one
        for one in choices
    ]
    check_workflow(workflow, choices)
    workflow.tenant_id = tenancy.current_id()
    try:
        with transaction.atomic():
            workflow.save()
    except IntegrityError as error:
        if constraint_of(error) != "workflow_name_taken":
            raise
        raise DuplicateName(workflow.name) from error
    for choice in choices:
        _put(workflow, choice)
    _close_gaps(workflow)
    after = _approvers(workflow)
    what = f"{'added' if is_new else 'changed'} the workflow “{workflow}”"
    events.record(
        Event.Kind.WORKFLOW_CHANGED, None, actor=actor, what=what, before=before, after=after
    )


def check_workflow(workflow: Workflow, choices: Sequence[StepChoice]) -> None:
    """See that the workflow may be stored so.

    :raises PeopleError: those of `save_workflow`.
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


def _put(workflow: Workflow, choice: StepChoice) -> None:
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


def _close_gaps(workflow: Workflow) -> None:
    # From the first on, so that the place is always free.
    for place, step in enumerate(workflow.steps.order_by("place"), 1):
        if step.place != place:
            step.place = place
            step.save(update_fields=["place"])


def _approvers(workflow: Workflow) -> list[str]:
    steps = workflow.steps.order_by("place").select_related("approver")
    return [step.approver.full_name for step in steps]


@transaction.atomic
def record_outstanding_item(outstanding_item: OutstandingItem, *, actor: Actor) -> OutstandingItem:
    """Store something that a person owes or is owed, in the currency of their entity.

    :raises InvalidState: if what it is never is in that state.
    :raises Terminated: if the person left for good.
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
    """Store the state that it now has, and tell whether that is news.

    :raises InvalidState: if what it is never is in that state.
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
def ask_approval(outstanding_item: OutstandingItem, workflow: Workflow) -> Approval:
    """Have the outstanding item wait for the first approver of the workflow.

    :raises WorkflowEmpty: if it has no steps.
    """
    first = workflow.steps.order_by("place").select_for_update(of=("self",)).first()
    if first is None:
        raise WorkflowEmpty(workflow.name)
    return Approval.objects.create(
        tenant_id=workflow.tenant_id, step=first, outstanding_item=outstanding_item
    )


def check_state(outstanding_item: OutstandingItem) -> None:
    """See that something of this kind may be in its state.

    :raises InvalidState: if it never is.
    """
    if (
        outstanding_item.state
        not in OutstandingItem.STATES[OutstandingItem.Kind(outstanding_item.kind)]
    ):
        raise InvalidState(outstanding_item)
