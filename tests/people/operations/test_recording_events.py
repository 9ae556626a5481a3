"""Recording events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from people import events, tenancy
from people.models import Event, Person
from people.operations import people_update, person_fields, ranks
from people.operations.invites import lifecycle
from people.operations.people import (
    activate_person,
    add_person,
    deactivate_person,
    reactivate_person,
)
from people.values import KEEP, Actor, PeopleError, Profile
from tests.factories import core

pytestmark = pytest.mark.django_db

Step = Callable[[list[Person]], object]

OKTA = Actor("scim", "okta")
actors = st.sampled_from([OKTA, Actor("person", "olga@example.com"), Actor("job", "cycle")])
places = st.sampled_from(["", "Sales", "SALES", "Legal"])
profiles = st.builds(
    Profile,
    given_name=st.sampled_from(["Ada", "Augusta", " "]),
    family_name=st.sampled_from(["Lovelace", "King"]),
    email=st.sampled_from(["ada@example.com", "ADA@example.com", "bob@example.com"]),
    department=places,
    location=places,
    role=st.sampled_from([None, *Person.Role]),
)
MOVES: list[Callable[..., object]] = [
    activate_person,
    deactivate_person,
    reactivate_person,
    lifecycle.issue_invite,
    lifecycle.revoke_invite,
]
OLGA = Profile(
    given_name="Olga", family_name="Owner", email="olga@example.com", role="BUSINESS_OWNER"
)
custom = st.dictionaries(st.sampled_from(["badge", "desk"]), st.sampled_from(["", "7", "8"]))
numbers = st.integers(0, 3)


@st.composite
def additions(draw: st.DrawFn) -> Step:
    profile, actor, values = draw(profiles), draw(actors), draw(custom)
    manager = draw(st.none() | numbers)
    return lambda people: people.append(
        add_person(profile, actor=actor, custom_values=values, manager=_pick(people, manager))
    )


@st.composite
def revisions(draw: st.DrawFn) -> Step:
    number, profile, actor = draw(numbers), draw(profiles), draw(actors)
    manager, values = draw(st.just(KEEP) | st.none() | numbers), draw(st.none() | custom)
    return lambda people: people_update.revise_person(
        _pick(people, number),
        profile,
        actor=actor,
        manager=_pick(people, manager) if isinstance(manager, int) else manager,
        custom_values=values,
    )


@st.composite
def moves(draw: st.DrawFn) -> Step:
    number, actor = draw(numbers), draw(actors)
    operation = draw(st.sampled_from(MOVES))
    return lambda people: operation(_pick(people, number), actor=actor)


def _pick(people: list[Person], number: int | None) -> Any:
    return None if number is None else people[number % len(people)]


@contextmanager
def after(steps: list[Step]) -> Iterator[None]:
    """Take the steps that are allowed, in a tenant that is rolled back afterwards."""
    with transaction.atomic(), tenancy.use(core.tenant()):
        people = [add_person(OLGA, actor=OKTA)]
        for step in steps:
            with suppress(PeopleError, ranks.RankRefused):
                step(people)
        yield
        transaction.set_rollback(True)


def fold_events(person: Person) -> dict[str, str]:
    """Compute the fields from all events; the old value of each must be the current one."""
    folded: dict[str, str | None] = {}
    for event in person.events.order_by("pk"):
        for name, change in event.changes.items():
            assert folded.get(name) == change["from"]
            folded[name] = change["to"]
    return {name: value for name, value in folded.items() if value}


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(additions() | revisions() | moves(), max_size=15))
def test_fields_of_every_person_follow_from_their_events(steps: list[Step]) -> None:
    with after(steps):
        for person in Person.objects.all():
            assert fold_events(person) == person_fields.snapshot(person)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(additions() | revisions() | moves(), max_size=10))
def test_repeating_the_current_values_records_no_event(steps: list[Step]) -> None:
    with after(steps):
        before = Event.objects.count()
        for person in Person.objects.all():
            assert not people_update.revise_person(person, person.profile, actor=OKTA)

        assert Event.objects.count() == before


def test_event_has_the_id_of_its_request(ada: Person) -> None:
    request_id = uuid4()

    with events.caused_by(request_id):
        deactivate_person(ada, actor=OKTA)
    reactivate_person(ada, actor=OKTA)

    caused = ada.events.order_by("pk").values_list("request_id", flat=True)
    assert list(caused) == [request_id, None]


def test_id_of_a_failed_request_is_not_used_afterwards(ada: Person) -> None:
    with pytest.raises(ZeroDivisionError), events.caused_by(uuid4()):
        raise ZeroDivisionError
    deactivate_person(ada, actor=OKTA)

    assert ada.events.get().request_id is None


def test_event_can_be_without_a_person_and_has_the_tenant(ada: Person) -> None:
    event = events.record(Event.Kind.TENANT_CREATED, None, actor=OKTA, name="Acme")

    assert event.tenant_id == ada.tenant_id
    assert (event.person, event.facts) == (None, {"name": "Acme"})


def test_event_without_subscribers_is_not_pending(ada: Person) -> None:
    people_update.revise_person(ada, ada.profile, actor=OKTA, custom_values={"badge": "7"})
    lifecycle.revoke_invite(ada, actor=OKTA)

    assert not Event.objects.pending().exists()


@pytest.mark.django_db(transaction=True)
def test_rollback_removes_the_event_of_the_change(ada: Person) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        deactivate_person(ada, actor=OKTA)
        raise ZeroDivisionError

    assert Person.objects.get(pk=ada.pk).is_active
    assert not Event.objects.exists()
