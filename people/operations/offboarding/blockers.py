"""What keeps somebody from being terminated by the job, as it is at this moment."""

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
    """A reason not to terminate a person; its code never changes."""

    code: str
    sentence: str


BLOCKERS = (
    Blocker("reimbursements", "Outstanding reimbursements"),
    Blocker("bills", "Open bills"),
    Blocker("transactions", "Pending or incomplete transactions"),
    Blocker("approvals", "Pending approval workflows"),
    Blocker("shared-funds", "Ownership of shared funds"),
    Blocker("permissions", "Elevated permissions"),
)


def blockers_of(person: Person) -> list[Blocker]:
    """Return what stands in the way of terminating the person now."""
    return blockers_of_many([person.pk])[person.pk]


def blockers_of_many(people: Iterable[UUID]) -> dict[UUID, list[Blocker]]:
    """Return the same for several people, by id, from one query however many they are."""
    asked = list(people)
    rows = Person.objects.filter(pk__in=asked).annotate(**_conditions())
    answers = rows.values_list("pk", *_conditions())
    found: dict[UUID, list[Blocker]] = {pk: [] for pk in asked}
    for pk, *holds in answers:
        found[pk] = [blocker for blocker, held in zip(BLOCKERS, holds, strict=True) if held]
    return found


def blocked_people() -> QuerySet[Person]:
    """Return everybody for whom at least one of the reasons holds."""
    anything = Q()
    for condition in _conditions().values():
        anything |= Q(condition)
    people: QuerySet[Person] = Person.objects.filter(anything)
    return people


def _conditions() -> dict[str, Any]:
    """Return the reasons as questions about a person's row, in the order of BLOCKERS."""
    pending = Approval.objects.filter(state=Approval.State.PENDING)
    shared = Fund.objects.live().filter(owner=OuterRef("pk"), is_shared=True)
    return {
        "owes_reimbursements": _owes(OutstandingItem.Kind.REIMBURSEMENT),
        "owes_bills": _owes(OutstandingItem.Kind.BILL),
        "owes_transactions": _owes(OutstandingItem.Kind.TRANSACTION),
        # Those that wait for them, and those that wait for others about what is theirs.
        "has_approvals": Q(Exists(pending.filter(step__approver=OuterRef("pk"))))
        | Q(Exists(pending.filter(outstanding_item__person=OuterRef("pk")))),
        "has_shared_funds": Exists(shared),
        "has_permissions": Q(role__in=Person.ADMINISTERING) | Q(holds_elevated()),
    }


def _owes(kind: OutstandingItem.Kind) -> Exists:
    owed = OutstandingItem.objects.outstanding().filter(person=OuterRef("pk"), kind=kind)
    return Exists(owed)


def is_paused(person: Person) -> bool:
    """Tell whether the person was deactivated in a bulk change that nobody has confirmed yet."""
    return BulkChangeItem.objects.pausing().filter(person=person).exists()


def paused_among(people: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the people who are paused, each with the bulk change that waits."""
    found = BulkChangeItem.objects.pausing().filter(person__in=list(people))
    return dict(found.values_list("person_id", "change_id"))
