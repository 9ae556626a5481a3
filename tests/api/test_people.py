"""People over the API."""

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.utils import timezone

from people.models import CustomField, Grant, Person, Role, Tenant
from people.operations import organization
from people.operations.people import deactivate_person
from people.operations.roles import base_roles
from people.operations.roles.group_mappings import apply_mappings
from people.values import normalize_key
from scim.connections import manage
from scim.jobs import reapply
from tests.clients.scim import Provider
from tests.clients.spend import Api
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(tenant: Tenant) -> Role:
    return Role.objects.create(tenant=tenant, name="Auditor", name_key=normalize_key("Auditor"))


@pytest.fixture
def okta(tenant: Tenant) -> Provider:
    return Provider(scim_connection())


def linked(provider: Provider, person: Person, external_id: str) -> str:
    """Link the person to a resource of the connection; return the id of the resource."""
    user = scim_user(
        provider.connection,
        person.email,
        externalId=external_id,
        name={"givenName": person.given_name, "familyName": person.family_name},
        emails=[{"value": person.email, "primary": True}],
    )
    user.person = person
    user.save()
    Person.objects.filter(pk=person.pk).update(managed_fields={"email": {"by": "scim:okta"}})
    return str(user.scim_id)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [one["id"] for one in answer.json()["results"]]


def keys(*people: Person) -> list[str]:
    return [str(one.pk) for one in people]


def test_person_has_all_fields(api: Api, owner: Person, auditor: Role, okta: Provider) -> None:
    CustomField.objects.create(tenant=owner.tenant, name="Cost center", external_name="cost_center")
    ada = core.person(
        email="ada@example.com",
        manager=owner,
        department=core.department("Sales"),
        location=core.location("Rome"),
        custom_values={"cost_center": "K-12", "deleted_field": "secret"},
    )
    base_roles.grant_role(ada, auditor, actor=owner.actor)
    linked(okta, ada, "00u1")
    ada.refresh_from_db()

    assert api.get(f"people/{ada.pk}").json() == {
        "id": str(ada.pk),
        "external_id": "00u1",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "ada@example.com",
        "role": "BUSINESS_USER",
        "state": "active",
        "department": "Sales",
        "location": "Rome",
        "manager": str(owner.pk),
        "is_manager": False,
        "custom_roles": ["Auditor"],
        "custom_fields": {"cost_center": "K-12"},
        "deactivates_at": None,
        "deactivated_at": None,
        "terminated_at": None,
        "created_at": moment(ada.created_at),
        "changed_at": moment(ada.changed_at),
    }
    assert api.get(f"people/{owner.pk}").json()["is_manager"]


def moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def test_filters_by_department_location_manager_and_external_id(
    api: Api, owner: Person, okta: Provider
) -> None:
    sales, rome = core.department("Sales"), core.location("Rome")
    ada = core.person(department=sales, location=rome, manager=owner)
    bob = core.person(department=sales)
    linked(okta, ada, "00u1")
    with core.in_another_tenant():
        linked(Provider(scim_connection()), core.person(), "00u1")

    assert ids(api.get("people", department="SALES")) == sorted(keys(ada, bob))
    assert ids(api.get("people", location="rome")) == keys(ada)
    assert ids(api.get("people", manager=str(owner.pk))) == keys(ada)
    assert ids(api.get("people", external_id="00u1")) == keys(ada)
    assert ids(api.get("people", external_id="00U1")) == []
    assert ids(api.get("people", department="Sales", manager=str(owner.pk))) == keys(ada)
    assert ids(api.get("people", department="Legal")) == []


