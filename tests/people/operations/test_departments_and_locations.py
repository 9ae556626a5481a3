"""Departments and locations …"""

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


def test_come_to_be_when_somebody_is_there(ada: Person) -> None:
    move(ada, department="Legal", location="Oslo")

    assert Department.objects.get().name == "Legal"
    assert Location.objects.get().name == "Oslo"


def test_are_found_in_any_case(ada: Person) -> None:
    legal, oslo = core.department("Legal"), core.location("Oslo")

    move(ada, department="LEGAL", location="oslo")

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.department, stored.location) == (legal, oslo)


def test_are_found_however_their_accents_are_written(ada: Person) -> None:
    zurich = core.location("Z\u00fcrich")

    move(ada, location="Zu\u0308rich")

    assert Person.objects.get(pk=ada.pk).location == zurich


def test_belong_to_the_default_entity_at_first(ada: Person, tenant: Tenant) -> None:
    move(ada, location="Oslo")

    assert Location.objects.get().entity == tenant.default_entity


def test_are_the_companys_own(ada: Person) -> None:
    with core.in_another_tenant():
        theirs = core.department("Legal")

    move(ada, department="Legal")

    assert Person.objects.get(pk=ada.pk).department != theirs


@pytest.mark.parametrize("build", [core.department, core.location, core.entity])
def test_have_one_name_once(tenant: Tenant, build: object) -> None:
    build("Oslo")  # type: ignore[operator]

    with pytest.raises(IntegrityError, match="name_taken"), transaction.atomic():
        build("OSLO")  # type: ignore[operator]
