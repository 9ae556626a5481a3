"""Applying a list of people to Ramp."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from people.models import (
    BulkChange,
    Comparison,
    CustomField,
    Event,
    Invite,
    Mail,
    Person,
    Tenant,
)
from people.operations.people import deactivate_person
from people.operations.people_update import revise_person
from people.tasks import continue_comparisons, undo_bulk_changes
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.people.comparison.lists import HEADER, NEW, as_csv, as_stored, row_of, rows
from tests.people.comparison.visit import Visit

pytestmark = pytest.mark.django_db

HR = Actor("person", "hr@example.com")
HR_SYSTEM = Actor("command", "hr")


def test_adds_changes_and_deactivates_selected_people(
    visit: Visit, owner: Person, zoe: Person, leaver: Person, tenant: Tenant
) -> None:
    CustomField.objects.create(tenant=tenant, name="Job title", external_name="title")
    header = (*HEADER, "Job Title")
    moved = row_of(zoe, department="Legal", manager=owner.email)
    new = [*NEW[:-1], zoe.email, "Clerk"]
    visit.compare(as_csv([header, [*row_of(owner), ""], [*moved, "Lead"], new]))
    visit.tick("gone", leaver.full_name)

    visit.apply()

    assert "The selection was applied" in visit.page()
    added = Person.objects.get(email="new@example.com")
    assert (added.state, added.manager, str(added.location)) == ("invited", zoe, "Rome")
    assert added.custom_values == {"title": "Clerk"}
    zoe.refresh_from_db()
    assert (str(zoe.department), zoe.manager) == ("Legal", owner)
    leaver.refresh_from_db()
    assert leaver.state == Person.State.INACTIVE
    [invite] = Invite.objects.all()
    assert not invite.hold_reason
    assert Mail.objects.filter(kind=Mail.Kind.INVITE).count() == 1
    assert set(Event.objects.values_list("actor", flat=True)) >= {f"person:{owner.email}"}


def test_does_not_deactivate_missing_people_by_default(
    visit: Visit, owner: Person, leaver: Person
) -> None:
    visit.compare(rows(row_of(owner), NEW))

    assert leaver.full_name in visit.page("gone")
    visit.apply()

    leaver.refresh_from_db()
    assert leaver.state == Person.State.ACTIVE


def test_adds_managers_before_their_reports(visit: Visit, owner: Person) -> None:
    chain = [
        [
            f"p{number}@example.com",
            f"P{chr(65 + number)}",
            "X",
            "",
            "",
            f"p{number + 1}@example.com",
        ]
        for number in range(5)
    ]
    visit.compare(rows(row_of(owner), *chain, ["p5@example.com", "Top", "X", "", "", owner.email]))

    visit.apply()

    assert Person.objects.get(email="p0@example.com").manager.email == "p1@example.com"
    assert Person.objects.get(email="p5@example.com").manager == owner


def test_undo_reverts_the_whole_list(
    visit: Visit, owner: Person, zoe: Person, leaver: Person
) -> None:
    before = as_stored()
    moved = row_of(zoe, department="Legal", given_name="Zoé", manager=owner.email)
    visit.compare(rows(row_of(owner), moved, NEW))
    visit.tick("gone", leaver.full_name)
    visit.apply()

    result = visit.undo()

    assert "The change was undone for 3 people." in result
    assert [one for one in as_stored() if one["email"] != "new@example.com"] == before
    added = Person.objects.get(email="new@example.com")
    assert (added.state, Invite.objects.open().count()) == ("inactive", 0)


def test_list_can_be_applied_again_after_undo(visit: Visit, owner: Person, zoe: Person) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe), NEW))
    visit.apply()
    visit.undo()

    visit.compare(rows(row_of(owner), row_of(zoe), NEW))
    visit.apply()

    [added] = Person.objects.filter(email="new@example.com")
    assert added.state == Person.State.INVITED


def test_undo_skips_and_names_people_who_have_changed_since(
    visit: Visit, owner: Person, zoe: Person
) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe, department="Legal"), NEW))
    visit.apply()
    profile = Person.objects.get(pk=zoe.pk).profile
    revise_person(zoe, profile.__class__(**profile.__dict__ | {"family_name": "Z"}), actor=HR)

    visit.undo()

    zoe.refresh_from_db()
    assert str(zoe.department) == "Legal"
    assert "They have changed since then." in text_of(visit.client.get(visit.bulk_change_url()))
    assert Person.objects.get(email="new@example.com").state == Person.State.INACTIVE


def change_department(person: Person) -> None:
    profile = Person.objects.get(pk=person.pk).profile
    changed = profile.__class__(**profile.__dict__ | {"department": "Elsewhere"})
    revise_person(person, changed, actor=HR)


def take_address(person: Person) -> None:
    core.person(email="new@example.com")


def mark_managed(person: Person) -> None:
    mark = {"department": {"by": "scim:okta", "since": "2026-01-01T00:00:00+00:00"}}
    Person.objects.filter(pk=person.pk).update(managed_fields=mark)


def deactivate(person: Person) -> None:
    deactivate_person(person, actor=HR)


CHANGES_SINCE_COMPARISON: dict[str, tuple[Callable[[Person], None], str]] = {
    "a field": (change_department, "Their department has changed since the comparison."),
    "a managed field": (
        mark_managed,
        "Their department has an owner now. Okta manages this field.",
    ),
    "the state": (deactivate, "They are inactive now."),
    "a taken address": (take_address, "Email is already associated with another employee"),
}


@pytest.mark.parametrize("change", CHANGES_SINCE_COMPARISON)
def test_nothing_is_applied_if_a_selected_row_is_outdated(
    visit: Visit, owner: Person, zoe: Person, change: str
) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe, department="Legal"), NEW))
    make, message = CHANGES_SINCE_COMPARISON[change]
    make(zoe)
    before = as_stored()

    visit.apply()

    assert "Nothing was applied" in visit.page()
    assert message in visit.page()
    assert as_stored() == before
    assert not Invite.objects.exists()
    assert not BulkChange.objects.exists()


def test_can_be_applied_without_the_outdated_rows(visit: Visit, owner: Person, zoe: Person) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe, department="Legal"), NEW))
    change_department(zoe)
    visit.apply()

    visit.client.post(visit.url, {"do": "leave-out"})
    visit.apply()

    assert "The selection was applied" in visit.page()
    assert Person.objects.filter(email="new@example.com").exists()


def test_failure_while_applying_reverts_the_whole_list(
    visit: Visit, owner: Person, tenant: Tenant
) -> None:
    """Each of the last administrators could be deactivated, but not all of them."""
    owner_row = row_of(owner)
    other = core.owner(email="other@example.com", given_name="Other")
    admins = [core.person(role=Person.Role.OWNER, email=f"o{one}@example.com") for one in range(2)]
    visit.compare(rows(owner_row, NEW))
    for person in (other, *admins):
        visit.tick("gone", person.full_name)
    deactivate_person(owner, actor=Actor("command", "tests"))
    Comparison.objects.update(state=Comparison.State.CHECKING, applied_by="command:tests")
    before = as_stored()

    continue_comparisons()

    comparison = Comparison.objects.get()
    assert comparison.state == Comparison.State.STOPPED
    refused = comparison.rows.get(outcome="refused")
    assert "last" in refused.problem.lower()
    states = {row["email"]: row["state"] for row in as_stored()}
    assert states == {row["email"]: row["state"] for row in before} | {
        "new@example.com": "inactive"
    }
    # The added person was never sent an invite.
    assert not Mail.objects.filter(kind=Mail.Kind.INVITE).exists()


def test_does_not_change_managed_fields_and_says_so(visit: Visit, owner: Person) -> None:
    scim = Provider(scim_connection("okta"))
    scim.add("zoe")
    zoe = Person.objects.select_related("department", "location").get(scim_users__isnull=False)
    before = zoe.profile

    visit.compare(rows(row_of(owner), row_of(zoe, department="Elsewhere", manager=owner.email)))

    page = visit.page("different")
    assert "Not applied. Okta manages this field. Change it there." in page
    visit.apply()
    zoe.refresh_from_db()
    assert (zoe.profile, zoe.manager) == (before, owner)


def test_rank_is_checked_again_when_the_list_is_applied(owner: Person, tenant: Tenant) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    zoe = core.person(email="zoe@example.com")
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner), row_of(admin), row_of(zoe, family_name="Changed")))
    Person.objects.filter(pk=zoe.pk).update(role=Person.Role.OWNER)

    visit.apply()

    assert "so only an Owner can change this account." in visit.page()
    zoe.refresh_from_db()
    assert zoe.family_name == "Lovelace"


def test_refuses_roles_above_the_administrators_rank(owner: Person, tenant: Tenant) -> None:
    it_admin = core.administrator(email="it@example.com", role=Person.Role.IT_ADMIN)
    visit = Visit(signed_in(it_admin))
    header = ("Email", "First name", "Last name", "Role")
    visit.compare(as_csv([header, ["new@example.com", "New", "One", "Admin"]]))

    visit.apply()

    assert "You cannot grant or remove a role above your own" in visit.page()
    assert not Person.objects.filter(email="new@example.com").exists()


def test_is_not_applied_if_the_administrator_was_deactivated_meanwhile(
    owner: Person, tenant: Tenant
) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner), row_of(admin), NEW))

    visit.apply(work=lambda: deactivate_person(admin, actor=HR_SYSTEM))
    continue_comparisons()

    assert Comparison.objects.get().state == Comparison.State.STOPPED
    assert not Person.objects.filter(email="new@example.com").exists()


def test_asks_for_the_number_before_deactivating_many_people(
    visit: Visit, owner: Person, tenant: Tenant
) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(alarm_people=2, alarm_percent=20)
    for number in range(4):
        core.person(given_name=f"Gone {number}")
    visit.compare(rows(row_of(owner)))
    visit.post(show="gone", do="all")

    for entered in ("", "3"):
        answer = visit.client.post(f"{visit.url}apply/", {"confirmed": entered})
        assert "You are about to deactivate 4 of 5 active people." in text_of(answer)
    visit.apply(confirmed="4")

    assert Person.objects.filter(state=Person.State.INACTIVE).count() == 4


class PowerCut(BaseException):
    """The worker is killed; the product does not catch this."""


class DieAfter:
    """Executes a number of statements, then dies."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        if not self.left:
            raise PowerCut
        self.left -= 1
        return execute(*statement)


