"""People, and how much there is for their team to look at."""

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
from people.api.base import Door, asking
from people.api.openapi import refusals
from people.api.pagination import ByCursor
from people.api.serializers import PersonShape, TeamUpdatesShape, WhyShape
from people.models import Invite, Person, Scope
from people.operations.people import deactivate_person, reactivate_person
from people.operations.roles.withheld_roles import people_with_withheld_roles
from people.values import fold

READING = {"GET": (Scope.READ_PEOPLE,)}
MANAGING = {"POST": (Scope.MANAGE_PEOPLE,)}


class Wanted(Serializer[Any]):
    state = ChoiceField(Person.State.choices, required=False)
    email = EmailField(required=False)


class People(Door, ListAPIView[Person]):
    scopes = READING
    filters = Wanted
    serializer_class = PersonShape
    pagination_class = ByCursor

    def get_queryset(self) -> QuerySet[Person]:
        wanted = self.wanted()
        state, email = wanted.get("state"), wanted.get("email")
        people = _everybody()
        people = people.filter(state=state) if state else people.in_lists()
        found: QuerySet[Person] = people.filter(email_key=fold(email)) if email else people
        return found

    @extend_schema(
        operation_id="list_people",
        parameters=[Wanted],
        responses={200: PersonShape(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List everybody who has not left for good, or those in one state."""
        return super().get(request, *args, **kwargs)


class OnePerson(Door):
    scopes = READING

    @extend_schema(operation_id="read_person", responses={200: PersonShape} | refusals(404))
    def get(self, request: Request, person_id: UUID) -> Response:
        """Read one person, whatever their state."""
        return _answer(person_id)


class Deactivate(Door):
    scopes = MANAGING
    # Whatever a program has asked before, this is urgent.
    throttle_classes = []

    @extend_schema(
        operation_id="deactivate_person",
        request=WhyShape,
        responses={200: PersonShape} | refusals(400, 404, 409),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Shut the person out at once; whoever is out already stays out."""
        why = WhyShape(data=request.data)
        why.is_valid(raise_exception=True)
        person = get_object_or_404(_everybody(), pk=person_id)
        reason = why.validated_data["reason"]
        deactivate_person(person, actor=asking(request).actor, reason=reason)
        return _answer(person_id)


class Reactivate(Door):
    scopes = MANAGING

    @extend_schema(
        operation_id="reactivate_person",
        request=None,
        responses={200: PersonShape} | refusals(404, 409),
    )
    def post(self, request: Request, person_id: UUID) -> Response:
        """Let the person back in; whoever is in already stays in."""
        person = get_object_or_404(_everybody(), pk=person_id)
        reactivate_person(person, actor=asking(request).actor)
        return _answer(person_id)


class TeamUpdates(Door):
    scopes = READING

    @extend_schema(
        operation_id="count_team_updates", responses={200: TeamUpdatesShape} | refusals()
    )
    def get(self, request: Request) -> Response:
        """Count what the tabs of Team updates list."""
        listed = {
            "pending_invites": Invite.objects.open,
            "inactive_people": partial(Person.objects.filter, state=Person.State.INACTIVE),
            "sync_errors": Person.objects.none,
            "same_person_questions": Person.objects.none,
            "withheld_roles": people_with_withheld_roles,
        } | hooks.team_updates()
        counts = {name: rows().count() for name, rows in listed.items()}
        return Response(TeamUpdatesShape(counts).data)


def _everybody() -> Any:
    return Person.objects.select_related("department", "location__entity")


def _answer(person_id: UUID) -> Response:
    return Response(PersonShape(get_object_or_404(_everybody(), pk=person_id)).data)
