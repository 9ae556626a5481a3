"""Blockers: what currently keeps the job from terminating a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from people.models import (
    Approval,
    BulkChangeItem,
    Fund,
    OutstandingItem,
    Person,
)
from people.operations.roles.base_roles import holds_elevated


@dataclass(frozen=True)
class Blocker:
    """A reason not to terminate a person. Its code is stable."""

    code: str
    sentence: str


# A product rule: a deactivated person with one of these stays inactive, and the job checks them
# again every hour. An administrator can still terminate them, and then decides about each item.
BLOCKERS = (
    Blocker("reimbursements", "Outstanding reimbursements"),
    Blocker("bills", "Open bills"),
    Blocker("transactions", "Pending or incomplete transactions"),
    Blocker("approvals", "Pending approval workflows"),
    Blocker("shared-funds", "Ownership of shared funds"),
    Blocker("permissions", "Elevated permissions"),
)


def blockers_of(person: Person) -> list[Blocker]:
    """Return the current blockers of the person."""
    return blockers_of_many([person.pk])[person.pk]


def blockers_of_many(people: Iterable[UUID]) -> dict[UUID, list[Blocker]]:
    """Return the current blockers of several people by id, with one query."""
    ids = list(people)
    rows = Person.objects.filter(pk__in=ids).annotate(**_conditions())
    found: dict[UUID, list[Blocker]] = {pk: [] for pk in ids}
    for pk, *flags in rows.values_list("pk", *_conditions()):
        found[pk] = [blocker for blocker, applies in zip(BLOCKERS, flags, strict=True) if applies]
    return found


def blocked_people() -> QuerySet[Person]:
    """Return the people with at least one blocker."""
    anything = Q()
    for condition in _conditions().values():
        anything |= Q(condition)
    people: QuerySet[Person] = Person.objects.filter(anything)
    return people


def _conditions() -> dict[str, Any]:
    """Return annotations that tell which blockers a person has, in the order of BLOCKERS."""
    pending = Approval.objects.filter(state=Approval.State.PENDING)
    shared = Fund.objects.live().filter(owner=OuterRef("pk"), is_shared=True)
    return {
        "owes_reimbursements": _owes(OutstandingItem.Kind.REIMBURSEMENT),
        "owes_bills": _owes(OutstandingItem.Kind.BILL),
        "owes_transactions": _owes(OutstandingItem.Kind.TRANSACTION),
        # Approvals that they have to give, and approvals of others for their own items.
        "has_approvals": Q(Exists(pending.filter(step__approver=OuterRef("pk"))))
        | Q(Exists(pending.filter(outstanding_item__person=OuterRef("pk")))),
        "has_shared_funds": Exists(shared),
        "has_permissions": Q(role__in=Person.ADMINISTERING) | Q(holds_elevated()),
    }


def _owes(kind: OutstandingItem.Kind) -> Exists:
    owed = OutstandingItem.objects.outstanding().filter(person=OuterRef("pk"), kind=kind)
    return Exists(owed)


def is_paused(person: Person) -> bool:
    """Tell whether the person was deactivated in a bulk change that is not confirmed yet."""
    return BulkChangeItem.objects.pausing().filter(person=person).exists()


def paused_among(people: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the paused people, each with the bulk change that is not confirmed yet."""
    found = BulkChangeItem.objects.pausing().filter(person__in=list(people))
    return dict(found.values_list("person_id", "change_id"))