@pytest.mark.django_db(transaction=True)
def test_list_is_applied_once_though_the_worker_is_killed_repeatedly(
    visit: Visit, owner: Person, zoe: Person, leaver: Person
) -> None:
    new = [[f"p{number}@example.com", "New", "One", "Sales", "", ""] for number in range(8)]
    moved = row_of(zoe, department="Legal")

    deaths = visit.compare(rows(row_of(owner), moved, *new), work=work_between_deaths)
    visit.tick("gone", leaver.full_name)
    deaths += visit.apply(work=work_between_deaths)

    assert deaths >= 20
    assert Person.objects.filter(given_name="New").count() == 8
    assert Invite.objects.count() == Mail.objects.filter(kind=Mail.Kind.INVITE).count() == 8
    change = BulkChange.objects.get()
    assert change.items.count() == 10
    kinds = Event.objects.values_list("kind", flat=True)
    assert (
        [*kinds].count("person.added"),
        [*kinds].count("person.revised"),
        [*kinds].count("person.deactivated"),
    ) == (8, 1, 1)
    assert "The selection was applied" in visit.page()
    visit.undo()
    undo_bulk_changes()
    assert Person.objects.filter(given_name="New", state="inactive").count() == 8


def work_between_deaths() -> int:
    """Kill workers after more and more statements until one finishes; return the number killed."""
    deaths = 0
    while True:
        try:
            with connection.execute_wrapper(DieAfter(10 + 2 * deaths)):
                continue_comparisons()
        except PowerCut:
            connection.close()
            deaths += 1
        else:
            return deaths
