"""Bulk edit of people: form, preview, result and undo."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from people.models import BulkChange, Person
from people.operations.bulk import edit, undo
from people.operations.people import add_person
from people.operations.people_update import assign_manager, revise_person
from people.values import Actor, Profile
from people.views.bulk import edit as edit_views
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
OKTA = Actor("scim", "okta")
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def client(clock: object, owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def people(clock: object, owner: Person) -> list[Person]:
    return [core.person(given_name=name, family_name="Byrne") for name in ("Ada", "Bob", "Cy")]


def select(client: Client, people: list[Person], **more: Any) -> Any:
    """Select people in the list and choose “Edit”; return the form."""
    form = {"action": "edit_selected", "_selected_action": [str(one.pk) for one in people]} | more
    return client.post("/people/?state=everybody", form, follow=True)


def preview(client: Client, people: list[Person], **values: Any) -> Any:
    """Enter new values for these people, and return the preview."""
    page = select(client, people)
    return client.post(page.request["PATH_INFO"], values, follow=True)


def apply(client: Client, people: list[Person], **values: Any) -> str:
    page = preview(client, people, **values)
    assert "errors" not in page.context or page.context["form"].errors == {}
    return text_of(client.post(page.request["PATH_INFO"], follow=True))


def undone(client: Client) -> str:
    address = f"/people/bulk-changes/{latest().pk}/undo/"
    kept = client.get(address).context["kept"]
    return text_of(client.post(address, {"kept": kept}, follow=True))


def latest() -> BulkChange:
    change: BulkChange = BulkChange.objects.applied().latest("began_at")
    return change


def now(person: Person) -> Person:
    found: Person = Person.objects.select_related("department", "location", "manager").get(
        pk=person.pk
    )
    return found


def row_of(page: Any, person: Person) -> str:
    """Return the line of the person in the preview, without markup."""
    [line] = [edit for edit in page.context["page"] if edit.person == person]
    changes = [f"{one.label}: {one.old} → {one.new}" for one in line.changes]
    return " | ".join([*changes, *line.refused])


def test_preview_shows_the_changes_of_each_person(client: Client, people: list[Person]) -> None:
    legal, sales = core.department("Legal"), core.department("Sales")
    ada, bob, cy = people
    Person.objects.filter(pk=ada.pk).update(department=sales)
    Person.objects.filter(pk=bob.pk).update(department=legal)

    page = preview(client, people, department=legal.pk)

    assert "Change 2 people?" in text_of(page)
    assert row_of(page, ada) == "Department: Sales → Legal"
    assert row_of(page, bob) == ""
    assert row_of(page, cy) == "Department:  → Legal"
    assert "1 person has these values already." in text_of(page)
    assert now(ada).department == sales


def test_changes_all_fields_and_can_be_undone(client: Client, people: list[Person]) -> None:
    grace = core.person(given_name="Grace")
    sales = core.department("Sales")
    Person.objects.filter(pk=people[0].pk).update(department=sales)
    values = {
        "department": core.department("Legal").pk,
        "location": core.location("Oslo").pk,
        "manager": grace.pk,
        "role": Person.Role.BOOKKEEPER,
    }

    page = apply(client, people, **values)

    assert "3 people were changed." in page
    assert "3 people edited (department, location, manager, role)" in page
    ada = now(people[0])
    assert (str(ada.department), str(ada.location)) == ("Legal", "Oslo")
    assert (ada.manager, ada.role) == (grace, Person.Role.BOOKKEEPER)
    assert "The change was undone for 3 people." in undone(client)
    ada, bob = now(people[0]), now(people[1])
    assert (ada.department, ada.location, ada.manager) == (sales, None, None)
    assert (bob.department, bob.role) == (None, Person.Role.CARDHOLDER)


def test_timeline_shows_the_change(client: Client, people: list[Person]) -> None:
    apply(client, people, department=core.department("Legal").pk)

    assert "set department" in text_of(client.get(f"/people/{people[0].pk}/"))


@pytest.mark.parametrize("field", ["department", "location", "manager"])
def test_value_can_be_removed_and_restored_by_undo(
    client: Client, people: list[Person], field: str
) -> None:
    make: Any = {"department": core.department, "location": core.location, "manager": core.person}
    value = make[field]()
    Person.objects.filter(pk=people[0].pk).update(**{field: value})

    apply(client, people, **{f"remove_{field}": "on"})

    assert getattr(now(people[0]), field) is None
    undone(client)
    assert getattr(now(people[0]), field) == value


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "Select at least one new value."),
        ({"role": "GUEST_USER"}, "is not one of the available choices"),
        ({"department": "99999"}, "There is no department like that in Ramp."),
    ],
)
def test_shows_an_error_for_missing_or_invalid_values(
    client: Client, people: list[Person], values: dict[str, str], error: str
) -> None:
    assert error in text_of(preview(client, people, **values))


def test_refuses_a_value_that_is_also_removed(client: Client, people: list[Person]) -> None:
    values = {"department": core.department().pk, "remove_department": "on"}

    assert "or remove it, but not both" in text_of(preview(client, people, **values))


def test_refuses_a_guest_as_manager(client: Client, people: list[Person]) -> None:
    guest = core.person(role=Person.Role.GUEST)

    page = preview(client, people, manager=guest.pk)

    assert "is not associated with an eligible profile" in text_of(page)


def test_does_not_change_managed_fields(client: Client, people: list[Person]) -> None:
    profile = Profile(
        given_name="Dot", family_name="Managed", email="dot@example.com", department="Sales"
    )
    dot = add_person(profile, actor=OKTA)
    values = {"department": core.department("Legal").pk, "location": core.location("Oslo").pk}

    page = preview(client, [dot, people[0]], **values)

    assert row_of(page, dot) == (
        "Location:  → Oslo | Department: managed by Okta. Change it in Okta."
    )
    page = apply(client, [dot, people[0]], **values)
    assert "except: Department: managed by Okta. Change it in Okta." in page
    assert (str(now(dot).department), str(now(dot).location)) == ("Sales", "Oslo")


def test_does_not_change_people_above_the_administrators_rank(owner: Person) -> None:
    client, ada = signed_in(core.administrator()), core.person()
    values = {"department": core.department("Legal").pk}

    page = preview(client, [owner, ada], **values)

    assert (
        row_of(page, owner) == "Olga Owner is an Owner, so only an Owner can change this account."
    )
    apply(client, [owner, ada], **values)
    assert (now(owner).department, str(now(ada).department)) == (None, "Legal")


def test_grants_no_role_above_the_administrators_rank(owner: Person) -> None:
    client, ada = signed_in(core.administrator()), core.person()

    page = preview(client, [ada], role=Person.Role.OWNER)

    assert page.status_code == 403
    assert now(ada).role == Person.Role.CARDHOLDER


def test_refuses_circular_reporting_lines(client: Client, people: list[Person]) -> None:
    ada, bob, cy = people
    assign_manager(cy, bob, actor=OKTA)
    Person.objects.update(managed_fields={})

    page = preview(client, people, manager=cy.pk)

    assert row_of(page, ada) == "Manager:  → Cy Byrne"
    assert "assigned as their manager's manager" in row_of(page, bob)
    assert "assigned as their own manager" in row_of(page, cy)
    apply(client, people, manager=cy.pk)
    assert [now(one).manager for one in people] == [cy, None, bob]


def test_refuses_to_change_the_role_of_the_last_owner(
    client: Client, owner: Person, people: list[Person]
) -> None:
    another = core.owner(given_name="Nora")

    page = preview(client, [owner, another, people[0]], role=Person.Role.ADMIN)

    assert row_of(page, another) == "Role: Owner → Admin"
    assert "is the last active Owner" in row_of(page, owner)
    apply(client, [another, people[0]], role=Person.Role.ADMIN)
    assert now(another).role == Person.Role.ADMIN
    apply(client, [owner, people[0]], role=Person.Role.BOOKKEEPER)
    assert now(owner).role == Person.Role.OWNER


def test_refuses_location_with_a_different_issuing_currency(
    client: Client, people: list[Person]
) -> None:
    oslo = core.location("Oslo", entity=core.entity("Norway", "NOK"))
    Person.objects.filter(pk=people[0].pk).update(location=core.location("Rome"))

    page = preview(client, people, location=oslo.pk)

    assert "different issuing currency" in row_of(page, people[0])
    apply(client, people, location=oslo.pk)
    assert [str(now(one).location) for one in people] == ["Rome", "Oslo", "Oslo"]


def test_does_not_change_terminated_people(client: Client, people: list[Person]) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    page = apply(client, [gone, people[0]], department=core.department("Legal").pk)

    assert "Not changed: Terminated people cannot be changed." in page
    assert now(gone).department is None


def test_undoes_only_values_that_have_not_changed_since(
    client: Client, people: list[Person]
) -> None:
    ada, bob, cy = people
    grace = core.person(given_name="Grace")
    apply(client, people, department=core.department("Legal").pk, manager=grace.pk)
    # Bob gets another department, and Cy another department and no manager.
    for person in (bob, cy):
        revised = replace(now(person).profile, department="Sales")
        revise_person(now(person), revised, actor=Actor("command", "test"))
    assign_manager(now(cy), None, actor=Actor("command", "test"))

    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/undo/"))
    assert f"{bob.email}</span>: department</li>" in page
    assert f"{cy.email}</span>: department, manager</li>" in page
    page = undone(client)

    assert (now(ada).department, now(ada).manager) == (None, None)
    assert (str(now(bob).department), now(bob).manager) == ("Sales", None)
    assert (str(now(cy).department), now(cy).manager) == ("Sales", None)
    assert "Undone, except: The department has changed since then." in page
    assert "Not changed: The department has changed since then. The manager has" in page


def test_undoes_nothing_if_all_people_have_changed_since(
    client: Client, people: list[Person]
) -> None:
    apply(client, people, department=core.department("Legal").pk)
    Person.objects.filter(given_name__in=["Ada", "Bob", "Cy"]).update(department=None)

    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/undo/"))

    assert "No people left to change" in page
    assert "All people have changed since then" in undone(client)


def test_cannot_be_undone_after_30_days(
    client: Client, clock: time_machine.Traveller, people: list[Person]
) -> None:
    apply(client, people, department=core.department("Legal").pk)
    clock.shift(timedelta(days=30, minutes=1))
    client = signed_in(core.owner())

    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/undo/", follow=True))

    assert "more than 30 days ago" in page


def test_undo_reports_that_an_earlier_value_was_deleted(
    client: Client, people: list[Person]
) -> None:
    sales = core.department("Sales")
    Person.objects.filter(pk=people[0].pk).update(department=sales)
    apply(client, people, department=core.department("Legal").pk)
    sales.delete()

    page = undone(client)

    assert "Not changed: Department: This department was deleted." in page
    assert (str(now(people[0]).department), now(people[1]).department) == ("Legal", None)


def test_continues_in_a_job_with_progress_on_the_page(
    client: Client, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_views, "SECONDS", 0)

    page = apply(client, people, department=core.department("Legal").pk)

    assert "Editing people" in page
    assert 'max="3" value="0"' in page
    assert now(people[0]).department is None
    assert undo.run_batch(seconds=60) == (3, True)
    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/"))
    assert "Editing people" not in page
    assert str(now(people[0]).department) == "Legal"


def test_is_applied_once(client: Client, people: list[Person]) -> None:
    page = preview(client, people, department=core.department("Legal").pk)
    client.post(page.request["PATH_INFO"])

    again = client.post(page.request["PATH_INFO"], follow=True)

    assert again.request["PATH_INFO"] == f"/people/bulk-changes/{latest().pk}/"
    assert people[0].events.count() == 1


def test_is_listed_only_after_it_was_applied(client: Client, people: list[Person]) -> None:
    preview(client, people, department=core.department("Legal").pk)

    assert "No bulk changes yet" in text_of(client.get("/people/bulk-changes/"))


def test_deletes_drafts_after_a_day(
    client: Client, clock: time_machine.Traveller, people: list[Person]
) -> None:
    select(client, people)
    clock.shift(timedelta(days=1, minutes=1))

    select(signed_in(core.owner()), people)

    assert BulkChange.objects.count() == 1


def test_can_select_everyone_who_matches_the_filters(client: Client, people: list[Person]) -> None:
    sales = core.department("Sales")
    for _ in range(60):
        core.person(department=sales)
    address = f"/people/?department__id__exact={sales.pk}"
    selected = [str(Person.objects.filter(department=sales)[0].pk)]
    form = {"action": "edit_selected", "_selected_action": selected, "select_across": "1"}

    page = client.post(address, form, follow=True)

    assert "Edit 60 people" in text_of(page)


def test_refuses_more_people_than_the_limit(
    client: Client, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit, "MAX_PEOPLE", 2)

    assert "Select at most 2 people." in text_of(select(client, people))
    assert not BulkChange.objects.exists()


def test_draft_is_visible_only_to_the_administrator_who_made_it(
    client: Client, people: list[Person]
) -> None:
    address = select(client, people).request["PATH_INFO"]

    for path in (address, address.replace("/edit/", "/preview/")):
        assert signed_in(core.owner()).get(path).status_code == 404
        with core.in_another_tenant():
            stranger = core.owner()
        assert signed_in(stranger).get(path).status_code == 404


def test_preview_takes_the_same_queries_for_few_and_many_people(
    client: Client, people: list[Person]
) -> None:
    grace, legal = core.person(given_name="Grace"), core.department("Legal")

    def queries(people: list[Person]) -> int:
        page = preview(client, people, manager=grace.pk, department=legal.pk, role="IT_ADMIN")
        return len(queries_of(client, page.request["PATH_INFO"]))

    few = queries(people)

    assert queries([core.person(manager=people[0]) for _ in range(40)]) == few
