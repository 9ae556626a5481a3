"""Departments and locations that people are moved to."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from people.models import Department, Location, Person, Tenant
from people.operations import people_update
from people.values import Actor
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")


def move(person: Person, **places: Any) -> None:
    people_update.revise_person(person, replace(person.profile, **places), actor=OKTA)


def test_are_created_when_a_person_is_moved_there(ada: Person) -> None:
    move(ada, department="Legal", location="Oslo")

    assert Department.objects.get().name == "Legal"
    assert Location.objects.get().name == "Oslo"


def test_names_match_in_any_case(ada: Person) -> None:
    legal, oslo = core.department("Legal"), core.location("Oslo")

    move(ada, department="LEGAL", location="oslo")

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.department, stored.location) == (legal, oslo)


def test_names_match_with_composed_or_combining_accents(ada: Person) -> None:
    zurich = core.location("Z\u00fcrich")

    move(ada, location="Zu\u0308rich")

    assert Person.objects.get(pk=ada.pk).location == zurich


def test_new_location_belongs_to_the_default_entity(ada: Person, tenant: Tenant) -> None:
    move(ada, location="Oslo")

    assert Location.objects.get().entity == tenant.default_entity


def test_department_of_another_company_is_not_used(ada: Person) -> None:
    with core.in_another_tenant():
        theirs = core.department("Legal")

    move(ada, department="Legal")

    assert Person.objects.get(pk=ada.pk).department != theirs


@pytest.mark.parametrize("build", [core.department, core.location, core.entity])
def test_names_are_unique_in_any_case(tenant: Tenant, build: object) -> None:
    build("Oslo")  # type: ignore[operator]

    with pytest.raises(IntegrityError, match="name_taken"), transaction.atomic():
        build("OSLO")  # type: ignore[operator]
