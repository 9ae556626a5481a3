"""Every change of a person sets `changed_at`, so that an outdated edit page refuses to save."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from people import tenancy
from people.db.models import field_values
from people.models import BulkChange, Person, Tenant
from people.models.field_table import FIELDS, REVISABLE
from people.operations.roles.withheld_roles import ASKED
from provisioning.sign_in.sign_in import sign_in
from scim.models import ScimUser
from tests.clients.pages import signed_in
from tests.clients.scim import Provider, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import rank_cases, sign_in_flow
from tests.test_ranks_on_pages import CHANGES, edit, made, send

pytestmark = pytest.mark.django_db

COLUMNS = tuple(dict.fromkeys((*FIELDS, *REVISABLE)))


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    """Activate a tenant with an Owner, so that no other person is the last Owner."""
    tenant = core.tenant()
    with tenancy.use(tenant):
        core.owner()
        yield tenant


def values(person: Person) -> dict[str, Any]:
    return field_values(Person.objects.get(pk=person.pk), COLUMNS)


def changed_at(person: Person) -> Any:
    return Person.objects.values_list("changed_at", flat=True).get(pk=person.pk)


@pytest.mark.parametrize("name", CHANGES)
def test_each_page_or_api_call_sets_changed_at(name: str) -> None:
    person = made(CHANGES[name], CHANGES[name].targets[-1])
    asked = CHANGES[name].ask(person)
    before, at = values(person), changed_at(person)

    send(asked, core.owner())

    assert values(person) == before or changed_at(person) > at


def test_granting_a_withheld_role_sets_changed_at() -> None:
    ada, role = core.person(), rank_cases.role(is_elevated=True)
    Person.objects.filter(pk=ada.pk).update(withheld_roles={f"role:{role.pk}": ASKED})
    at = changed_at(ada)

    signed_in(core.owner()).post(f"/people/{ada.pk}/roles/", {"role": role.pk})

    assert values(ada)["withheld_roles"] == {}
    assert changed_at(ada) > at


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"name": {"givenName": "Another", "familyName": "Lovelace"}},
        {"emails": [{"value": "another@example.com"}]},
        {"roles": [{"value": Person.Role.BOOKKEEPER}]},
        managed_by("bob@example.com"),
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_scim_update_sets_changed_at(method: str, change: dict[str, Any]) -> None:
    scim = Provider(scim_connection())
    scim.add("bob")
    ada_id = scim.add("ada")
    ada = ScimUser.objects.get(scim_id=ada_id).person
    assert ada
    before, at = values(ada), changed_at(ada)
    patch = {"Operations": [{"op": "replace", "value": change}]}

    answer = scim(method, f"/Users/{ada_id}", patch if method == "PATCH" else someone(**change))

    assert answer.status == 200, answer.content
    assert values(ada) != before
    assert changed_at(ada) > at


def test_scim_deletion_and_return_set_changed_at() -> None:
    scim = Provider(scim_connection())
    ada_id = scim.add("ada")
    ada = ScimUser.objects.get(scim_id=ada_id).person
    assert ada

    for write in (lambda: scim("DELETE", f"/Users/{ada_id}"), lambda: scim.add("ada")):
        before, at = values(ada), changed_at(ada)
        write()
        assert values(ada) != before
        assert changed_at(ada) > at


def test_outdated_edit_page_refuses_to_save() -> None:
    ada = core.person()
    opened = edit(ada)
    Person.objects.filter(pk=ada.pk).update(changed_at=timezone.now())

    page = signed_in(core.owner()).post(opened.path, opened.data)

    assert "has changed since you opened this page" in page.content.decode()


def test_sign_in_that_assigns_a_role_sets_changed_at() -> None:
    ada, corp = core.person(state=Person.State.INVITED), sign_in_flow.provider()
    linked = sign_in_flow.identity(corp, ada)
    sign_in_flow.mapping(corp, "Finance", Person.Role.BOOKKEEPER)
    at = changed_at(ada)

    sign_in(corp, sign_in_flow.claims(linked.subject, sign_in_flow.groups("Finance")))

    after = values(ada)
    assert (after["state"], after["role"]) == (Person.State.ACTIVE, Person.Role.BOOKKEEPER)
    assert changed_at(ada) > at


def test_undo_of_a_bulk_change_sets_changed_at() -> None:
    ada, client = core.person(), signed_in(core.owner())
    form = {"action": "deactivate_selected", "_selected_action": str(ada.pk), "confirmed": "yes"}
    client.post("/people/", form)
    undo = f"/people/bulk-changes/{BulkChange.objects.get().pk}/undo/"
    kept, at = client.get(undo).context["kept"], changed_at(ada)

    client.post(undo, {"kept": kept})

    assert values(ada)["state"] == Person.State.ACTIVE
    assert changed_at(ada) > at
