"""Database constraints on the state of a person."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from people.models import Person, Tenant
from tests.factories import core

pytestmark = pytest.mark.django_db

INVITED, ACTIVE, INACTIVE, TERMINATED = Person.State


def move(person: Person, state: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(
            state=state, deactivated_at=now, terminated_at=now if state == TERMINATED else None
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (INVITED, ACTIVE),
        (INVITED, INACTIVE),
        (INVITED, TERMINATED),
        (ACTIVE, INACTIVE),
        (ACTIVE, TERMINATED),
        (INACTIVE, INVITED),
        (INACTIVE, ACTIVE),
        (INACTIVE, TERMINATED),
    ],
)
def test_allowed_state_change(tenant: Tenant, before: str, after: str) -> None:
    joined = None if INVITED in (before, after) else timezone.now()
    person = core.person(state=before, joined_at=joined)

    move(person, after)

    assert Person.objects.get(pk=person.pk).state == after


@pytest.mark.parametrize(
    ("before", "after"),
    [(ACTIVE, INVITED), (TERMINATED, INVITED), (TERMINATED, ACTIVE), (TERMINATED, INACTIVE)],
)
def test_refused_state_change(tenant: Tenant, before: str, after: str) -> None:
    person = core.person(state=before)

    with pytest.raises(IntegrityError, match="cannot go from"):
        move(person, after)

    assert Person.objects.get(pk=person.pk).state == before


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("person_inactive_since", {"state": INACTIVE}),
        ("person_terminated_since", {"state": TERMINATED}),
        ("person_terminated_since", {"terminated_at": timezone.now()}),
        ("person_state_known", {"state": "retired"}),
        ("person_role_known", {"role": "SUPER_ADMIN"}),
    ],
)
def test_constraint_refuses_unknown_state_or_role_and_missing_time(
    tenant: Tenant, constraint: str, wrong: dict[str, Any]
) -> None:
    core.person()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Person.objects.update(**wrong)


def test_invited_person_cannot_have_joined(tenant: Tenant) -> None:
    core.person(state=INVITED, joined_at=None)

    with pytest.raises(IntegrityError, match="never_joined"), transaction.atomic():
        Person.objects.update(joined_at=timezone.now())


def test_two_people_cannot_have_the_same_address(tenant: Tenant) -> None:
    core.person(email="ada@example.com")

    with pytest.raises(IntegrityError, match="person_email_taken"), transaction.atomic():
        core.person(email="ADA@example.com")


def test_person_cannot_be_their_own_manager(tenant: Tenant) -> None:
    ada = core.person()

    with pytest.raises(IntegrityError, match="person_not_own_manager"), transaction.atomic():
        Person.objects.update(manager=ada)
