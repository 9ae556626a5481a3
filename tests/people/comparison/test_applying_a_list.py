"""A list that an administrator applies …"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from people.models import (
    BulkChange,
    Comparison,
    ComparisonRow,
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
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.people.comparison.lists import HEADER, as_csv, row_of
from tests.people.comparison.visit import Visit

pytestmark = pytest.mark.django_db

HR = Actor("person", "hr@example.com")
HR_SYSTEM = Actor("command", "hr")
NEW = ["new@example.com", "New", "Person", "Sales", "Rome", ""]


@pytest.fixture
def visit(owner: Person) -> Visit:
    return Visit(signed_in(owner))


@pytest.fixture
def zoe(owner: Person) -> Person:
    return core.person(email="zoe@example.com", given_name="Zoe", department=core.department())


@pytest.fixture
def leaver(owner: Person) -> Person:
    return core.person(email="leaver@example.com", given_name="Gone")


def rows(*listed: list[str]) -> str:
    return as_csv([HEADER, *listed])


def as_stored() -> list[dict[str, Any]]:
    besides = ("session_epoch", "changed_at", "manually_overridden_at")
    return [
        {key: row[key] for key in row if key not in besides}
        for row in Person.objects.order_by("pk").values()
    ]


def test_is_compared_before_anything_changes(visit: Visit, owner: Person, zoe: Person) -> None:
    before = as_stored()

    visit.compare(rows(row_of(owner), row_of(zoe, family_name="Other"), NEW))

    page = visit.page()
    assert "1 row of 3 matches Ramp. Nobody has been changed yet." in page
    assert "Selected: 1 to add, 1 to change, 0 to deactivate." in page
    assert "New Person" in page
    assert "<del><bdi>Lovelace</bdi></del> → <ins><bdi>Other</bdi></ins>" in visit.page("different")
    assert as_stored() == before


def test_adds_changes_and_deactivates_whom_it_selects(
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


def test_shows_its_progress_without_scripts_too(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW), work=lambda: None)

    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in visit.page()
    continue_comparisons()
    assert "refresh" not in visit.page()


def test_leaves_people_who_are_not_in_it_alone(visit: Visit, owner: Person, leaver: Person) -> None:
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


def test_is_undone_as_a_whole(visit: Visit, owner: Person, zoe: Person, leaver: Person) -> None:
    before = as_stored()
    moved = row_of(zoe, department="Legal", given_name="Zoé", manager=owner.email)
    visit.compare(rows(row_of(owner), moved, NEW))
    visit.tick("gone", leaver.full_name)
    visit.apply()

    said = visit.undo()

    assert "The change was undone for 3 people." in said
    assert [one for one in as_stored() if one["email"] != "new@example.com"] == before
    added = Person.objects.get(email="new@example.com")
    assert (added.state, Invite.objects.open().count()) == ("inactive", 0)


def test_can_be_applied_again_after_it_was_undone(visit: Visit, owner: Person, zoe: Person) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe), NEW))
    visit.apply()
    visit.undo()

    visit.compare(rows(row_of(owner), row_of(zoe), NEW))
    visit.apply()

    [added] = Person.objects.filter(email="new@example.com")
    assert added.state == Person.State.INVITED


def test_keeps_who_changed_after_it_and_names_them(
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


def give_owner(person: Person) -> None:
    mark = {"department": {"by": "scim:okta", "since": "2026-01-01T00:00:00+00:00"}}
    Person.objects.filter(pk=person.pk).update(managed_fields=mark)


def deactivate(person: Person) -> None:
    deactivate_person(person, actor=HR)


SINCE: dict[str, tuple[Callable[[Person], None], str]] = {
    "a field": (change_department, "Their department has changed since the comparison."),
    "an owner": (give_owner, "Their department has an owner now. Okta manages this field."),
    "the state": (deactivate, "They are inactive now."),
    "a taken address": (take_address, "Email is already associated with another employee"),
}


@pytest.mark.parametrize("change", SINCE)
def test_is_not_applied_at_all_if_something_has_changed_since(
    visit: Visit, owner: Person, zoe: Person, change: str
) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe, department="Legal"), NEW))
    make, message = SINCE[change]
    make(zoe)
    before = as_stored()

    visit.apply()

    assert "Nothing was applied" in visit.page()
    assert message in visit.page()
    assert as_stored() == before
    assert not Invite.objects.exists()
    assert not BulkChange.objects.exists()


def test_is_applied_without_the_rows_that_stop_it(visit: Visit, owner: Person, zoe: Person) -> None:
    visit.compare(rows(row_of(owner), row_of(zoe, department="Legal"), NEW))
    change_department(zoe)
    visit.apply()

    visit.client.post(visit.url, {"do": "leave-out"})
    visit.apply()

    assert "The selection was applied" in visit.page()
    assert Person.objects.filter(email="new@example.com").exists()


def test_is_undone_if_a_row_fails_only_when_it_is_applied(
    visit: Visit, owner: Person, tenant: Tenant
) -> None:
    """Each of the two last administrators may go, but not both."""
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
    # They were never mailed.
    assert not Mail.objects.filter(kind=Mail.Kind.INVITE).exists()


def test_marks_fields_that_a_provider_owns_and_leaves_them(visit: Visit, owner: Person) -> None:
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


def test_cannot_be_selected_if_a_provider_owns_every_difference(
    visit: Visit, owner: Person
) -> None:
    Provider(scim_connection("okta")).add("zoe")
    zoe = Person.objects.select_related("department", "location").get(scim_users__isnull=False)
    visit.compare(rows(row_of(owner), row_of(zoe, department="Elsewhere")))

    page = visit.page("different")

    assert "Nothing to apply." in page
    assert 'name="row"' not in page


def test_protects_people_above_the_rank(owner: Person, tenant: Tenant) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner, family_name="Changed"), NEW))

    assert "so only an Owner can change this account." in visit.page("different")
    # A forged tick is not stored.
    for row in ComparisonRow.objects.all():
        visit.post(show=row.kind, shown=row.pk, row=row.pk)
    assert set(ComparisonRow.objects.filter(is_selected=True).values_list("kind", flat=True)) == {
        "new"
    }
    assert "You cannot deactivate yourself by a list." in visit.page("gone")


def test_checks_the_rank_when_it_is_applied(owner: Person, tenant: Tenant) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    zoe = core.person(email="zoe@example.com")
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner), row_of(admin), row_of(zoe, family_name="Changed")))
    Person.objects.filter(pk=zoe.pk).update(role=Person.Role.OWNER)

    visit.apply()

    assert "so only an Owner can change this account." in visit.page()
    zoe.refresh_from_db()
    assert zoe.family_name == "Lovelace"


def test_grants_no_role_above_the_rank(owner: Person, tenant: Tenant) -> None:
    it_admin = core.administrator(email="it@example.com", role=Person.Role.IT_ADMIN)
    visit = Visit(signed_in(it_admin))
    header = ("Email", "First name", "Last name", "Role")
    visit.compare(as_csv([header, ["new@example.com", "New", "One", "Admin"]]))

    visit.apply()

    assert "You cannot grant or remove a role above your own" in visit.page()
    assert not Person.objects.filter(email="new@example.com").exists()


def test_is_not_applied_for_somebody_who_is_no_longer_an_administrator(
    owner: Person, tenant: Tenant
) -> None:
    admin = core.administrator(email="admin@example.com", role=Person.Role.ADMIN)
    visit = Visit(signed_in(admin))
    visit.compare(rows(row_of(owner), row_of(admin), NEW))

    visit.apply(work=lambda: deactivate_person(admin, actor=HR_SYSTEM))
    continue_comparisons()

    assert Comparison.objects.get().state == Comparison.State.STOPPED
    assert not Person.objects.filter(email="new@example.com").exists()


def test_is_deleted_after_thirty_days(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    visit.apply()

    with time_machine.travel(timezone.now() + timedelta(days=29)):
        continue_comparisons()
    assert Comparison.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        continue_comparisons()

    assert not Comparison.objects.exists()
    assert Person.objects.filter(email="new@example.com").exists()


def test_asks_again_before_it_deactivates_many(visit: Visit, owner: Person, tenant: Tenant) -> None:
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


def test_is_invisible_to_other_companies(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    with core.in_another_tenant():
        stranger = signed_in(core.owner())
    pages = ("", "columns/", "apply/", "unreadable.csv")

    answers = [stranger.get(f"{visit.url}{page}").status_code for page in pages]
    posted = [stranger.post(f"{visit.url}{page}").status_code for page in ("", "apply/", "delete/")]

    assert set(answers + posted) == {404}
    assert "list.csv" not in text_of(stranger.get("/people/compare/"))
    assert Comparison.objects.count() == 1


def test_is_only_for_administrators(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))
    cardholder = signed_in(core.person())

    assert cardholder.get(visit.url).status_code == 302
    assert Client().post("/people/compare/").status_code == 302


def test_lists_rows_page_by_page_and_keeps_ticks(visit: Visit, owner: Person) -> None:
    new = [[f"p{number:03}@example.com", "New", "One", "", "", ""] for number in range(120)]
    visit.compare(rows(row_of(owner), *new))
    shown = visit.client.get(f"{visit.url}?show=new").context["page"]
    ticked = [row.pk for row in shown][1:]

    visit.post(show="new", shown=[row.pk for row in shown], row=ticked, page="1", do="2")

    assert "Selected: 119 to add" in visit.page()
    assert "Page 2 of 3. 120 rows" in text_of(visit.client.get(f"{visit.url}?show=new&page=2"))
    assert "p007@example.com" in text_of(visit.client.get(f"{visit.url}?show=new&q=p007"))
    few = len(queries_of(visit.client, f"{visit.url}?show=new&q=p007"))
    assert len(queries_of(visit.client, f"{visit.url}?show=new")) == few


def test_gives_the_unreadable_rows_back_as_they_were(visit: Visit, owner: Person) -> None:
    bad = ["no address", "=1+1", "B", "", "", ""]
    visit.compare(rows(row_of(owner), bad))

    answer: Any = visit.client.get(f"{visit.url}unreadable.csv")

    lines = b"".join(answer).decode("utf-8-sig").splitlines()
    assert lines[0] == f"Row,Reason,{','.join(HEADER)}"
    assert lines[1] == "3,“no address” is not an email address.,no address,'=1+1,B,,,"


def test_is_read_again_with_another_encoding(visit: Visit, owner: Person) -> None:
    content = as_csv([("Email", "Surname"), (owner.email, "Łódź")]).encode("cp1250")
    visit.upload(content)
    assert "Łódź" not in text_of(visit.client.get(f"{visit.url}columns/"))

    visit.client.post(
        f"{visit.url}columns/",
        {"again": "yes", "encoding": "cp1250", "separator": ",", "key": "email"},
    )

    assert "Łódź" in text_of(visit.client.get(f"{visit.url}columns/"))


def test_is_deleted_when_it_is_discarded(visit: Visit, owner: Person) -> None:
    visit.compare(rows(row_of(owner), NEW))

    visit.client.post(f"{visit.url}delete/")

    assert not Comparison.objects.exists()
    assert not ComparisonRow.objects.exists()


class PowerCut(BaseException):
    """The worker is killed: nothing catches this."""


class DiesAfter:
    """Lets only so many statements happen."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        if not self.left:
            raise PowerCut
        self.left -= 1
        return execute(*statement)


@pytest.mark.django_db(transaction=True)
def test_survives_a_worker_that_is_killed_again_and_again(
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
    """Kill the worker after ever more statements, until a worker has finished; count deaths."""
    deaths = 0
    while True:
        try:
            with connection.execute_wrapper(DiesAfter(10 + 2 * deaths)):
                continue_comparisons()
        except PowerCut:
            connection.close()
            deaths += 1
        else:
            return deaths
