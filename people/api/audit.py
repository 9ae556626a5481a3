"""The API views of the audit log: the list with filters, and the feed of events."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    ListSerializer,
    Serializer,
)

from people.api.base import ApiView
from people.api.openapi import refusals
from people.api.pagination import (
    AuditLogPagination,
    EventFeedPagination,
    PersonCursorPagination,
)
from people.api.serializers import MAX, NOT_BLANK, AuditEventSerializer
from people.models import Event, Scope
from people.presentation import audit_log
from people.presentation.audit_log import AuditFilter


class AuditEventFilter(Serializer[Any]):
    actor = CharField(
        required=False,
        max_length=254,
        validators=[NOT_BLANK],
        help_text="The id, address or name of a person, or an actor such as scim:okta.",
    )
    person = CharField(
        required=False,
        max_length=254,
        validators=[NOT_BLANK],
        help_text="The id, address or name of the person concerned.",
    )
    action = CharField(required=False)
    interface = ChoiceField(
        Event.Interface.choices, required=False, help_text="Through what the change was made."
    )
    since = DateTimeField(required=False, help_text="Events at this time or later.")
    until = DateTimeField(required=False, help_text="Events at this time or earlier.")
    after = IntegerField(
        required=False,
        min_value=0,
        max_value=MAX,
        help_text="Returns the events after the one with this id, the oldest first. 0 begins with "
        "the first event. Events appear two minutes after they happened.",
    )

    def validate_action(self, value: str) -> list[str]:
        return _known_actions(value)


class EventFeedFilter(Serializer[Any]):
    after = IntegerField(
        required=False,
        min_value=0,
        max_value=MAX,
        help_text="The id of the last event that the program has. Without it, the feed begins with "
        "the first event.",
    )
    action = CharField(required=False)

    def validate_action(self, value: str) -> list[str]:
        return _known_actions(value)


def _known_actions(value: str) -> list[str]:
    """Return the actions in the list.

    :raises ValidationError: if there is no such action.
    """
    actions = [one.strip() for one in value.split(",")]
    if unknown := [one for one in actions if one not in Event.Kind.values]:
        raise ValidationError(f"Unknown: {', '.join(unknown)}.")
    return actions


ACTIONS = OpenApiParameter(
    "action",
    enum=Event.Kind.values,
    many=True,
    style="form",
    explode=False,
    description="One action, or several separated by commas.",
)


class _Records(ListSerializer[Any]):
    """Converts a page of events at once, with one query for the names in all of them."""

    def to_representation(self, data: Any) -> list[Any]:
        return [audit_log.record_of(row) for row in audit_log.audit_entries(data)]


class AuditEventList(ApiView, ListAPIView[Event]):
    scopes = {"GET": (Scope.READ_AUDIT_LOG,)}
    filters: type[Serializer[Any]] = AuditEventFilter
    serializer_class = AuditEventSerializer
    pagination_class: type[PersonCursorPagination] = AuditLogPagination

    def get_queryset(self) -> QuerySet[Event]:
        values = self.filter_values()
        after = values.pop("after", None)
        events = audit_log.matching_events(AuditFilter(kinds=values.pop("action", ()), **values))
        return events if after is None else _settled_after(events, after)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        [events] = args
        return _Records(events, child=AuditEventSerializer())

    @extend_schema(
        operation_id="list_audit_events",
        parameters=[AuditEventFilter, ACTIONS],
        responses={200: AuditEventSerializer(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the events of the audit log, the newest first, or those after an event."""
        return super().get(request, *args, **kwargs)


class EventFeed(AuditEventList):
    filters = EventFeedFilter
    pagination_class = EventFeedPagination

    def get_queryset(self) -> QuerySet[Event]:
        values = self.filter_values()
        events = audit_log.matching_events(AuditFilter(kinds=values.get("action", ())))
        return _settled_after(events, values.get("after", 0))

    @extend_schema(
        operation_id="list_events",
        parameters=[EventFeedFilter, ACTIONS],
        responses={200: AuditEventSerializer(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the events after an event, the oldest first: the feed behind webhooks.

        Events appear two minutes after they happened.
        """
        return super().get(request, *args, **kwargs)


def _settled_after(events: QuerySet[Event], after: int) -> QuerySet[Event]:
    """Keep the events after the one with this id, without those of running transactions.

    :raises ValidationError: if there is no event with this id.
    """
    settled = events.filter(happened_at__lte=audit_log.settled_until())
    place = None
    if after:
        place = audit_log.place_of(after)
        if place is None:
            raise ValidationError({"after": "There is no event with this id."})
    return audit_log.newer_than(settled, place)
