"""Approves and declines what waits for an approver, or for the delegate of an absent one."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import Approval, Delegation, Event, OutstandingItem, Person, Step
from people.operations.locks import lock_all
from people.values import Actor, PeopleError

State = OutstandingItem.State


class NotApprover(PeopleError):
    code = "not-approver"

    def __init__(self) -> None:
        super().__init__(
            "You are neither the approver of this step nor their delegate. The approver or the "
            "delegation has changed."
        )


class OwnRequest(PeopleError):
    code = "own-request"

    def __init__(self, requester: Person, *, is_own: bool) -> None:
        what = (
            "This is your own request"
            if is_own
            else f"{requester.full_name} made this request, and you are their delegate"
        )
        super().__init__(
            f"{what}, so somebody else must decide it. Ask an administrator to choose another "
            "approver in the workflow."
        )


class AlreadyDecided(PeopleError):
    code = "already-decided"

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"This was {approval.get_state_display().lower()} already.")


class ReasonMissing(PeopleError):
    code = "reason-missing"
    field = "reason"

    def __init__(self) -> None:
        super().__init__("Enter the reason. The person who made the request sees it.")


@dataclass(frozen=True)
class _Open:
    """A pending approval, locked with its step and its item."""

    approval: Approval
    item: OutstandingItem
    # The steps after this one.
    later: list[Step]
    # Set if the actor decides as a delegate.
    delegation: Delegation | None


@transaction.atomic
def approve(approval: Approval, *, actor: Actor) -> None:
    """Approve the item at this step, and request the approval of the next step, if there is one.

    After the last step, a reimbursement is approved. Bills and transactions keep their state.

    :raises NotApprover: if the actor neither is the approver nor decides for them now.
    :raises OwnRequest: if it is the actor's own item, or that of the person they decide for.
    :raises AlreadyDecided: if it is not pending any more.
    """
    open_ = _lock(approval, actor)
    _decide(open_, Approval.State.APPROVED, actor=actor)
    # The item may have been settled or dropped without its approval.
    if open_.item.state not in OutstandingItem.OUTSTANDING:
        return
    if open_.later:
        Approval.objects.create(
            tenant_id=approval.tenant_id, step=open_.later[0], outstanding_item=open_.item
        )
    elif open_.item.state == State.SUBMITTED:
        open_.item.state = State.APPROVED
        open_.item.save(update_fields=["state"])


@transaction.atomic
def decline(approval: Approval, reason: str, *, actor: Actor) -> None:
    """Decline the item. A reimbursement is dropped; bills and transactions keep their state.

    :raises ReasonMissing: if the reason is blank.
    :raises NotApprover, OwnRequest, AlreadyDecided: as `approve`.
    """
    if not reason.strip():
        raise ReasonMissing
    open_ = _lock(approval, actor)
    _decide(open_, Approval.State.REJECTED, actor=actor, reason=reason.strip())
    if open_.item.state == State.SUBMITTED:
        open_.item.state = State.DROPPED
        open_.item.save(update_fields=["state"])


def refusal_for(approval: Approval, person: Person) -> PeopleError | None:
    """Return why the person may not decide the approval at this moment, for pages."""
    try:
        _check(approval, approval.outstanding_item, approval.step, person)
    except PeopleError as error:
        return error
    return None


def _lock(approval: Approval, actor: Actor) -> _Open:
    """Lock the decider, the steps, the item and the approval, in the order of a termination."""
    decider = lock_all([str(actor.person_id)]).get(str(actor.person_id))
    steps = Step.objects.filter(workflow=approval.step.workflow_id, place__gte=approval.step.place)
    # Locked, so that their approvers do not change and no step is removed at the same time.
    this, *later = (
        steps.select_related("workflow", "approver")
        .select_for_update(of=("self",), no_key=True)
        .order_by("place")
    )
    items = OutstandingItem.objects.select_related("person")
    item = items.select_for_update(of=("self",), no_key=True).get(pk=approval.outstanding_item_id)
    locked = Approval.objects.select_for_update(no_key=True).get(pk=approval.pk)
    delegation = _check(locked, item, this, decider)
    return _Open(locked, item, later, delegation)


def _check(
    approval: Approval, item: OutstandingItem, step: Step, decider: Person | None
) -> Delegation | None:
    """Check that the person may decide; return the delegation if they do so for another."""
    now = timezone.now()
    if decider is None or decider.state != Person.State.ACTIVE:
        raise NotApprover
    delegation: Delegation | None = None
    if step.approver_id != decider.pk:
        in_effect = Delegation.objects.in_effect(now).filter(person=step.approver, delegate=decider)
        delegation = in_effect.select_related("person").first()
        if delegation is None:
            raise NotApprover
    if item.person_id in (decider.pk, step.approver_id):
        raise OwnRequest(item.person, is_own=item.person_id == decider.pk)
    if approval.state != Approval.State.PENDING:
        raise AlreadyDecided(approval)
    return delegation


def _decide(open_: _Open, state: Approval.State, *, actor: Actor, reason: str = "") -> None:
    approval, item, delegation = open_.approval, open_.item, open_.delegation
    approval.state, approval.reason = state, reason
    approval.decided_by, approval.decided_at = str(actor), timezone.now()
    approval.save(update_fields=["state", "reason", "decided_by", "decided_at"])
    events.record(
        Event.Kind.APPROVAL_DECIDED,
        item.person,
        actor=actor,
        decision=state,
        id=str(item.pk),
        item=f"the {item.kind} “{item.description}”",
        step=str(approval.step),
        reason=reason,
        absent=str(delegation.person_id) if delegation else "",
        away_until=delegation.ends_at.isoformat() if delegation else "",
    )
