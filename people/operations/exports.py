"""Records that a file with data of the company was downloaded."""

from django.db import transaction

from people import events
from people.models import Event
from people.values import Actor


@transaction.atomic
def record_export(what: str, *, actor: Actor, filters: str) -> None:
    """Record who exported what: “people as CSV”. `filters` is the query of the list."""
    events.record(Event.Kind.DATA_EXPORTED, None, actor=actor, what=what, filters=filters)
