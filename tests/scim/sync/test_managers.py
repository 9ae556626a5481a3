"""Managers as identity providers send them."""

from collections.abc import Callable
from typing import Any

import pytest

from people.models import Person
from people.operations import people_update
from people.values import Actor
from tests.clients.scim import ENT, Answer, Provider, mail, managed_by, someone
from tests.factories import core

pytestmark = pytest.mark.django_db

SELF = "Employees can't be assigned as their own manager"
CIRCLE = "Employees can't be assigned as their manager's manager"
BOSS = {"userName": "Bob", "externalId": "X-7", "emails": [mail("Boss@example.com")]}

# The values that may name Bob, given his id.
NAMES: dict[str, Callable[[str], str]] = {
    "id": lambda scim_id: scim_id,
    "user name": lambda _: "Bob",
    "user name in another case": lambda _: "bOB",
    "email": lambda _: "Boss@example.com",
    "email in another case": lambda _: "boss@EXAMPLE.com",
    "externalId": lambda _: "X-7",
}
# The JSON forms around such a value.
FORMS: dict[str, Callable[[str], Any]] = {
    "string": lambda name: name,
    "object": lambda name: {"value": name},
    "object with more": lambda name: {"value": name, "displayName": "Bob", "$ref": "../Users/x"},
    "list": lambda name: [{"value": name}],
    "reference": lambda name: {"$ref": f"https://ramp.example.com/scim/v2/Users/{name}"},
}
# The requests by which providers remove a manager.
CLEARINGS: dict[str, Callable[[Provider, str], Answer]] = {
    "PUT without": lambda scim, ada: scim("PUT", f"/Users/{ada}", someone()),
    "PUT null": lambda scim, ada: scim("PUT", f"/Users/{ada}", someone(**managed_by(None))),
    "PUT blank": lambda scim, ada: scim("PUT", f"/Users/{ada}", someone(**managed_by(""))),
    "PUT blank beside the old reference": lambda scim, ada: scim(
        "PUT",
        f"/Users/{ada}",
        someone(**managed_by(scim.read(ada)[ENT]["manager"] | {"value": ""})),
    ),
    "replace by null": lambda scim, ada: scim.replace(ada, f"{ENT}:manager", None),
    "replace by blank": lambda scim, ada: scim.replace(ada, f"{ENT}:manager", ""),
    "replace the value": lambda scim, ada: scim.replace(ada, f"{ENT}:manager.value", ""),
    "remove the value": lambda scim, ada: scim.patch(
        ada, {"op": "remove", "path": f"{ENT}:manager.value"}
    ),
    "remove": lambda scim, ada: scim.patch(ada, {"op": "Remove", "path": f"{ENT}:manager"}),
    "no path": lambda scim, ada: scim.patch(
        ada, {"op": "replace", "value": {f"{ENT}:manager": ""}}
    ),
}


def manager_of(name: str = "ada") -> str | None:
    """Return the given name of this person's manager."""
    people = Person.objects.filter(email=f"{name}@example.com")
    found: str | None = people.values_list("manager__given_name", flat=True).get()
    return found


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_manager_is_found_by_every_identifier_in_every_form(
    scim: Provider, name: Callable[[str], str], form: Callable[[str], Any]
) -> None:
    boss = scim.add("bob", **BOSS)

    answer = scim("POST", "/Users", someone(**managed_by(form(name(boss)))))

    assert answer.status == 201
    assert manager_of() == "Bob"
    result = answer.body[ENT]["manager"]
    assert result["value"] == name(boss)
    assert result["$ref"].endswith(f"/scim/v2/Users/{boss}")
    assert scim.read(answer.id) == answer.body


@pytest.mark.parametrize("path", [f"{ENT}:manager", "manager", f"{ENT}:Manager.value".lower()])
def test_manager_is_changed_by_patch(scim: Provider, path: str) -> None:
    scim.add("bob")
    scim.add("cy")
    ada = scim.add("ada", **managed_by("bob@example.com"))

    answer = scim.replace(ada, path, "cy@example.com")

    assert answer.status == 200
    assert manager_of() == "Cy"
    assert answer.body[ENT]["department"] == "Research"


def test_manager_may_be_a_person_without_scim_user(scim: Provider, owner: Person) -> None:
    answer = scim("POST", "/Users", someone(**managed_by(owner.email)))

    assert manager_of() == "Olga"
    assert answer.body[ENT]["manager"] == {"value": owner.email}


