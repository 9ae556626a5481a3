"""Delegates the approvals of a person who is away to a colleague, and ends that again."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from people import events
from people.models import Delegation, Event, Mail, Person
from people.operations import ranks
from people.operations.locks import lock, lock_all
from people.operations.mail_outbox import enqueue_mail
from people.values import Actor, PeopleError

JOB: Final = Actor("job", "delegations")
# Longer ones are typing errors, or should be another approver in the workflow.
LONGEST: Final = timedelta(days=366)


class SelfDelegate(PeopleError):
    code = "self-delegate"
    field = "delegate"

    def __init__(self) -> None:
        super().__init__("Choose somebody else: this is the person who is away.")


class DelegateInactive(PeopleError):
    code = "delegate-inactive"
    field = "delegate"

    def __init__(self, delegate: Person) -> None:
        super().__init__(f"{delegate.display_name} is not active and cannot approve anything.")


class DelegateAway(PeopleError):
    code = "delegate-away"
    field = "delegate"

    def __init__(self, delegate: Person) -> None:
        super().__init__(
            f"{delegate.full_name} is away in this period, too. A delegate's delegate does not "
            "decide for others, so choose somebody else."
        )


class InvalidPeriod(PeopleError):
    code = "invalid-period"
    field = "ends_at"

    def __init__(self) -> None:
        super().__init__(
            "Choose a time in the future, after the start, and at most a year from now."
        )


class AbsentInactive(PeopleError):
    code = "absent-inactive"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.display_name} is not active. To have another person approve, change the "
            "approver in the workflow."
        )


@transaction.atomic
def delegate_approvals(
    person: Person,
    delegate: Person,
    *,
    starts_at: datetime,
    ends_at: datetime,
    note: str = "",
    actor: Actor,
) -> bool:
    """Let the delegate decide the approvals of the person; return False if that is so already.

    This replaces an earlier delegation of the person. The delegate is mailed when it starts.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises AbsentInactive, DelegateInactive: if one of them is not active.
    :raises SelfDelegate: if both are the same person.
    :raises InvalidPeriod: if the end is not after the start, is over, or is too far away.
    :raises DelegateAway: if the delegate is away in the same period.
    """
    # Both, so that nobody becomes a delegate while they are deactivated or leave for a holiday.
    people = lock_all([str(person.pk), str(delegate.pk)])
    person = people[str(person.pk)]
    ranks.check_rank_over(actor, person)
    now = timezone.now()
    current = Delegation.objects.not_over(now).filter(person=person).first()
    if starts_at <= now:
        starts_at = min(current.starts_at, now) if current else now
    if ends_at <= max(starts_at, now) or ends_at > now + LONGEST:
        raise InvalidPeriod
    if person.state != Person.State.ACTIVE:
        raise AbsentInactive(person)
    delegate = people.get(str(delegate.pk), delegate)
    _check_delegate(person, delegate, starts_at, ends_at)
    terms = (delegate.pk, starts_at, ends_at, note)
    if current and terms == (current.delegate_id, current.starts_at, current.ends_at, current.note):
        return False
    Delegation.objects.filter(person=person).delete()
    delegation = Delegation.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        delegate=delegate,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note,
        created_at=now,
    )
    _record(delegation, "started", actor=actor)
    _notify_delegate(delegation)
    return True


@transaction.atomic
def end_delegation(person: Person, *, actor: Actor) -> bool:
    """End the delegation of the person; return False if there is none.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    delegation = current_delegation(person)
    Delegation.objects.filter(person=person).delete()
    if delegation is None:
        return False
    _record(delegation, "ended", actor=actor)
    return True


def current_delegation(person: Person) -> Delegation | None:
    """Return the person's delegation that applies now or later."""
    own = Delegation.objects.not_over(timezone.now()).filter(person=person)
    delegation: Delegation | None = own.select_related("person", "delegate").first()
    return delegation


def end_after_departure(event: Event) -> None:
    """End the delegations of a person who was deactivated or terminated, and those to them.

    It subscribes to these events. Until it has run, the states of both people already keep the
    delegation without effect.
    """
    if event.person is None:
        return
    about = Q(person=event.person) | Q(delegate=event.person)
    # The person may have returned since the event, and be a delegate again.
    made_before = Delegation.objects.filter(about, created_at__lte=event.happened_at)
    for pk in list(made_before.order_by("pk").values_list("pk", flat=True)):
        _end_one(pk, event.person)


@transaction.atomic
def _end_one(delegation_id: int, leaver: Person) -> None:
    found = Delegation.objects.select_related("person", "delegate").filter(pk=delegation_id)
    delegation = found.select_for_update(of=("self",)).first()
    if delegation is None:
        return
    is_over = delegation.ends_at <= timezone.now()
    # `delete` clears the key, which nothing below needs.
    delegation.delete()
    if is_over:
        return
    _record(delegation, "ended", actor=JOB, reason=f"{leaver.full_name} is no longer active.")
    absent = delegation.person
    if absent.state == Person.State.ACTIVE and absent.email:
        enqueue_mail(
            Mail.Kind.DELEGATION_ENDED,
            absent,
            to=absent.email,
            delegate=delegation.delegate.full_name,
            until=delegation.ends_at.isoformat(),
            path=reverse("admin:account_away"),
        )


def _check_delegate(
    person: Person, delegate: Person, starts_at: datetime, ends_at: datetime
) -> None:
    if delegate.pk == person.pk:
        raise SelfDelegate
    if delegate.state != Person.State.ACTIVE or delegate.tenant_id != person.tenant_id:
        raise DelegateInactive(delegate)
    away = Delegation.objects.filter(person=delegate, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if away.exists():
        raise DelegateAway(delegate)


def _notify_delegate(delegation: Delegation) -> None:
    if delegation.delegate.email:
        enqueue_mail(
            Mail.Kind.APPROVALS_DELEGATED,
            delegation.delegate,
            to=delegation.delegate.email,
            due_at=delegation.starts_at,
            delegation=delegation.pk,
            absent=delegation.person.full_name,
            until=delegation.ends_at.isoformat(),
            note=delegation.note,
            path=reverse("admin:home"),
        )


def _record(delegation: Delegation, deed: str, *, actor: Actor, reason: str = "") -> None:
    events.record(
        Event.Kind.DELEGATION_CHANGED,
        delegation.person,
        actor=actor,
        deed=deed,
        delegate=str(delegation.delegate_id),
        starts_at=delegation.starts_at.isoformat(),
        ends_at=delegation.ends_at.isoformat(),
        reason=reason,
    )