def test_list_needs_the_same_queries_for_any_number(
    api: Api, owner: Person, auditor: Role, okta: Provider, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        person = core.person(manager=owner)
        linked(okta, person, f"00u{number}")
        base_roles.grant_role(person, auditor, actor=owner.actor)
    api.get("people")  # Writes the last use of the token, once a minute.

    # The token, the people, their custom roles, their externalIds, and the custom fields.
    for query in ({"page_size": 1}, {}):
        with django_assert_num_queries(5):
            api.get("people", **query)


class TestChangedSince:
    def test_returns_earliest_change_first_including_terminated_people(
        self, api: Api, owner: Person
    ) -> None:
        start = timezone.now()
        people = [core.person() for _ in range(3)]
        for minutes, person in enumerate(people):
            with time_machine.travel(start + timedelta(minutes=10 - minutes)):
                deactivate_person(person, actor=owner.actor)
        Person.objects.filter(pk=people[0].pk).update(
            state=Person.State.TERMINATED, terminated_at=start
        )

        with time_machine.travel(start + timedelta(hours=1)):
            since = moment(start + timedelta(minutes=8))
            assert ids(api.get("people", changed_since=since)) == keys(*reversed(people))
            # The time itself is included.
            found = api.get("people", changed_since=since).json()["results"]
            last = found[-1]["changed_at"]
            assert ids(api.get("people", changed_since=last)) == keys(people[0])
            inactive = api.get("people", changed_since=since, state="inactive")
            assert ids(inactive) == keys(people[2], people[1])

    def test_recent_changes_are_not_returned_yet(self, api: Api, ada: Person) -> None:
        since = moment(ada.changed_at)

        # A transaction that changed another person before Ada may commit later.
        assert ids(api.get("people", changed_since=since)) == []
        with time_machine.travel(ada.changed_at + timedelta(minutes=2, seconds=1)):
            assert ids(api.get("people", changed_since=since)) == keys(ada)

    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_pages_contain_everyone_who_changed_at_the_same_time(self, api: Api, size: int) -> None:
        sales = core.department("Sales")
        people = [core.person(department=sales) for _ in range(5)]
        start = timezone.now() + timedelta(minutes=1)
        with time_machine.travel(start, tick=False):
            sales.name = "Sales and marketing"
            organization.save_place(sales, actor=people[0].actor)

        found, address = [], f"/api/v1/people?page_size={size}&changed_since={start:%FT%TZ}"
        with time_machine.travel(start + timedelta(hours=1)):
            while address:
                page = api.client.get(address).json()
                assert page["previous"] is None
                found += [one["id"] for one in page["results"]]
                address = page["next"]

        assert found == sorted(keys(*people))

    def test_change_between_two_pages_skips_no_person(self, api: Api, owner: Person) -> None:
        people = [core.person() for _ in range(4)]
        start = timezone.now()
        with time_machine.travel(start + timedelta(hours=1)):
            first = api.get(
                "people", page_size=2, changed_since=moment(people[0].changed_at)
            ).json()
            deactivate_person(people[0], actor=owner.actor)
        with time_machine.travel(start + timedelta(hours=2)):
            second = api.client.get(first["next"]).json()

        found = [one["id"] for one in first["results"] + second["results"]]
        assert found[:4] == keys(*people)
        # The first person is listed again, because they changed after the first page.
        assert second["next"] or found[4:] == keys(people[0])

    @pytest.mark.parametrize(
        "value", ["yesterday", "2026-13-01T00:00:00Z", "12", "2026-11-30T10:00:00+99:00"]
    )
    def test_refuses_an_invalid_time(self, api: Api, value: str) -> None:
        answer = api.get("people", changed_since=value)

        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["changed_since"]

    @pytest.mark.parametrize(
        "position", ["", "x", "2026-11-30T10:00:00 x", "2026-11-30T10:00:00+00:00 x", "1 2"]
    )
    def test_refuses_a_forged_cursor(self, api: Api, position: str) -> None:
        cursor = b64encode(urlencode({"p": position}).encode()).decode()
        answer = api.get("people", changed_since="2026-11-30T10:00:00Z", cursor=cursor)

        assert answer.status_code == (400 if position else 200)


def grant_and_withdraw(person: Person, owner: Person, role: Role) -> None:
    base_roles.grant_role(person, role, actor=owner.actor)
    base_roles.withdraw_grant(Grant.objects.get(person=person), actor=owner.actor)


def rename_department(person: Person, owner: Person, role: Role) -> None:
    assert person.department
    person.department.name = "Legal"
    organization.save_place(person.department, actor=owner.actor)


def rename_role(person: Person, owner: Person, role: Role) -> None:
    Grant.objects.create(
        tenant=owner.tenant,
        person=person,
        role=role,
        source="test",
        since=timezone.now(),
        confirmed_at=timezone.now(),
    )
    role.name = "Controller"
    organization.save_place(role, actor=owner.actor)


def deactivate(person: Person, owner: Person, role: Role) -> None:
    deactivate_person(person, actor=owner.actor)


@pytest.mark.parametrize("change", [grant_and_withdraw, rename_department, rename_role, deactivate])
def test_change_of_a_shown_value_sets_changed_at(
    api: Api, owner: Person, auditor: Role, change: Callable[[Person, Person, Role], None]
) -> None:
    ada = core.person(department=core.department())

    assert changes(ada, lambda: change(ada, owner, auditor))


def changes(person: Person, action: Callable[[], object]) -> bool:
    """Return whether the action, an hour later, sets `changed_at` of the person."""
    before = person.changed_at
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        action()
    person.refresh_from_db()
    return person.changed_at > before


def test_new_external_id_sets_changed_at(api: Api, okta: Provider) -> None:
    ada = core.person(department=core.department(), location=core.location())
    scim_id = linked(okta, ada, "00u1")

    assert changes(ada, lambda: okta.replace(scim_id, "externalId", "00u2"))
    assert api.get(f"people/{ada.pk}").json()["external_id"] == "00u2"


def test_disconnecting_the_connection_sets_changed_at(
    api: Api, owner: Person, okta: Provider
) -> None:
    ada = core.person()
    linked(okta, ada, "00u1")

    manage.disconnect(okta.connection, actor=owner.actor)

    # The sync cycle releases what the connection managed.
    assert changes(ada, reapply.run_batch)
    assert api.get(f"people/{ada.pk}").json()["external_id"] is None


def test_mappings_that_grant_nothing_do_not_set_changed_at(owner: Person) -> None:
    ada = core.person()

    assert not changes(ada, lambda: apply_mappings(ada, [], origin="mapping:x:", actor=owner.actor))
