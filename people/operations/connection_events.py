"""Records what administrators do to a SCIM connection in the tenant's history."""

from typing import Any

from people import events
from people.models import Event
from people.values import Actor


def record_connection_event(
    what: str, *, actor: Actor, changes: dict[str, dict[str, Any]] | None = None, **facts: Any
) -> None:
    """Record what was done: "added", "activated", "settings", "token added", "disconnected"…"""
    events.record(
        Event.Kind.CONNECTION_CHANGED, None, actor=actor, changes=changes, what=what, **facts
    )
