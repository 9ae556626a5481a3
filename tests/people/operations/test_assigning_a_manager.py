"""Assigning a manager."""

import pytest
from pytest_django import DjangoAssertNumQueries

from people.models import Person, Tenant
from people.operations import managers, people, people_update
from people.values import Actor, Profile
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")


def assign(person: Person, manager: Person | None) -> bool:
    return people_update.assign_manager(person, manager, actor=OKTA)


def manager_of(person: Person) -> Person | None:
    manager: Person | None = Person.objects.get(pk=person.pk).manager
    return manager


def test_changes_only_the_manager(ada: Person) -> None:
    boss = core.person()

    assert assign(ada, boss)

    stored = Person.objects.get(pk=ada.pk)
    assert stored.manager == boss
    assert set(stored.managed_fields) == {"manager"}
    assert ada.events.get().changes == {"manager": {"from": None, "to": str(boss.pk)}}


def test_assigning_the_same_manager_again_changes_nothing(ada: Person) -> None:
    boss = core.person()
    assign(ada, boss)

    assert not assign(ada, boss)

    assert ada.events.count() == 1


def test_manager_can_be_removed(ada: Person) -> None:
    assign(ada, core.person())

    assert assign(ada, None)

    assert manager_of(ada) is None


def test_person_counts_as_manager_while_they_have_reports(ada: Person) -> None:
    boss = core.person()
    assign(ada, boss)
    assert Person.objects.with_is_manager().get(pk=boss.pk).has_reports

    assign(ada, None)

    assert not Person.objects.with_is_manager().get(pk=boss.pk).has_reports


def test_manager_can_be_inactive(ada: Person) -> None:
    assert assign(ada, core.person(state=Person.State.INACTIVE))


def test_manager_can_be_invited(ada: Person) -> None:
    assert assign(ada, core.person(state=Person.State.INVITED))


def test_refuses_person_as_own_manager(ada: Person) -> None:
    with pytest.raises(managers.SelfManager):
        assign(ada, Person.objects.get(pk=ada.pk))

    assert manager_of(ada) is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"role": Person.Role.GUEST}, id="guest"),
        pytest.param({"state": Person.State.TERMINATED}, id="terminated"),
    ],
)
def test_refuses_guest_or_terminated_manager(ada: Person, fields: dict[str, str]) -> None:
    with pytest.raises(managers.InvalidManager):
        assign(ada, core.person(**fields))

    assert manager_of(ada) is None


def test_refuses_manager_of_another_company(ada: Person) -> None:
    with core.in_another_tenant():
        stranger = core.person()

    with pytest.raises(managers.InvalidManager):
        assign(ada, stranger)


@pytest.mark.parametrize("length", [2, 3, 12])
def test_refuses_circular_reporting_line(ada: Person, length: int) -> None:
    lowest = ada
    for _ in range(length - 1):
        lowest = core.person(manager=lowest)

    with pytest.raises(managers.CircularManager):
        assign(ada, lowest)

    assert manager_of(ada) is None


def test_limits_queries_for_a_long_reporting_line(
    ada: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    highest = lowest = core.person()
    for _ in range(30):
        lowest = core.person(manager=lowest)

    with django_assert_max_num_queries(10):
        assign(ada, lowest)

    assert manager_of(highest) is None


def test_succeeds_if_the_database_contains_a_circle_already(ada: Person) -> None:
    one = core.person()
    other = core.person(manager=one)
    Person.objects.filter(pk=one.pk).update(manager=other)

    assert assign(ada, one)


class TestNewPerson:
    PROFILE = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")

    def test_is_added_with_a_manager(self, tenant: Tenant) -> None:
        boss = core.person()

        bob = people.add_person(self.PROFILE, actor=OKTA, manager=boss)

        assert manager_of(bob) == boss

    def test_is_refused_with_a_guest_as_manager(self, tenant: Tenant) -> None:
        guest = core.person(role=Person.Role.GUEST)

        with pytest.raises(managers.InvalidManager):
            people.add_person(self.PROFILE, actor=OKTA, manager=guest)

        assert Person.objects.count() == 1
