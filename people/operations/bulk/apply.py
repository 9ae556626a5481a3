"""Deactivates or reactivates several people as one bulk change, which can be undone."""

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
    """One bulk change of people who were selected on a page."""

    kind: BulkChange.Kind
    actor: Actor
    began_at: datetime = field(default_factory=timezone.now)
    items: list[BulkChangeItem] = field(default_factory=list)
    change: BulkChange | None = None

    @transaction.atomic
    def apply(self, person: Person) -> bool:
        """Change the person and store how to undo it; return whether anything changed.

        :raises PeopleError: as `deactivate_person` and `reactivate_person`.
        :raises PersonAboveRank: if the person is above the actor's rank.
        """
        lock(person)
        before: dict[str, Any] = {}
        if person.state == Person.State.INACTIVE:
            # The reactivation deletes these values, and an undo restores them.
            scheduled = ScheduledTermination.objects.filter(person=person).first()
            assert person.deactivated_at
            before = {
                "deactivated_at": person.deactivated_at.isoformat(),
                "deactivated_by": person.deactivated_by,
                "scheduled_termination": serializers.serialize("json", [scheduled])
                if scheduled
                else "",
            }
        is_deactivation = self.kind == BulkChange.Kind.DEACTIVATED
        operation = deactivate_person if is_deactivation else reactivate_person
        if not operation(person, actor=self.actor):
            return False
        self._add_item(person, before)
        return True

    def _add_item(self, person: Person, before: dict[str, Any]) -> None:
        """Add the person to the bulk change, in the transaction of the change itself."""
        # Created with the first person who changes, so that no bulk change without people is
        # listed.
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