@pytest.mark.parametrize("clear", CLEARINGS.values(), ids=CLEARINGS)
def test_manager_is_removed_by_every_form_of_request(
    scim: Provider, clear: Callable[[Provider, str], Answer]
) -> None:
    scim.add("bob")
    ada = scim.add("ada", **managed_by("bob@example.com"))

    answer = clear(scim, ada)

    assert answer.status == 200
    assert answer.body[ENT] == {"department": "Research"}
    assert manager_of() is None


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_person_cannot_become_their_own_manager(scim: Provider, name: Callable[[str], str]) -> None:
    boss = scim.add("bob", **BOSS)

    answer = scim.replace(boss, f"{ENT}:manager", name(boss))

    assert (answer.status, answer.detail) == (400, SELF)
    assert Person.objects.get(given_name="Bob").manager is None


def test_new_person_cannot_be_their_own_manager(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone(**managed_by("ADA@example.com")))

    assert (answer.status, answer.detail) == (400, SELF)


@pytest.mark.parametrize("chain", [["bob"], ["bob", "cy"], ["bob", "cy", "dan", "eve"]], ids=len)
def test_circle_of_managers_is_refused(scim: Provider, chain: list[str]) -> None:
    ada = above = scim.add("ada")
    for name in chain:
        above = scim.add(name, **managed_by(above))

    answer = scim.replace(ada, f"{ENT}:manager", above)

    assert (answer.status, answer.detail) == (400, CIRCLE)
    assert manager_of() is None


def test_manager_and_report_can_swap_in_two_steps(scim: Provider) -> None:
    ada = scim.add("ada")
    bob = scim.add("bob", **managed_by(ada))

    assert scim.replace(bob, f"{ENT}:manager", "").status == 200
    assert scim.replace(ada, f"{ENT}:manager", bob).status == 200

    assert (manager_of("ada"), manager_of("bob")) == ("Bob", None)


@pytest.mark.parametrize("leave", ["deactivated", "deleted"])
def test_inactive_or_deleted_manager_stays_manager(scim: Provider, leave: str) -> None:
    boss = scim.add("bob")
    ada = scim.add("ada", **managed_by(boss))

    if leave == "deleted":
        scim("DELETE", f"/Users/{boss}")
    else:
        scim.replace(boss, "active", value=False)

    assert manager_of() == "Bob"
    assert scim.replace(ada, "title", "Countess").status == 200
    assert manager_of() == "Bob"
    assert scim.read(ada)[ENT]["manager"]["value"] == boss


def test_inactive_person_can_be_assigned_as_manager(scim: Provider) -> None:
    boss = scim.add("bob", active=False)

    scim.add("ada", **managed_by(boss))

    assert manager_of() == "Bob"


def test_person_is_manager_while_they_have_reports(scim: Provider) -> None:
    boss = scim.add("bob")
    ada = scim.add("ada", **managed_by(boss))

    def managers() -> list[str]:
        people = Person.objects.with_is_manager().filter(has_reports=True)
        return list(people.values_list("given_name", flat=True))

    assert managers() == ["Bob"]
    scim.replace(ada, f"{ENT}:manager", "")
    assert managers() == []


def test_id_takes_precedence_over_equal_external_id(scim: Provider) -> None:
    boss = scim.add("bob")
    scim.add("cy", externalId=boss)

    scim.add("ada", **managed_by(boss))

    assert manager_of() == "Bob"


def test_manually_assigned_manager_stays_until_provider_sends_another(scim: Provider) -> None:
    scim.add("bob")
    ada = scim.add("ada", **managed_by("bob@example.com"))
    hand = Actor("person", "helpdesk@example.com")
    person = Person.objects.get(email="ada@example.com")
    people_update.assign_manager(person, core.person(given_name="Cy"), actor=hand)

    scim.replace(ada, "title", "Countess")

    assert manager_of() == "Cy"


@pytest.mark.parametrize(
    "value", [["bob", "cy"], {"value": ["bob", "cy"]}, {"value": {"name": "bob"}}]
)
def test_malformed_manager_value_is_refused(scim: Provider, value: Any) -> None:
    answer = scim("POST", "/Users", someone(**managed_by(value)))

    assert answer.status == 400
    assert answer.body["scimType"] == "invalidValue"
    assert "manager" in answer.detail
