"""Several people deactivated or reactivated by one click, noted so that it can be undone."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core import serializers
from django.db import transaction
from django.utils import timezone

from people.models import BulkChange, BulkChangeItem, Event, Person, ScheduledTermination
from people.operations.locks import lock
from people.operations.people import deactivate_person, reactivate_person
from people.values import Actor


@dataclass
class Bulk:
    """Several people deactivated, or reactivated, by one click."""

    kind: BulkChange.Kind
    actor: Actor
    began_at: datetime = field(default_factory=timezone.now)
    items: list[BulkChangeItem] = field(default_factory=list)
    change: BulkChange | None = None

    @transaction.atomic
    def apply(self, person: Person) -> bool:
        """Do it to the person, remember how they were, and tell whether that is news.

        :raises PeopleError: as `deactivate_person` and `reactivate_person`.
        """
        lock(person)
        before = _remembered(person)
        is_leaving = self.kind == BulkChange.Kind.DEACTIVATED
        operation = deactivate_person if is_leaving else reactivate_person
        if not operation(person, actor=self.actor):
            return False
        self._note(person, before)
        return True

    def _note(self, person: Person, before: dict[str, Any]) -> None:
        """Write it down with the change itself: whoever dies on the way leaves both or neither."""
        if self.change is None:
            self.change = BulkChange.objects.create(
                tenant_id=person.tenant_id,
                kind=self.kind,
                actor=str(self.actor),
                began_at=self.began_at,
            )
        kinds = [Event.Kind.PERSON_DEACTIVATED, Event.Kind.PERSON_REACTIVATED]
        latest = person.events.filter(kind__in=kinds).order_by("-pk").values_list("pk", flat=True)
        BulkChangeItem.objects.create(
            tenant_id=person.tenant_id,
            change=self.change,
            person=person,
            event_id=latest[0],
            before=before,
        )


def _remembered(person: Person) -> dict[str, Any]:
    """Return what the person loses when they are reactivated."""
    if person.state != Person.State.INACTIVE:
        return {}
    scheduled_termination = ScheduledTermination.objects.filter(person=person).first()
    assert person.deactivated_at
    return {
        "deactivated_at": person.deactivated_at.isoformat(),
        "deactivated_by": person.deactivated_by,
        "scheduled_termination": serializers.serialize("json", [scheduled_termination])
        if scheduled_termination
        else "",
    }
