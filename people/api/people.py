"""API views of people, and the counts of Team updates."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ChoiceField, EmailField, Serializer

from people import hooks
from people.api.base import ApiView, token_owner
from people.api.openapi import refusals
from people.api.pagination import PersonCursorPagination
from people.api.serializers import (
    DeactivationReasonSerializer,
    PersonSerializer,
    TeamUpdatesSerializer,
)
from people.models import Invite, Person, Scope
from people.operations.people import deactivate_person, reactivate_person
from people.operations.roles.withheld_roles import people_with_withheld_roles
from people.values import normalize_key

READING = {"GET": (Scope.READ_PEOPLE,)}
MANAGING = {"POST": (Scope.MANAGE_PEOPLE,)}


class PersonFilter(Serializer[Any]):
    state = ChoiceField(Person.State.choices, required=False)
    email = EmailField(required=False)


class PersonList(ApiView, ListAPIView[Person]):
    scopes = READING
    filters = PersonFilter
    serializer_class = PersonSerializer
    pagination_class = PersonCursorPagination

    def get_queryset(self) -> QuerySet[Person]:
        filters = self.filter_values()
        state, email = filters.get("state"), filters.get("email")
        people = _everybody()
        people = people.filter(state=state) if state else people.in_lists()
        found: QuerySet[Person] = people.filter(email_key=normalize_key(email)) if email else people
        return found

    @extend_schema(
        operation_id="list_people",
        parameters=[PersonFilter],
        responses={200: PersonSerializer(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List all people who are not terminated, or those in one state."""
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
        responses={200: PersonSerializer} | refusals(400, 404, 409),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Deactivate the person immediately. An inactive person stays inactive."""
        why = DeactivationReasonSerializer(data=request.data)
        why.is_valid(raise_exception=True)
        person = get_object_or_404(_everybody(), pk=person_id)
        reason = why.validated_data["reason"]
        deactivate_person(person, actor=token_owner(request).actor, reason=reason)
        return _answer(person_id)


class ReactivatePerson(ApiView):
    scopes = MANAGING

    @extend_schema(
        operation_id="reactivate_person",
        request=None,
        responses={200: PersonSerializer} | refusals(404, 409),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Reactivate the person. An active person stays active."""
        person = get_object_or_404(_everybody(), pk=person_id)
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


def _everybody() -> Any:
    return Person.objects.select_related("department", "location__entity")


def _answer(person_id: UUID) -> Response:
    return Response(PersonSerializer(get_object_or_404(_everybody(), pk=person_id)).data)
