"""API views of people, and the counts of Team updates."""

from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateTimeField,
    EmailField,
    Serializer,
    UUIDField,
)

from people import hooks
from people.api.base import ApiView, token_owner
from people.api.openapi import refusals
from people.api.pagination import ChangedPeoplePagination
from people.api.serializers import (
    NOT_BLANK,
    DeactivationReasonSerializer,
    PersonSerializer,
    TeamUpdatesSerializer,
)
from people.models import Grant, Invite, Person, Scope
from people.operations.people import deactivate_person, reactivate_person
from people.operations.roles.withheld_roles import people_with_withheld_roles
from people.presentation import audit_log
from people.values import normalize_key

READING = {"GET": (Scope.READ_PEOPLE,)}
MANAGING = {"POST": (Scope.MANAGE_PEOPLE,)}
# The filters that are compared without case, and their columns.
NAMES = {
    "email": "email_key",
    "department": "department__name_key",
    "location": "location__name_key",
}


class PersonFilter(Serializer[Any]):
    state = ChoiceField(
        Person.State.choices,
        required=False,
        help_text="Without it, all people who are not terminated.",
    )
    email = EmailField(required=False, help_text="The email address, in any case.")
    external_id = CharField(
        required=False,
        max_length=500,
        validators=[NOT_BLANK],
        help_text="The externalId at the identity provider.",
    )
    department = CharField(
        required=False,
        max_length=200,
        validators=[NOT_BLANK],
        help_text="The name of a department, in any case.",
    )
    location = CharField(
        required=False,
        max_length=200,
        validators=[NOT_BLANK],
        help_text="The name of a location, in any case.",
    )
    manager = UUIDField(required=False, help_text="The id of the manager.")
    changed_since = DateTimeField(
        required=False,
        default_timezone=UTC,
        help_text="Returns the people who changed at this time or later, the earliest change "
        "first, terminated people included. Changes appear two minutes after they happened.",
    )


class PersonList(ApiView, ListAPIView[Person]):
    scopes = READING
    filters = PersonFilter
    serializer_class = PersonSerializer
    pagination_class = ChangedPeoplePagination

    def get_queryset(self) -> QuerySet[Person]:
        filters = self.filter_values()
        people = everybody()
        if "state" not in filters and "changed_since" not in filters:
            people = people.in_lists()
        if "external_id" in filters:
            identified = hooks.people_identified("external_id", [filters.pop("external_id")])
            people = people.filter(pk__in=[key for _, key in identified])
        for name in ("state", "manager"):
            if name in filters:
                people = people.filter(**{name: filters[name]})
        for name, column in NAMES.items():
            if name in filters:
                people = people.filter(**{column: normalize_key(filters[name])})
        if "changed_since" in filters:
            since, settled = filters["changed_since"], audit_log.settled_until()
            people = people.filter(changed_at__gte=since, changed_at__lte=settled)
        found: QuerySet[Person] = people
        return found

    @extend_schema(
        operation_id="list_people",
        parameters=[PersonFilter],
        responses={200: PersonSerializer(many=True)} | refusals(),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List all people who are not terminated, or those who match all filters."""
        return super().get(request, *args, **kwargs)


class PersonDetail(ApiView):
    scopes = READING

    @extend_schema(operation_id="read_person", responses={200: PersonSerializer} | refusals(404))
    def get(self, request: Request, person_id: UUID) -> Response:
        """Read one person, whatever their state."""
        return _answer(person_id)


class DeactivatePerson(ApiView):
    scopes = MANAGING
    # No rate limit, because deactivations are urgent.
    throttle_classes = []

    @extend_schema(
        operation_id="deactivate_person",
        request=DeactivationReasonSerializer,
        responses={200: PersonSerializer}
        | refusals(
            *(404, 413, 415),
            codes=("person-above-rank", "last-owner", "last-administrator"),
            is_limited=False,
        ),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Deactivate the person immediately. An inactive person stays inactive."""
        why = DeactivationReasonSerializer(data=request.data)
        why.is_valid(raise_exception=True)
        person = get_object_or_404(Person, pk=person_id)
        reason = why.validated_data["reason"]
        deactivate_person(person, actor=token_owner(request).actor, reason=reason)
        return _answer(person_id)


class ReactivatePerson(ApiView):
    scopes = MANAGING

    @extend_schema(
        operation_id="reactivate_person",
        request=None,
        responses={200: PersonSerializer}
        | refusals(404, codes=("person-above-rank", "terminated", "no-address")),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Reactivate the person. An active person stays active."""
        person = get_object_or_404(Person, pk=person_id)
        reactivate_person(person, actor=token_owner(request).actor)
        return _answer(person_id)


class TeamUpdates(ApiView):
    scopes = READING

    @extend_schema(
        operation_id="count_team_updates", responses={200: TeamUpdatesSerializer} | refusals()
    )
    def get(self, request: Request) -> Response:
        """Count what the tabs of Team updates list."""
        listed = {
            "pending_invites": Invite.objects.open,
            "inactive_people": partial(Person.objects.filter, state=Person.State.INACTIVE),
            # Without the app `scim`, nothing is listed under these names. Its hooks replace them.
            "sync_errors": Person.objects.none,
            "same_person_questions": Person.objects.none,
            "withheld_roles": people_with_withheld_roles,
        } | hooks.team_updates()
        counts = {name: rows().count() for name, rows in listed.items()}
        return Response(TeamUpdatesSerializer(counts).data)


def everybody() -> Any:
    """Return all people with what PersonSerializer shows of them."""
    grants = Grant.objects.exclude(role=None).select_related("role").order_by("role__name", "pk")
    people = Person.objects.select_related("department", "location").with_is_manager()
    return people.prefetch_related(Prefetch("grants", grants))


def _answer(person_id: UUID) -> Response:
    people = everybody().filter(pk=person_id)
    return Response(PersonSerializer([get_object_or_404(people)], many=True).data[0])
