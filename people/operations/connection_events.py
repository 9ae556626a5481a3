"""Records what administrators do to a SCIM connection in the tenant's history."""

from typing import Any

from people import events
from people.models import Event, Person
from people.values import Actor


def record_connection_event(
    what: str, *, actor: Actor, changes: dict[str, dict[str, Any]] | None = None, **facts: Any
) -> None:
    """Record what was done: "added", "activated", "settings", "token added", "disconnected"…"""
    events.record(
        Event.Kind.CONNECTION_CHANGED, None, actor=actor, changes=changes, what=what, **facts
    )


def record_dismissed_error(what: str, person: Person | None, *, actor: Actor, reason: str) -> None:
    """Record that an administrator dismissed a sync error: “Invalid name of zoe@example.com”."""
    events.record(Event.Kind.SYNC_ERROR_DISMISSED, person, actor=actor, what=what, reason=reason)
